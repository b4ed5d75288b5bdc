/** `dbt deps`, only when it has something to do: packages.yml changed, or the packages are not there. */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { TidemarkError } from "../pipeline/errors";
import type { DbtSpec } from "../pipeline/spec";
import { type DbtFolders, depsArgs } from "./dbt-command";
import type { DbtExit } from "./dbt-process";
import { ownDbtMessage } from "./safe-message";

const FILES = ["packages.yml", "dependencies.yml", "package-lock.yml"];

/** @throws TidemarkError DBT_PACKAGES (transient: the hub or git may answer again) */
export async function installPackages(
  dbt: DbtSpec,
  cacheDir: string,
  run: (args: (folders: DbtFolders) => string[]) => Promise<{ exit: DbtExit; output: string }>,
): Promise<string[]> {
  const wanted = hashOf(dbt.project_dir);
  if (wanted === undefined) return [];
  const record = join(
    cacheDir,
    "packages",
    createHash("sha256").update(dbt.project_dir).digest("hex").slice(0, 24),
  );
  const installed = existsSync(record) ? readFileSync(record, "utf8") : undefined;
  const there = existsSync(join(dbt.project_dir, installFolder(dbt.project_dir)));
  // Packages that somebody else installed, or that are kept with the project, are taken as they are.
  if (there && (installed === undefined || installed === wanted)) {
    remember(record, wanted);
    return [];
  }
  const { exit, output } = await run(folders => depsArgs(dbt, folders));
  if (exit.code !== 0) {
    // Of a file that is a list of nothing dbt says no more than the key that it missed.
    const said = exit.log.crashed
      ? "dbt broke while it read packages.yml or dependencies.yml; check their form."
      : ownDbtMessage(exit.log.fatal ?? exit.stderr);
    throw new TidemarkError(
      "DBT_PACKAGES",
      `dbt deps could not install the packages of ${dbt.project_dir}: ${said} ` +
        "Retried. Where no hub and no git can be reached, run `dbt deps` elsewhere and keep the folder dbt_packages with the project. " +
        `The whole log is in ${output}.`,
      { step: "transform" },
    );
  }
  // dbt deps may have written package-lock.yml.
  remember(record, hashOf(dbt.project_dir) ?? wanted);
  return ["dbt deps: packages.yml had changed, packages were installed"];
}

function remember(record: string, hash: string): void {
  mkdirSync(join(record, ".."), { recursive: true });
  writeFileSync(record, hash);
}

/** undefined: the project names no packages. */
function hashOf(project: string): string | undefined {
  const texts = FILES.map(name => {
    const path = join(project, name);
    return existsSync(path) ? readFileSync(path, "utf8") : "";
  });
  // dependencies.yml may hold projects only.
  if (!texts.slice(0, 2).some(text => /^\s*packages\s*:/m.test(text))) return undefined;
  return createHash("sha256").update(texts.join("\0")).digest("hex");
}

function installFolder(project: string): string {
  const settings = readFileSync(join(project, "dbt_project.yml"), "utf8");
  return (
    /^packages-install-path\s*:\s*["']?([^"'#\r\n]+?)["']?\s*(?:#.*)?$/m.exec(settings)?.[1] ?? "dbt_packages"
  );
}
