/** Programs: there, and of a version that works together with the rest. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { DbtAdapter } from "../destinations/destination";
import { type Check, failed, passed, toCheck, warned } from "./check";

const run = promisify(execFile);
const TIMEOUT_MS = 20_000;
const SETUP = "From a checkout `npm run setup` sets it up.";

export interface DoctorTools {
  /** `process.version`. */
  nodeVersion: string;
  /** The Temporal CLI. */
  temporal?: string;
  /** Python that has dbt. */
  dbtPython?: string;
  findProgram(name: string): string | undefined;
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
print(json.dumps({"python": sys.version.split()[0], **{name: v(name) for name in sys.argv[1:]}}))
`;

export async function checkDbt(
  tools: DoctorTools,
  adapter: DbtAdapter,
  env: Record<string, string>,
): Promise<Check[]> {
  const setup = `From a checkout \`${adapter.setup}\` sets it up.`;
  if (tools.dbtPython === undefined) return [failed("dbt", "no Python with dbt found", setup)];
  let found: { [name: string]: string | null };
  try {
    const { stdout } = await run(
      tools.dbtPython,
      ["-c", VERSIONS, "dbt-core", adapter.distribution, ...(adapter.packages ?? [])],
      { timeout: TIMEOUT_MS, env },
    );
    found = JSON.parse(stdout);
  } catch (error) {
    return [failed("python", `${tools.dbtPython} does not run (${codeOf(error)})`, setup)];
  }
  return [passed("python", found.python ?? ""), ...dbtVersions(found, adapter)];
}

/** Pure: which versions work together. */
export function dbtVersions(
  found: { [name: string]: string | null },
  { distribution, setup, findings }: Pick<DbtAdapter, "distribution" | "setup" | "findings">,
): Check[] {
  const core = found["dbt-core"] ?? undefined;
  const version = found[distribution];
  return [
    core === undefined
      ? failed("dbt", "dbt-core is not installed", `From a checkout \`${setup}\` sets it up.`)
      : /^1\.1[01]\./.test(core)
        ? passed("dbt", `dbt-core ${core}`)
        : warned("dbt", `dbt-core ${core} was not tried`, "Tried: the 1.11 line (1.12 downloads at start)."),
    version
      ? passed("dbt adapter", `${distribution} ${version}`)
      : failed(
          "dbt adapter",
          `${distribution} is not installed`,
          `Install it beside dbt: pip install '${distribution}~=1.11.0'.`,
        ),
    ...(findings?.(found) ?? []).map(toCheck),
  ];
}

function codeOf(error: unknown): string {
  const { code, signal } = error as { code?: string | number; signal?: string };
  return String(code ?? signal ?? "failed");
}
