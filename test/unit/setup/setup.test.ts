import { execFile } from "node:child_process";
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";

const SETUP = resolve(__dirname, "../../../setup");
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "tidemark-setup-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

interface Outcome {
  code: number;
  out: string;
  err: string;
}

/** A bare Node, as on a fresh clone: jest's own loaders stay out of it. */
function node(args: string[], env: NodeJS.ProcessEnv): Promise<Outcome> {
  return new Promise(done => {
    execFile(process.execPath, args, { env }, (error, out, err) => {
      done({ code: error ? Number(error.code) : 0, out, err });
    });
  });
}

function isInstalled(lock: object, record?: object): Promise<string> {
  writeFileSync(join(folder, "package-lock.json"), JSON.stringify({ packages: lock }));
  mkdirSync(join(folder, "node_modules"), { recursive: true });
  const recordFile = join(folder, "node_modules/.package-lock.json");
  if (record) writeFileSync(recordFile, JSON.stringify({ packages: record }));
  else rmSync(recordFile, { force: true });
  const script = `import(${JSON.stringify(join(SETUP, "node-modules.mjs"))}).then(m => console.log(m.isInstalled(${JSON.stringify(folder)})))`;
  return node(["-e", script], {}).then(({ out }) => out.trim());
}

test("installed means: npm's record holds every wanted version, but for optional packages", async () => {
  const lock = {
    "": { name: "x" },
    "node_modules/a": { version: "1.0.0" },
    "node_modules/b": { version: "2.0.0", optional: true },
  };
  expect(await isInstalled(lock, { "node_modules/a": { version: "1.0.0" } })).toBe("true");
  expect(await isInstalled(lock, { "node_modules/a": { version: "1.0.1" } })).toBe("false");
  expect(await isInstalled(lock, {})).toBe("false");
  expect(await isInstalled(lock)).toBe("false");
});

test("a Node that is too old gets one clear sentence", async () => {
  const script = `import(${JSON.stringify(join(SETUP, "node-modules.mjs"))}).then(m => m.checkNode("20.2.9")).catch(e => console.log(e.message))`;
  expect((await node(["-e", script], {})).out).toMatch(/^Node 20\.2\.9 is too old: .*20\.3.*nodejs\.org/);
});

test("without python3 it says what is missing, why, and how to get it; an unknown option is refused", async () => {
  const env = { PATH: folder, HOME: folder, TIDEMARK_CACHE: join(folder, "cache") };
  const missing = await node([join(SETUP, "main.mjs"), "--venv"], env);
  expect(missing.code).toBe(1);
  expect(missing.err).toMatch(/^Set-up stopped: python3 is not on PATH\. It runs dbt.*Get it from/);
  expect(missing.err.trim().split("\n")).toHaveLength(1);
  expect((await node([join(SETUP, "main.mjs"), "--nonsense"], env)).err).toMatch(
    /Unknown option '--nonsense'/,
  );
});

test("with all in place it starts no program and takes under a second", async () => {
  const env = { PATH: join(folder, "bin"), HOME: folder, TIDEMARK_CACHE: join(folder, "cache") };
  mkdirSync(env.PATH);
  for (const name of ["temporal", "postgres", "initdb"]) symlinkSync(process.execPath, join(env.PATH, name));
  const started = performance.now();
  const { code, out } = await node([join(SETUP, "main.mjs"), "--temporal", "--postgres"], env);
  expect(performance.now() - started).toBeLessThan(1_000);
  expect(code).toBe(0);
  expect(out.split("\n").slice(0, 2)).toEqual([
    "Temporal server: found on PATH",
    `PostgreSQL: found in ${env.PATH}`,
  ]);
});

test("without a Temporal server to be had, the way to one is told and nothing is left behind", async () => {
  // set-up in a folder without node_modules: the SDK's download cannot even start
  for (const file of [
    "temporal.mjs",
    "temporal-download.cjs",
    "lock.mjs",
    "run-command.mjs",
    "tool-paths.js",
  ]) {
    mkdirSync(join(folder, "setup"), { recursive: true });
    copyFileSync(join(SETUP, file), join(folder, "setup", file));
  }
  const script = `import(${JSON.stringify(join(folder, "setup/temporal.mjs"))}).then(m => m.ensureTemporal({ log() {} })).catch(e => console.log(e.message))`;
  const env = { PATH: dirname("/nowhere/x"), HOME: folder, TIDEMARK_CACHE: join(folder, "cache") };
  const { out } = await node(["-e", script], env);
  expect(out).toMatch(/^No Temporal server: .*docs\.temporal\.io.*go\.dev/);
  const { out: left } = await node(
    ["-p", `fs.readdirSync(${JSON.stringify(join(folder, "cache"))}).join()`],
    {},
  );
  expect(left.trim()).toBe("");
});

test("of many that find a lock whose holder is dead, one at a time goes on", async () => {
  const gone = (await node(["-p", "process.pid"], {})).out.trim();
  writeFileSync(join(folder, "thing.lock"), `${gone} token`);
  // Between look and removal anything may happen.
  const slowly = `const now = fs.rmSync; fs.rmSync = (...args) => {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100);
    now(...args);
  }; require("node:module").syncBuiltinESMExports();`;
  const script = `${slowly} import(${JSON.stringify(join(SETUP, "lock.mjs"))}).then(({ withLock }) => withLock(${JSON.stringify(join(folder, "thing"))}, () => {}, async () => {
    fs.mkdirSync(${JSON.stringify(join(folder, "inside"))});
    await new Promise(done => setTimeout(done, 30));
    fs.rmdirSync(${JSON.stringify(join(folder, "inside"))});
  }))`;
  const ends = await Promise.all(Array.from({ length: 6 }, () => node(["-e", script], {})));
  expect(ends.map(({ code, err }) => [code, err])).toEqual(Array(6).fill([0, ""]));
  expect(readdirSync(folder)).toEqual([]);
});
