/**
 * The package as others get it: packed once, installed with its peers into a folder outside the checkout, and used there by
 * `own-worker`, a project with a worker, a workflow and an activity of its own (`npm run test:package`).
 */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Connection } from "@temporalio/client";
import { toolPaths } from "../../src/tools";
import { REPOSITORY } from "../support/project";

const NAMESPACE = "elt";
const PUBLINT = "publint@0.3.25";
const ATTW = "@arethetypeswrong/cli@0.18.5";
const own = JSON.parse(readFileSync(join(REPOSITORY, "package.json"), "utf8"));
const lock = JSON.parse(readFileSync(join(REPOSITORY, "package-lock.json"), "utf8")).packages;
const locked = (name: string): string => lock[`node_modules/${name}`].version;

let folder: string;
let tarball: string;
let env: NodeJS.ProcessEnv;
let worker: ChildProcess | undefined;

interface Outcome {
  code: number;
  out: string;
  err: string;
}

function run(command: string, args: string[], cwd = folder): Promise<Outcome> {
  return new Promise(done => {
    execFile(command, args, { cwd, env, maxBuffer: 1 << 26 }, (error, out, err) =>
      done({ code: error === null ? 0 : Number(error.code ?? 1), out, err }),
    );
  });
}

async function must(command: string, args: string[], cwd = folder): Promise<string> {
  const { code, out, err } = await run(command, args, cwd);
  if (code !== 0) throw new Error(`${command} ${args.join(" ")} ended with ${code}:\n${out}${err}`);
  return out;
}

const lastLine = (out: string): unknown => JSON.parse(out.trim().split("\n").at(-1)!);
const tsc = (project: string) => run(join(folder, "node_modules", ".bin", "tsc"), ["-p", project]);

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "tidemark-package-"));
  const address = process.env.TIDEMARK_TEST_ADDRESS!;
  env = {
    ...process.env,
    TEMPORAL_ADDRESS: address,
    ENCRYPTION_KEY: "07".repeat(32),
    npm_config_audit: "false",
    npm_config_fund: "false",
    npm_config_prefer_offline: "true",
    TIDEMARK_CACHE: join(folder, "cache"),
    // The test server of `tidemark/testing`.
    PATH: `${join(toolPaths(process.env).temporal!, "..")}:${process.env.PATH}`,
  };
  for (const name of ["NODE_OPTIONS", "NODE_PATH", "TS_NODE_PROJECT"]) delete env[name];
  // dist/ is built by the run's set-up; types are checked by `npm run types`.
  const packed = await must(
    "npm",
    ["pack", "--json", "--ignore-scripts", "--pack-destination", folder],
    REPOSITORY,
  );
  tarball = join(folder, JSON.parse(packed)[0].filename);
  cpSync(join(__dirname, "own-worker"), folder, { recursive: true });
  const sdk = ["activity", "client", "common", "plugin", "testing", "worker", "workflow"];
  const dependencies = {
    tidemark: `file:${tarball}`,
    ...Object.fromEntries(sdk.map(name => [`@temporalio/${name}`, locked("@temporalio/worker")])),
    "@temporalio/proto": locked("@temporalio/proto"),
    "@types/node": locked("@types/node"),
    // The SDK's own types ask for it.
    "@types/ms": "2.1.0",
    typescript: locked("typescript"),
  };
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "team", private: true, dependencies }));
  await must("npm", ["install", "--no-package-lock"]);
  const connection = await Connection.connect({ address });
  await connection.workflowService.registerNamespace({
    namespace: NAMESPACE,
    workflowExecutionRetentionPeriod: { seconds: 86_400 as never },
  });
  await connection.close();
});

afterAll(async () => {
  if (worker !== undefined && worker.exitCode === null) {
    const ended = new Promise(done => worker!.once("exit", done));
    worker.kill("SIGTERM");
    await ended;
  }
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
});

test("the tarball holds what runs and what is copied from, and nothing else", async () => {
  const files = (await must("tar", ["tzf", tarball])).trim().split("\n");
  const top = new Set(files.map(file => file.split("/").slice(0, 2).join("/")));
  expect([...top].sort()).toEqual(
    ["bin", "dist", "setup", "pipelines", "dbt", "docs", "python", "schema", "templates"]
      .concat(["package.json", "README.md", "LICENSE", "CHANGELOG.md", ".env.example"])
      .map(name => `package/${name}`)
      .sort(),
  );
  // A template brings a test of its own.
  const own = files.filter(file => !file.startsWith("package/templates/"));
  expect(own.filter(file => /\/(test|src)\/|__pycache__|\.tsbuildinfo$/.test(file))).toEqual([]);
  expect(files.filter(file => /^package\/dist\/.*(?<!\.d)\.ts$/.test(file))).toEqual([]);
  expect(files).toContain("package/dist/dlt-project/read_project.py");
});

test("what the registry's tools say: publint and are-the-types-wrong", async () => {
  // It suggests "type": "commonjs", which would forbid Node to read TypeScript pipelines of a checkout by itself.
  expect(await must("npx", ["--yes", PUBLINT, tarball, "--level", "warning"])).toMatch(/All good/);
  expect(await must("npx", ["--yes", ATTW, tarball])).toMatch(/No problems found/);
});

test("CommonJS and NodeNext: types under skipLibCheck false, require and import", async () => {
  expect(await tsc("tsconfig.json")).toMatchObject({ code: 0, out: "" });
  expect(await tsc("tsconfig.nodenext.json")).toMatchObject({ code: 0, out: "" });
  // The check can fail: a source that is none.
  writeFileSync(
    join(folder, "src", "wrong.mts"),
    'import { source } from "tidemark";\nexport default source({ orders: { primary_key: 1 } });\n',
  );
  expect((await tsc("tsconfig.nodenext.json")).out).toMatch(/wrong\.mts.*TS/);
  rmSync(join(folder, "src", "wrong.mts"));
  const options = ["--noEmit", "false", "--outDir", "esm", "-p", "tsconfig.nodenext.json"];
  await must(join(folder, "node_modules", ".bin", "tsc"), options);
  const made = ["tidemark.plugin", "shop", "pipeline", "load", "TestProject", "TidemarkError"];
  expect(lastLine(await must("node", ["esm/entries.mjs"]))).toEqual(made);
  const entries = Object.keys(own.exports).map(entry => entry.replace(".", "tidemark"));
  await must("node", ["-e", `for (const entry of ${JSON.stringify(entries)}) require(entry)`]);
  expect(await must("node_modules/.bin/tidemark", ["--version"])).toBe(`${own.version}\n`);
});

test("a worker of the team's own: namespace, task queue, codec, workflow and activity; replay with the plugin", async () => {
  worker = spawn("node", ["lib/worker.js"], { cwd: folder, env, stdio: ["ignore", "pipe", "inherit"] });
  await new Promise<void>((up, fail) => {
    worker!.stdout!.once("data", () => up());
    worker!.once("exit", code => fail(new Error(`the worker ended with ${code}`)));
  });
  await must("temporal", [
    ...["workflow", "start", "--address", env.TEMPORAL_ADDRESS!, "--namespace", NAMESPACE],
    ...["--task-queue", "elt", "--type", "pipeline", "--workflow-id", "by-command"],
    ...["--input", '{"pipeline":"shop"}'],
  ]);
  const { byCommand, night, readable, replayed } = lastLine(await must("node", ["lib/night.js"])) as {
    byCommand: { table: string; rows: number }[];
    night: unknown;
    readable: string[];
    replayed: { [workflow: string]: string };
  };
  expect(byCommand.map(({ table, rows }) => [table, rows])).toEqual(
    expect.arrayContaining([
      ["orders", 2],
      ["customers", 1],
    ]),
  );
  // The incremental cursor went on: nothing new in orders.
  expect(night).toEqual({ greeting: "Good night, Ada Lovelace", tables: { customers: 1 } });
  expect(readable).toEqual([]);
  expect(Object.keys(replayed).length).toBeGreaterThanOrEqual(4);
  expect(new Set(Object.values(replayed))).toEqual(new Set(["replays"]));
});

test("tidemark/testing: the team's own test of a pipeline, with its rows and with rows of the test", async () => {
  expect(lastLine(await must("node", ["lib/try.js"]))).toEqual({
    own: [{ id: 7 }],
    faked: [
      { id: 1, name: "Ada Lovelace", at: "2026-01-01T00:00:00.000Z" },
      { id: 2, name: "Fake", at: "2026-01-03T00:00:00.000Z" },
    ],
  });
});
