/** node_modules as package-lock.json wants it. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { lastLine, run, SetupError, seconds } from "./run-command.mjs";

const OLDEST_NODE = [20, 3];

/** @throws SetupError when this Node is too old for the Temporal SDK */
export function checkNode(version = process.versions.node) {
  const [major, minor] = version.split(".").map(Number);
  if (major > OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor >= OLDEST_NODE[1])) return;
  throw new SetupError(
    `Node ${version} is too old: the Temporal SDK needs ${OLDEST_NODE.join(".")} or newer. Get it from https://nodejs.org or with \`nvm install 20\`.`,
  );
}

function readJson(file) {
  return JSON.parse(readFileSync(file, "utf8"));
}

/**
 * npm's own record of what it installed (written last) against the lock file: true also after `npm install`,
 * false after a pull that moved a version or after an install that was cut off.
 */
export function isInstalled(root) {
  const record = join(root, "node_modules", ".package-lock.json");
  if (!existsSync(record)) return false;
  const wanted = readJson(join(root, "package-lock.json")).packages;
  const present = readJson(record).packages;
  return Object.entries(wanted).every(([path, { version, optional, link }]) => {
    if (path === "" || link) return true;
    const found = present[path];
    // an optional package of another platform is absent by right
    return found ? found.version === version : optional === true;
  });
}

/** @returns {Promise<{ path: string }>} the node_modules folder */
export async function ensureNodeModules({ log, root }) {
  checkNode();
  const path = join(root, "node_modules");
  if (isInstalled(root)) {
    log("Node modules: ready");
    return { path };
  }
  const started = performance.now();
  log("Node modules: installing what package-lock.json lists (npm ci)");
  const result = await run("npm", ["ci", "--no-audit", "--no-fund"], {
    cwd: root,
    log,
    what: "Node modules",
  });
  if (!result.ok) {
    throw new SetupError(
      `npm ci failed: ${lastLine(result.output)}. It installs Tidemark's libraries; check that npm is on PATH and its registry can be reached, then run this again.`,
    );
  }
  log(`Node modules: installed (${seconds(started)})`);
  return { path };
}
