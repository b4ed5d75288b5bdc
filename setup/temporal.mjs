/** A Temporal server: on PATH, else the SDK's download, else built by Go. */
import { chmodSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { withLock } from "./lock.mjs";
import { lastLine, run, SetupError, seconds } from "./run-command.mjs";
import { findOnPath, TEMPORAL_CLI_VERSION, temporalCachePlaces, temporalPath } from "./tool-paths.js";

const HERE = dirname(fileURLToPath(import.meta.url));
/** A download that has not finished by then is on a line too slow to wait for without a word. */
const DOWNLOAD_TIMEOUT_MS = 20_000;
const GO_PACKAGE = `github.com/temporalio/cli/cmd/temporal@v${TEMPORAL_CLI_VERSION}`;

/** Makes `file` out of what `work` leaves in a folder beside it: never half a program at the final place. */
async function fillInto(file, work) {
  const building = `${dirname(file)}.building`;
  rmSync(building, { recursive: true, force: true });
  mkdirSync(building, { recursive: true });
  try {
    const result = await work(building);
    if (!result.ok) return result;
    const made = readdirSync(building).find(name => name.startsWith("temporal"));
    if (!made) return { ok: false, output: "it left no program behind" };
    mkdirSync(dirname(file), { recursive: true });
    chmodSync(join(building, made), 0o755);
    renameSync(join(building, made), file);
    return result;
  } finally {
    rmSync(building, { recursive: true, force: true });
  }
}

function download(file) {
  return fillInto(file, folder =>
    run(process.execPath, [join(HERE, "temporal-download.cjs"), folder], { timeoutMs: DOWNLOAD_TIMEOUT_MS }),
  );
}

function build(file, env, log) {
  return fillInto(file, folder =>
    run("go", ["install", GO_PACKAGE], {
      env: { ...env, GOBIN: folder },
      log,
      what: "Temporal server: building",
    }),
  );
}

async function obtain(env, log) {
  const started = performance.now();
  const places = temporalCachePlaces(env);
  log("Temporal server: not on PATH, trying the SDK's download");
  if ((await download(places.downloaded)).ok) {
    log(`Temporal server: downloaded (${seconds(started)})`);
    return;
  }
  const howTo =
    "It runs the workflows. Put the `temporal` CLI on PATH (https://docs.temporal.io/cli#install), or install Go (https://go.dev/dl) so that it can be built here, then run this again.";
  if (!findOnPath("go", env)) {
    throw new SetupError(`No Temporal server: none on PATH, the download was not to be had. ${howTo}`);
  }
  log("Temporal server: no download to be had, building it with Go (once, about 2.5 minutes)");
  const built = await build(places.built, env, log);
  if (!built.ok) throw new SetupError(`go install ${GO_PACKAGE} failed: ${lastLine(built.output)}. ${howTo}`);
  log(`Temporal server: built (${seconds(started)})`);
}

/** @returns {Promise<{ path: string }>} the `temporal` program */
export async function ensureTemporal({ log, env = process.env }) {
  const ready = temporalPath(env);
  if (ready) {
    log(`Temporal server: found ${ready === findOnPath("temporal", env) ? "on PATH" : "in the cache"}`);
    return { path: ready };
  }
  return withLock(dirname(temporalCachePlaces(env).built), log, async () => {
    if (!temporalPath(env)) await obtain(env, log);
    return { path: temporalPath(env) };
  });
}
