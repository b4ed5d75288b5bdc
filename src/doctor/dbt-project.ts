/** `dbt parse` and the schema names on both sides. Opens no database and no connection. */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TidemarkError } from "../pipeline/errors";
import { type Manifest, readManifest } from "../transform/artifacts";
import { parseArgs } from "../transform/dbt-command";
import { failureWithoutResults } from "../transform/dbt-failures";
import { runDbtProcess } from "../transform/dbt-process";
import { checkManifest } from "../transform/schema-check";
import { type Check, failed, passed } from "./check";

const TIMEOUT_MS = 120_000;

export interface ProjectOptions {
  project_dir: string;
  python: string;
  target: string;
  dataset: string;
  env: Record<string, string>;
}

export async function checkDbtProject(options: ProjectOptions): Promise<Check[]> {
  const folder = mkdtempSync(join(tmpdir(), "tidemark-doctor-"));
  try {
    const manifest = await parse(options, folder);
    return [
      passed("dbt parse", `${Object.keys(manifest.nodes).length} nodes`),
      sourceSchemas(manifest, options),
    ];
  } catch (error) {
    if (!(error instanceof TidemarkError)) throw error;
    return [
      failed("dbt parse", error.message, `dbt parse --project-dir ${options.project_dir} shows the same.`),
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function parse(options: ProjectOptions, folder: string): Promise<Manifest> {
  const folders = { target: join(folder, "target"), log: folder };
  const dbt = {
    project_dir: options.project_dir,
    profiles_dir: options.project_dir,
    target: options.target,
    freshness: false,
    full_refresh: false,
  };
  const output = join(folder, "output.log");
  const exit = await runDbtProcess({
    executable: options.python,
    args: parseArgs(dbt, folders),
    cwd: options.project_dir,
    env: options.env,
    recordPath: join(folder, "process.json"),
    outputPath: output,
    phase: "dbt parse",
    signal: AbortSignal.timeout(TIMEOUT_MS),
    onProgress: () => {},
    graceMs: 2_000,
  });
  const path = join(folders.target, "manifest.json");
  // The folder does not outlive this call; the same command by hand says the same.
  const at = {
    executable: options.python,
    output: "what `dbt parse` prints",
    project_dir: options.project_dir,
  };
  if (exit.code !== 0 || !existsSync(path)) throw failureWithoutResults("dbt parse", exit, at);
  return readManifest(path)!;
}

function sourceSchemas(manifest: Manifest, options: ProjectOptions): Check {
  try {
    checkManifest(manifest, { dataset: options.dataset, project_dir: options.project_dir });
    return passed("schema names", `dbt reads ${options.dataset}, which the pipelines load`);
  } catch (error) {
    return failed("schema names", (error as Error).message, "Give both sides the same DLT_DATASET_NAME.");
  }
}
