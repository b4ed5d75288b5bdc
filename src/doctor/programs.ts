/** Programs: there, and of a version that works together with the rest. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { type Check, failed, passed, warned } from "./check";

const run = promisify(execFile);
const TIMEOUT_MS = 20_000;
const SETUP = "From a checkout `npm run setup` (for Databricks `npm run setup:databricks`) sets it up.";

export interface DoctorTools {
  /** `process.version`. */
  nodeVersion: string;
  /** The Temporal CLI. */
  temporal?: string;
  /** Python that has dbt. */
  dbtPython?: string;
  /** The Databricks CLI; used online only. */
  databricks?: string;
}

export function checkNode(version: string): Check {
  const [major = 0, minor = 0] = version.replace(/^v/, "").split(".").map(Number);
  return major > 20 || (major === 20 && minor >= 3)
    ? passed("node", version)
    : failed("node", `${version} is too old`, "Install Node 20.3 or newer.");
}

export async function checkTemporal(tools: DoctorTools, env: Record<string, string>): Promise<Check> {
  const own = Boolean(env.TEMPORAL_ADDRESS);
  if (tools.temporal === undefined) {
    return own
      ? passed("temporal", "no CLI here; TEMPORAL_ADDRESS names a server")
      : failed("temporal", "no Temporal CLI found", `${SETUP} Or set TEMPORAL_ADDRESS to a server of yours.`);
  }
  try {
    const { stdout } = await run(tools.temporal, ["--version"], { timeout: TIMEOUT_MS, env });
    return passed("temporal", stdout.split("\n")[0]?.trim() ?? "");
  } catch (error) {
    return failed("temporal", `${tools.temporal} does not run (${codeOf(error)})`, SETUP);
  }
}

/** `dbt --version` asks the network for the latest release; this asks the venv itself. */
const VERSIONS = `
import importlib.metadata as m, json, sys
def v(name):
    try: return m.version(name)
    except m.PackageNotFoundError: return None
print(json.dumps({"python": sys.version.split()[0], "dbt-core": v("dbt-core"), "dbt-duckdb": v("dbt-duckdb"), "duckdb": v("duckdb"), "dbt-databricks": v("dbt-databricks")}))
`;

export async function checkDbt(
  tools: DoctorTools,
  destination: string,
  env: Record<string, string>,
): Promise<Check[]> {
  if (tools.dbtPython === undefined) return [failed("dbt", "no Python with dbt found", SETUP)];
  let found: { [name: string]: string | null };
  try {
    const { stdout } = await run(tools.dbtPython, ["-c", VERSIONS], { timeout: TIMEOUT_MS, env });
    found = JSON.parse(stdout);
  } catch (error) {
    return [failed("python", `${tools.dbtPython} does not run (${codeOf(error)})`, SETUP)];
  }
  return [passed("python", found.python ?? ""), ...dbtVersions(found, destination)];
}

/** Pure: which versions work together. */
export function dbtVersions(found: { [name: string]: string | null }, destination: string): Check[] {
  const core = found["dbt-core"] ?? undefined;
  const adapter = `dbt-${destination}`;
  const checks: Check[] = [];
  if (core === undefined) checks.push(failed("dbt", "dbt-core is not installed", SETUP));
  else if (/^1\.1[01]\./.test(core)) checks.push(passed("dbt", `dbt-core ${core}`));
  else
    checks.push(
      warned("dbt", `dbt-core ${core} was not tried`, "Tried: the 1.11 line (1.12 downloads at start)."),
    );
  const version = found[adapter];
  checks.push(
    version
      ? passed("dbt adapter", `${adapter} ${version}`)
      : failed(
          "dbt adapter",
          `${adapter} is not installed`,
          `Install it beside dbt: pip install '${adapter}~=1.11.0'.`,
        ),
  );
  if (destination === "duckdb" && found.duckdb && !found.duckdb.startsWith("1.5.")) {
    checks.push(
      failed(
        "duckdb",
        `dbt's duckdb is ${found.duckdb}, the worker's is 1.5`,
        "pip install 'duckdb~=1.5.0': they share one file.",
      ),
    );
  }
  return checks;
}

/** Only asked for online: it talks to the workspace. */
export async function checkBundle(
  tools: DoctorTools,
  cwd: string,
  env: Record<string, string>,
): Promise<Check> {
  if (tools.databricks === undefined) {
    return warned(
      "bundle",
      "no Databricks CLI found",
      "Install it to validate databricks.yml: docs.databricks.com/dev-tools/cli.",
    );
  }
  try {
    await run(tools.databricks, ["bundle", "validate"], { timeout: 120_000, cwd, env });
    return passed("bundle", "databricks.yml is valid");
  } catch (error) {
    return failed(
      "bundle",
      `databricks bundle validate failed (${codeOf(error)})`,
      "Run `databricks bundle validate` to see why.",
    );
  }
}

function codeOf(error: unknown): string {
  const { code, signal } = error as { code?: string | number; signal?: string };
  return String(code ?? signal ?? "failed");
}
