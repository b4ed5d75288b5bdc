/** What the doctor looks at: the connection's variables, and the project's bundle. */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Finding, ProjectLook, Surroundings } from "../destination";

const run = promisify(execFile);
const TIMEOUT_MS = 120_000;

export function checkEnvironment({ env }: Surroundings): Omit<Finding, "name"> {
  const credentials = "DESTINATION__DATABRICKS__CREDENTIALS__";
  const has = (...names: string[]) => names.some(name => Boolean(env[name]));
  const missing = [
    ...(has("DATABRICKS_HOST", `${credentials}SERVER_HOSTNAME`) ? [] : ["DATABRICKS_HOST"]),
    ...(has("DATABRICKS_HTTP_PATH", "DATABRICKS_WAREHOUSE_ID", `${credentials}HTTP_PATH`)
      ? []
      : ["DATABRICKS_HTTP_PATH"]),
    ...(has("DATABRICKS_TOKEN", `${credentials}ACCESS_TOKEN`) ||
    (has("DATABRICKS_CLIENT_ID", `${credentials}CLIENT_ID`) &&
      has("DATABRICKS_CLIENT_SECRET", `${credentials}CLIENT_SECRET`))
      ? []
      : ["DATABRICKS_TOKEN (or DATABRICKS_CLIENT_ID and DATABRICKS_CLIENT_SECRET)"]),
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
  try {
    await run(program, ["bundle", "validate"], { timeout: TIMEOUT_MS, cwd, env });
    return [{ name, ok: true, detail: "databricks.yml is valid" }];
  } catch (error) {
    const { code, signal } = error as { code?: string | number; signal?: string };
    const detail = `databricks bundle validate failed (${code ?? signal ?? "failed"})`;
    return [{ name, ok: false, detail, fix: "Run `databricks bundle validate` to see why." }];
  }
}
