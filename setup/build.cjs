/**
 * `npm run build`: dist/ from src/, as it is packed and as bin/tidemark runs it. TypeScript's own compiler writes
 * CommonJS, types and source maps; what is no TypeScript is copied; the workflows' bundle comes last. Types are not
 * checked here (`npm run types` does), so that a change can be tried at once.
 *
 * Cached by content: with nothing changed it is a look at some 400 files, about 10 ms.
 */
const { spawnSync } = require("node:child_process");
const { createHash } = require("node:crypto");
const {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} = require("node:fs");
const { dirname, join, relative } = require("node:path");

const ROOT = join(__dirname, "..");
/** What is built is a matter of these too. */
const ALSO = ["package.json", "tsconfig.json", "tsconfig.build.json", "setup/build.cjs"];
const STAMP = ".built.json";

function inputs() {
  const found = ALSO.map(name => join(ROOT, name));
  const folders = [join(ROOT, "src")];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) {
        if (entry.name !== "__pycache__") folders.push(path);
      } else found.push(path);
    }
  }
  return found.sort();
}

/** By name, size and time of change: cheap. */
function looks(files) {
  const hash = createHash("sha256");
  for (const file of files) {
    const { size, mtimeMs } = statSync(file);
    hash.update(`${relative(ROOT, file)}\0${size}\0${mtimeMs}\n`);
  }
  return hash.digest("hex");
}

function contents(files) {
  const hash = createHash("sha256");
  for (const file of files)
    hash
      .update(`${relative(ROOT, file)}\0`)
      .update(readFileSync(file))
      .update("\0");
  return hash.digest("hex");
}

function readStamp() {
  try {
    return JSON.parse(readFileSync(join(ROOT, "dist", STAMP), "utf8"));
  } catch {
    return undefined;
  }
}

/** @returns whether dist/ is what src/ makes; a checkout that was copied or touched counts by its content */
function isBuilt() {
  const stamp = readStamp();
  if (stamp === undefined) return false;
  const files = inputs();
  const now = looks(files);
  if (stamp.looks === now) return true;
  if (stamp.contents !== contents(files)) return false;
  try {
    writeFileSync(join(ROOT, "dist", STAMP), JSON.stringify({ ...stamp, looks: now }));
  } catch {
    // A folder that cannot be written: the next one compares contents again.
  }
  return true;
}

/** @throws Error with what the compiler says */
function build(log) {
  const started = performance.now();
  const files = inputs();
  const stamp = { looks: looks(files), contents: contents(files) };
  const next = join(ROOT, `dist.${process.pid}`);
  const before = join(ROOT, `dist.${process.pid}.before`);
  try {
    compile(next);
    for (const file of files) {
      const path = relative(join(ROOT, "src"), file);
      if (path.startsWith("..") || path.endsWith(".ts")) continue;
      mkdirSync(dirname(join(next, path)), { recursive: true });
      copyFileSync(file, join(next, path));
    }
    bundle(next);
    writeFileSync(join(next, STAMP), JSON.stringify(stamp));
    if (existsSync(join(ROOT, "dist"))) renameSync(join(ROOT, "dist"), before);
    renameSync(next, join(ROOT, "dist"));
  } finally {
    for (const left of [next, before]) rmSync(left, { recursive: true, force: true });
  }
  log(`Build: dist/ (${((performance.now() - started) / 1000).toFixed(1)} s)`);
}

function compile(folder) {
  let compiler;
  try {
    compiler = join(dirname(require.resolve("typescript/package.json", { paths: [ROOT] })), "bin", "tsc");
  } catch {
    throw new Error(
      "TypeScript is not installed, which builds Tidemark from a checkout: run `npm run setup` first.",
    );
  }
  run([compiler, "-p", join(ROOT, "tsconfig.build.json"), "--outDir", folder], "The compiler");
}

/** Built beside the code that it is made of, so that a worker starts without waiting for it. */
function bundle(folder) {
  run([join(folder, "workflow-bundle.js"), "--beside", join(ROOT, "dist")], "The bundle of the workflows");
}

function run(args, what) {
  const { status, stdout, stderr, error } = spawnSync(process.execPath, args, {
    cwd: ROOT,
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`${what} failed:\n${error?.message ?? `${stdout}${stderr}`.trim()}`);
}

/** One at a time: a second one waits, and finds the work done. */
async function ensureBuild({ log = console.log } = {}) {
  if (isBuilt()) {
    log("Build: ready");
    return;
  }
  const { withLock } = await import("./lock.mjs");
  await withLock(join(ROOT, "dist"), log, async () => {
    if (!isBuilt()) build(log);
  });
}

module.exports = { ensureBuild, isBuilt };

if (require.main === module) {
  ensureBuild().catch(error => {
    console.error(error.message);
    process.exitCode = 1;
  });
}
