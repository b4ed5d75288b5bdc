/** Python environments with pinned packages: dbt for the transform step, dlt for the parity tests. */
import { rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { withLock } from "./lock.mjs";
import { lastLine, run, SetupError, seconds } from "./run-command.mjs";
import { READY_FILE, venvDir, venvPython } from "./tool-paths.js";

const HERE = dirname(fileURLToPath(import.meta.url));
const PURPOSE = {
  dbt: "dbt, which builds the models",
  "dbt-databricks": "dbt with its Databricks adapter, which builds the models there",
  parity: "dlt, which the parity tests compare with",
  "parity-databricks":
    "dlt with its Databricks destination, which the tests against the stand-in compare with",
};
const CHECK_PYTHON =
  "import sys; assert sys.version_info >= (3, 10), sys.version.split()[0]; import venv, ensurepip";

async function checkPython(kind) {
  const why = `It runs ${PURPOSE[kind]}.`;
  const result = await run("python3", ["-c", CHECK_PYTHON]);
  if (result.ok) return;
  if (/No module named/.test(result.output)) {
    throw new SetupError(
      `Python's venv module is missing. ${why} Install it (Debian and Ubuntu: \`apt install python3-venv\`), then run this again.`,
    );
  }
  const version = /AssertionError: (\S+)/.exec(result.output)?.[1];
  const what = version ? `Python ${version} is too old: 3.10 or newer is needed.` : "python3 is not on PATH.";
  throw new SetupError(
    `${what} ${why} Get it from https://www.python.org or your package manager, then run this again.`,
  );
}

async function build(kind, folder, log) {
  const started = performance.now();
  await checkPython(kind);
  log(`Python venv for ${kind}: installing ${PURPOSE[kind]} (about a minute)`);
  rmSync(folder, { recursive: true, force: true });
  const made = await run("python3", ["-m", "venv", folder]);
  if (!made.ok) throw new SetupError(`python3 -m venv ${folder} failed: ${lastLine(made.output)}`);
  const requirements = join(HERE, `requirements-${kind}.txt`);
  const python = join(folder, "bin", "python");
  const installed = await run(python, ["-m", "pip", "install", "--quiet", "-r", requirements], {
    log,
    what: `Python venv for ${kind}`,
  });
  if (!installed.ok) {
    throw new SetupError(
      `pip could not install ${requirements}: ${lastLine(installed.output)}. Check that the Python package index can be reached, then run this again.`,
    );
  }
  writeFileSync(join(folder, READY_FILE), "");
  log(`Python venv for ${kind}: installed (${seconds(started)})`);
}

/**
 * @param {{ log: (line: string) => void, kind: import("./tool-paths.js").VenvKind, env?: NodeJS.ProcessEnv }} options
 * @returns {Promise<{ path: string }>} the venv's Python
 */
export async function ensureVenv({ log, kind, env = process.env }) {
  const ready = venvPython(kind, env);
  if (ready) {
    log(`Python venv for ${kind}: ready`);
    return { path: ready };
  }
  const folder = venvDir(kind, env);
  return withLock(folder, log, async () => {
    if (!venvPython(kind, env)) await build(kind, folder, log);
    return { path: venvPython(kind, env) };
  });
}
