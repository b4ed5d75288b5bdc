/** The gate for a project that is not ours: own numbers, own dbt project, and what a blocked run looks like outside. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Client, Connection } from "@temporalio/client";
import { startJsonPlaceholder } from "../../demo/jsonplaceholder";
import { type Dev, startDev, tidemark } from "../support/cli";
import { newProject, type Project } from "../support/project";

const source = (url: string) => ({
  type: "rest_api",
  name: "github",
  client: { base_url: url, paginator: "single_page" },
  resource_defaults: { primary_key: "id", write_disposition: "merge" },
  resources: [{ name: "issues", endpoint: "posts" }],
});

/** A small dbt project of somebody else: own names, own profile, own target, own schema. */
const HARBOUR: { [file: string]: string } = {
  "dbt_project.yml": "name: harbour\nversion: '1.0'\nprofile: pilots\nmodel-paths: [models]\n",
  "profiles.yml": `pilots:
  target: dev
  outputs:
    dev:
      type: duckdb
      path: "{{ env_var('DUCKDB_PATH') }}"
      schema: quays
      threads: 2
`,
  "models/sources.yml": `version: 2
sources:
  - name: raw
    schema: "{{ env_var('DLT_DATASET_NAME', 'raw') }}"
    tables:
      - name: issues
`,
  "models/berths.sql": "select id, user_id, title from {{ source('raw', 'issues') }}",
  "models/berths.yml": `version: 2
models:
  - name: berths
    columns:
      - name: id
        data_tests: [not_null, unique]
      - name: user_id
        data_tests:
          - accepted_values:
              arguments: { values: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10] }
`,
};

let project: Project;
let dev: Dev;
let client: Client;
let connection: Connection;
let url: string;
let closeApi: () => Promise<void>;

beforeAll(async () => {
  const api = await startJsonPlaceholder({});
  url = api.url;
  closeApi = () => api.close();
  project = newProject("gate");
  dev = await startDev(project);
  connection = await Connection.connect({ address: dev.address });
  client = new Client({ connection });
});
afterAll(async () => {
  await connection?.close();
  await dev?.stop();
  await closeApi?.();
});

const json = (text: string) => JSON.parse(text.slice(text.indexOf("{")));
const status = async (name: string) =>
  (await client.workflow.getHandle(`tidemark-${name}`).describe()).status.name;

test("the five-minute pipeline: gate: {} promotes, a bound that holds promotes, one that does not fails the run", async () => {
  const write = (name: string, gate: object) =>
    project.writeSpec(name, { pipeline_name: name, dataset_name: name, source: source(url), gate });
  const metric = { name: "open_issues", sql: "SELECT count(*) FROM {{ raw }}.issues" };
  write("plain", {});
  write("enough", { metrics: [{ ...metric, min: 1 }] });
  write("few", { metrics: [{ ...metric, min: 100_000 }] });
  write("few_but_done", { metrics: [{ ...metric, min: 100_000 }], fail_on_block: false });
  write("writes", { metrics: [{ name: "m", sql: "SELECT 1; DROP TABLE {{ raw }}.issues" }] });

  const plain = await tidemark(project, ["run", "plain", "--json"]);
  expect(plain).toMatchObject({ code: 0 });
  expect(json(plain.stdout).gate).toMatchObject({ decision: "promote", score: 100 });

  const enough = await tidemark(project, ["run", "enough"]);
  expect(enough.code).toBe(0);
  expect(enough.stdout).toMatch(/gate: PROMOTE \(score 100\)/);

  const few = await tidemark(project, ["run", "few", "--json"]);
  expect(few.code).toBe(1);
  const told = json(few.stdout);
  expect(told.error).toMatchObject({
    code: "GATE_BLOCKED",
    step: "gate",
    gate: { decision: "block", score: 65, reasons: ["open_issues is 100; at least 100000 needed"] },
  });
  expect(told.result.load.tables).toMatchObject([{ table: "issues", rows: 100 }]);
  expect(readFileSync(told.error.gate.packet_path, "utf8")).toContain(
    "| open_issues | 100 | at least 100000 | block | -35 |",
  );
  expect(await status("few")).toBe("FAILED");
  const read = await tidemark(project, ["run", "few"]);
  expect(read.stdout).toMatch(/gate: BLOCK \(score 65\)/);
  expect(read.stderr).toMatch(/The gate blocks .*open_issues is 100.*\n\(GATE_BLOCKED\)/);

  const done = await tidemark(project, ["run", "few_but_done", "--json"]);
  expect(done.code).toBe(1);
  expect(json(done.stdout).gate.decision).toBe("block");
  expect(await status("few_but_done")).toBe("COMPLETED");

  const writes = await tidemark(project, ["run", "writes"]);
  expect(writes.code).toBe(2);
  expect(writes.stderr).toMatch(/gate\.metrics\[0\]\.sql: line 1:9: must be one statement/);

  // What a list of runs can be searched for.
  const found = async (query: string) => {
    const ids: string[] = [];
    for await (const { workflowId } of client.workflow.list({ query })) ids.push(workflowId);
    return [...new Set(ids)].sort();
  };
  expect(await found("TidemarkDecision = 'block'")).toEqual(["tidemark-few", "tidemark-few_but_done"]);
  expect(await found("TidemarkPipeline = 'enough'")).toEqual(["tidemark-enough"]);
});

test("a dbt project of one's own runs and is judged; a failing test fails the run, with and without a gate", async () => {
  const folder = join(project.folder, "harbour");
  mkdirSync(join(folder, "models"), { recursive: true });
  for (const [file, text] of Object.entries(HARBOUR)) writeFileSync(join(folder, file), text);
  const spec = {
    pipeline_name: "harbour",
    source: source(url),
    transform: { dbt: { project_dir: folder } },
  };
  const metrics = [
    { name: "berths", sql: "SELECT count(*) FROM {{ analytics }}.berths", min: 100, max: 100 },
    { name: "titles", builtin: "null_share", schema: "analytics", table: "berths", column: "title" },
    { name: "twice", builtin: "duplicates", table: "issues", key: ["id"] },
  ];
  project.writeSpec("harbour", { ...spec, gate: { metrics } });
  const green = await tidemark(project, ["run", "harbour", "--json"]);
  expect(green.stderr).toBe("");
  expect(json(green.stdout)).toMatchObject({
    dbt: { success: true, schema: "quays" },
    gate: { decision: "promote", score: 100, metrics: { berths: 100, titles: 0, twice: 0 } },
  });
  expect(green.code).toBe(0);

  const yml = join(folder, "models", "berths.yml");
  writeFileSync(yml, HARBOUR["models/berths.yml"]!.replace("[1, 2,", "["));
  const blocked = await tidemark(project, ["run", "harbour", "--json"]);
  expect(blocked.code).toBe(1);
  expect(json(blocked.stdout).error).toMatchObject({
    code: "GATE_BLOCKED",
    gate: { score: 45, reasons: [expect.stringMatching(/1 dbt node\(s\) failed: accepted_values_berths/)] },
  });

  project.writeSpec("harbour", spec);
  const failed = await tidemark(project, ["run", "harbour", "--json"]);
  expect(failed.code).toBe(1);
  expect(json(failed.stdout)).toMatchObject({
    error: {
      code: "DBT_TESTS_FAILED",
      step: "transform",
      message: expect.stringMatching(/accepted_values_berths.*\(fail\)\. The load is committed/),
    },
    result: { dbt: { success: false } },
  });
  expect(await status("harbour")).toBe("FAILED");
});
