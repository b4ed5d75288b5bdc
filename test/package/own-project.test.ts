/** From an empty folder and the packed tarball only: `npx tidemark init`, its two commands, and pipelines of one's own. */
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type JsonPlaceholder, startJsonPlaceholder } from "../../demo/jsonplaceholder";
import { queryFile, REPOSITORY } from "../support/project";

let root: string;
let folder: string;
let env: NodeJS.ProcessEnv;
let api: JsonPlaceholder;

function run(
  command: string,
  args: string[],
  cwd = folder,
): Promise<{ code: number; out: string; err: string }> {
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

const tidemark = (...args: string[]) => run("npx", ["tidemark", ...args]);

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), "tidemark-own-project-"));
  folder = join(root, "team");
  mkdirSync(folder);
  api = await startJsonPlaceholder({});
  env = {
    ...process.env,
    npm_config_audit: "false",
    npm_config_fund: "false",
    npm_config_prefer_offline: "true",
  };
  Object.assign(env, { TIDEMARK_TEMPORAL_PORT: "0", TIDEMARK_UI_PORT: "0" });
  for (const name of ["NODE_OPTIONS", "NODE_PATH", "TEMPORAL_ADDRESS"]) delete env[name];
  const pack = ["pack", "--json", "--ignore-scripts", "--pack-destination", root];
  const packed = JSON.parse(await must("npm", pack, REPOSITORY))[0].filename;
  await must("npm", ["install", join(root, packed)]);
});

afterAll(async () => {
  await api?.close();
  rmSync(root, { recursive: true, force: true });
});

test("init, its two commands, a REST pipeline with dbt, a source in code, and their tests", async () => {
  const made = await tidemark("init", "--template", "dbt");
  expect(made.err).toBe("");
  expect(made.out).toContain("npx tidemark run posts");
  await must("npm", ["install"]);
  expect((await tidemark("setup")).code).toBe(0);

  const spec = join(folder, "pipelines", "posts.yaml");
  writeFileSync(spec, readFileSync(spec, "utf8").replace("https://jsonplaceholder.typicode.com", api.url));
  const schema = /\$schema=(\S+)/.exec(readFileSync(spec, "utf8"))![1]!;
  expect(existsSync(join(folder, "pipelines", schema))).toBe(true);
  expect((await tidemark("check")).out).toContain("ok     posts: rest_api → duckdb, dataset raw, then dbt");
  const ran = await tidemark("run", "posts");
  expect(ran.err).not.toMatch(/\bat .*\.js:/);
  expect([ran.code, ran.out]).toEqual([0, expect.stringMatching(/comments\s*│\s*500/)]);
  const file = join(folder, ".tidemark", "tidemark.duckdb");
  expect(await queryFile(file, "SELECT sum(comments)::INT AS n FROM analytics.post_comments")).toEqual([
    { n: 500 },
  ]);
  const judged = await tidemark("doctor");
  expect(judged.out).toContain("ok      pipeline posts: valid");
  expect(judged.code).toBe(0);

  // A source of one's own beside it, found from a folder below.
  writeFileSync(
    join(folder, "tidemark.config.json"),
    JSON.stringify({ pipelines: "pipelines", dbt: "dbt", sources: { shop: "./sources/shop.ts" } }),
  );
  mkdirSync(join(folder, "sources"));
  writeFileSync(
    join(folder, "sources", "shop.ts"),
    `import { source } from "tidemark";
     async function* orders(): AsyncGenerator<object[]> { yield [{ id: 1, total: 9.5 }, { id: 2, total: 3 }]; }
     export const shop = source({ orders: { rows: orders as never, primary_key: "id", write_disposition: "merge" } });`,
  );
  writeFileSync(
    join(folder, "pipelines", "shop.yaml"),
    "pipeline_name: shop\nsource: { type: code, source: shop }\n",
  );
  const own = await run("npx", ["tidemark", "run", "shop", "--json"], join(folder, "sources"));
  expect(own.err).not.toMatch(/\bat .*\.js:/);
  expect(JSON.parse(own.out).load.tables).toContainEqual(
    expect.objectContaining({ table: "orders", rows: 2 }),
  );
  expect(await must("npm", ["test"])).toMatch(/# pass 1/);
}, 580_000);

test("init writes over nothing, and says so with a code", async () => {
  const again = await tidemark("init", "--json");
  expect([again.code, JSON.parse(again.out).error.code]).toEqual([2, "FOLDER_NOT_EMPTY"]);
  const unknown = await tidemark("init", "other", "--template", "rset");
  expect([unknown.code, unknown.err]).toEqual([2, expect.stringContaining('did you mean "rest"')]);
});
