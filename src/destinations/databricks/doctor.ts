/** What the doctor looks at: the connection's variables, and the project's bundle. */
import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { cutText } from "../../pipeline/cut-text";
import type { Finding, ProjectLook, Surroundings } from "../destination";
import { type CliProfile, configFile, readProfile } from "./cli-profile";

const run = promisify(execFile);
const TIMEOUT_MS = 120_000;

export function checkEnvironment({ env }: Surroundings): Omit<Finding, "name"> {
  const credentials = "DESTINATION__DATABRICKS__CREDENTIALS__";
  const has = (...names: string[]) => names.some(name => Boolean(env[name]));
  const account =
    has("DATABRICKS_TOKEN", `${credentials}ACCESS_TOKEN`) ||
    (has("DATABRICKS_CLIENT_ID", `${credentials}CLIENT_ID`) &&
      has("DATABRICKS_CLIENT_SECRET", `${credentials}CLIENT_SECRET`));
  const name = account ? undefined : env.DATABRICKS_CONFIG_PROFILE || undefined;
  let profile: CliProfile = {};
  try {
    const file = configFile(env);
    if (name !== undefined)
      profile = readProfile({ profile: name, ...(file === undefined ? {} : { config_file: file }) });
  } catch (error) {
    return {
      ok: false,
      detail: (error as Error).message,
      fix: "Log in, or unset DATABRICKS_CONFIG_PROFILE.",
    };
  }
  const session = has("DATABRICKS_SESSION_URL");
  const missing = [
    ...(profile.host || has("DATABRICKS_HOST", `${credentials}SERVER_HOSTNAME`) ? [] : ["DATABRICKS_HOST"]),
    ...(session ||
    profile.warehouse_id ||
    has("DATABRICKS_HTTP_PATH", "DATABRICKS_WAREHOUSE_ID", `${credentials}HTTP_PATH`)
      ? []
      : ["DATABRICKS_HTTP_PATH"]),
    ...(session || account || name !== undefined
      ? []
      : [
          "DATABRICKS_TOKEN (or DATABRICKS_CLIENT_ID and DATABRICKS_CLIENT_SECRET, or DATABRICKS_CONFIG_PROFILE)",
        ]),
  ];
  return missing.length === 0
    ? { ok: true, detail: "databricks, connection variables set" }
    : {
        ok: false,
        detail: `databricks needs ${missing.join(", ")}`,
        fix: "Set them in .env or where the worker runs.",
      };
}

/** Validating talks to the workspace: only online. */
export async function checkBundle({ cwd, env, online, findProgram }: ProjectLook): Promise<Finding[]> {
  const name = "bundle";
  if (!existsSync(join(cwd, "databricks.yml"))) return [];
  if (!online) return [{ name, ok: true, detail: "databricks.yml is there; --online validates it" }];
  const program = findProgram("databricks");
  if (program === undefined) {
    const fix = "Install it to validate databricks.yml: docs.databricks.com/dev-tools/cli.";
    return [{ name, ok: false, isWarning: true, detail: "no Databricks CLI found", fix }];
  }
  const { parse } = await import("yaml");
  const document = parse(readFileSync(join(cwd, "databricks.yml"), "utf8")) as BundleFile;
  const { args, placeholders } = variablesToGive(document, env);
  try {
    await run(program, ["bundle", "validate", ...args], { timeout: TIMEOUT_MS, cwd, env });
    const tried = placeholders.map(variable => `${variable} is not set here: tried with a placeholder`);
    return [{ name, ok: true, detail: ["databricks.yml is valid", ...tried].join("; ") }];
  } catch (error) {
    const { code, signal, stdout, stderr } = error as ProgramFailure;
    const detail = `databricks bundle validate failed (${code ?? signal ?? "failed"})${told(stderr, stdout)}`;
    return [{ name, ok: false, detail, fix: "Run `databricks bundle validate` to see all of it." }];
  }
}

type BundleFile = { variables?: { [name: string]: object | null } } | null;

interface ProgramFailure {
  code?: string | number;
  signal?: string;
  stdout?: string;
  stderr?: string;
}

/** The program's own first error. */
function told(...outputs: (string | undefined)[]): string {
  const line = outputs
    .flatMap(output => output?.split("\n") ?? [])
    .find(text => /^(Error|Warning):/.test(text));
  return line === undefined ? "" : `: ${cutText(line, 300)}`;
}

/**
 * A variable without a default must be given to every command. What is only known where the bundle is deployed gets a
 * placeholder: nothing that `validate` looks at depends on it.
 */
export function variablesToGive(
  bundle: BundleFile,
  env: { readonly [name: string]: string | undefined },
): { args: string[]; placeholders: string[] } {
  const known: { [variable: string]: string | undefined } = {
    warehouse_id: env.DATABRICKS_WAREHOUSE_ID || env.DATABRICKS_HTTP_PATH?.split("/").at(-1),
  };
  const args: string[] = [];
  const placeholders: string[] = [];
  for (const [variable, about] of Object.entries(bundle?.variables ?? {})) {
    const given = about !== null && ("default" in about || "lookup" in about);
    if (given || env[`BUNDLE_VAR_${variable}`] !== undefined) continue;
    const value = known[variable];
    if (!value) placeholders.push(variable);
    args.push("--var", `${variable}=${value || "placeholder"}`);
  }
  return { args, placeholders };
}
