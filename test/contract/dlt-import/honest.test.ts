/**
 * What `tidemark import` makes of small programs: a native spec only where all of it is understood. One thing that is
 * not, and the program itself is what runs.
 */
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { readProject } from "../../../src/dlt-project/read-project";
import { type MadeSpec, toSpecs } from "../../../src/dlt-project/to-specs";
import type { JsonObject } from "../../../src/pipeline/spec";
import { PYTHON } from "../../support/dlt-project";

const HEAD = `
import dlt
from dlt.sources.rest_api import rest_api_source, rest_api_resources
from dlt.sources.sql_database import sql_database, sql_table

API = "http://127.0.0.1:9/"
`;
const REST = '{"client": {"base_url": API}, "resources": ["orders"]}';
const RUN = 'dlt.pipeline("p", destination="duckdb", dataset_name="d").run';

async function made(files: { [path: string]: string }, secrets: JsonObject = {}) {
  const folder = mkdtempSync(join(process.env.TIDEMARK_TEST_TMP!, "import-"));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  const found = await readProject(folder, PYTHON, process.env.PATH);
  const settings = { env: {}, secrets, config: {}, mounted: "/none" };
  return toSpecs(found, () => ({ folder, settings }), { folder, cwd: folder });
}

const one = async (program: string) => (await made({ "pipeline.py": HEAD + program })).specs;
const native = (spec: MadeSpec | undefined) => spec?.native;

describe("left to Python, with line and reason", () => {
  test.each([
    [
      "a step on a resource",
      `source = rest_api_source(${REST})\nsource.orders.add_map(print)\n${RUN}(source)`,
      /source.orders.add_map/,
    ],
    ["a limit", `source = sql_database()\nsource.add_limit(1)\n${RUN}(source)`, /source.add_limit/],
    [
      "a hint on a subscript",
      `source = sql_database()\nsource.resources["a"].selected = False\n${RUN}(source)`,
      /selected/,
    ],
    ["a setting in code", `import os\nos.environ["SOURCES__X"] = "1"\n${RUN}(sql_database())`, /os.environ/],
    ["dlt.config in code", `dlt.config["x"] = 1\n${RUN}(sql_database())`, /dlt.config/],
    ["a loop", `for day in ["a"]:\n    ${RUN}(sql_table(table=day))`, /\(for\)/],
    ["a branch", `import sys\nif sys.argv:\n    ${RUN}(sql_database())`, /\(if\)/],
    ["several targets", `a, b = "x", "y"\n${RUN}(sql_table(table=a))`, /\(a, b\)/],
    [
      "a parameter",
      `def load(table):\n    ${RUN}(sql_table(table=table))\nload("a")`,
      /called with arguments/,
    ],
    [
      "a dict that changes",
      `config = ${REST}\nconfig["client"]["headers"] = {"x": "y"}\n${RUN}(rest_api_source(config))`,
      /headers/,
    ],
    [
      "through another name",
      `config = ${REST}\nmore = config["resources"]\nmore.append("people")\n${RUN}(rest_api_source(config))`,
      /more.append/,
    ],
    [
      "changed by a function",
      `config = ${REST}\ndef change():\n    config["resources"] = []\nchange()\n${RUN}(rest_api_source(config))`,
      /config\['resources'\]/,
    ],
    [
      "an undecorated function",
      `def shop():\n    return rest_api_source(${REST}, name="webshop")\n${RUN}(shop())`,
      /function/,
    ],
    [
      "a source around a source",
      `@dlt.source(name="x")\ndef shop():\n    return rest_api_source(${REST})\n${RUN}(shop())`,
      /more than hand out/,
    ],
    [
      "one of the resources",
      `@dlt.source\ndef shop():\n    for one in rest_api_resources(${REST}):\n        yield one\n${RUN}(shop())`,
      /more than hand out/,
    ],
    [
      "a class like dlt's",
      `class BearerTokenAuth:\n    pass\n${RUN}(rest_api_source({"client": {"base_url": API, "auth": BearerTokenAuth()}, "resources": ["a"]}))`,
      /BearerTokenAuth/,
    ],
    [
      "a function like dlt's",
      `def sql_table(table):\n    return None\n${RUN}(sql_table(table="a"))`,
      /sql_table/,
    ],
    [
      "a lambda",
      `${RUN}(rest_api_source({"client": {"base_url": API}, "resources": [{"name": "a", "processing_steps": [{"filter": lambda row: True}]}]}))`,
      /lambda/,
    ],
    [
      "dbt",
      `pipeline = dlt.pipeline("p", destination="duckdb", dataset_name="d")\npipeline.run(sql_database())\ndlt.dbt.package(pipeline, "x").run_all()`,
      /dbt/,
    ],
    [
      "a decorator of one's own",
      `def twice(f):\n    return f\n@twice\n@dlt.source\ndef shop():\n    yield from rest_api_resources(${REST})\n${RUN}(shop())`,
      /function/,
    ],
    [
      "a name that is set again",
      `T = "a"\ndef load():\n    ${RUN}(sql_table(table=T))\nload()\nT = "b"`,
      /more than once/,
    ],
    [
      "hints before the source",
      `def load():\n    source.a.apply_hints(primary_key="id")\n    source = sql_database()\n    ${RUN}(source)\nload()`,
      /used before it is set/,
    ],
    ["monkey patching", `import dlt.sources.rest_api as r\nr.x = 1\n${RUN}(rest_api_source(${REST}))`, /r.x/],
  ])("%s", async (_, program, why) => {
    const specs = await one(program);
    expect(specs.map(native)).toEqual([false]);
    expect(specs[0]!.document.source).toMatchObject({ type: "dlt", program: "pipeline.py" });
    expect(specs[0]!.reasons.map(({ line, what }) => `${line}: ${what}`).join("\n")).toMatch(why);
  });
});

test("taken: hints belong to their object, names and arguments of @dlt.source count, the same run is one", async () => {
  const hints = await one(`
def load_new():
    source = sql_database(table_names=["a"])
    source.a.apply_hints(primary_key="id")
    dlt.pipeline("new", destination="duckdb", dataset_name="d").run(source)

def load_all():
    source = sql_database(table_names=["a"])
    dlt.pipeline("all", destination="duckdb", dataset_name="e").run(source)

if __name__ == "__main__":
    load_new()
    load_all()
`);
  expect(hints.map(({ native, document }) => [native, document.resource_hints])).toEqual([
    [true, { a: { primary_key: "id" } }],
    [true, undefined],
  ]);

  const [shop] = await one(`
@dlt.source(name="shop", max_table_nesting=0, root_key=True)
def make():
    yield from rest_api_resources(${REST})
${RUN}(make())
`);
  expect(shop!.document.source).toMatchObject({
    name: "shop",
    section: "pipeline",
    max_table_nesting: 0,
    root_key: true,
  });

  const thrice = await one(`pipeline = dlt.pipeline("p", destination="duckdb", dataset_name="d")
source = rest_api_source(${REST})
pipeline.run(source)
pipeline.run(source)`);
  expect(thrice).toHaveLength(1);
});

test("taken: parameters that dlt looks up, by secrets and configuration", async () => {
  const [crm] = await one(`
@dlt.source(name="crm")
def crm_source(api_key: str = dlt.secrets.value):
    yield from rest_api_resources({"client": {"base_url": API, "auth": {"type": "bearer", "token": api_key}}, "resources": ["a"]})
${RUN}(crm_source().with_resources("a"))
`);
  expect([crm!.native, crm!.reasons]).toEqual([true, []]);
  expect(crm!.document.source).toMatchObject({
    client: { auth: { token: { dlt_secret: "sources.pipeline.api_key" } } },
  });
});

test("how Python comes to a run: the script, a function that nothing calls, one of several, not by a function with arguments", async () => {
  const places = async (program: string) => (await one(program)).map(({ document }) => document.source);
  expect(await places(`import os\ndef load():\n    os.abort()\n    ${RUN}(sql_database())`)).toEqual([
    { type: "dlt", project_dir: ".", program: "pipeline.py", function: "load" },
  ]);
  expect(
    await places(`pipeline = dlt.pipeline("p", destination="duckdb", dataset_name="d")
source = sql_database()
pipeline.run(source.a)
pipeline.run(source.b)`),
  ).toEqual([
    { type: "dlt", project_dir: ".", program: "pipeline.py", run: 1 },
    { type: "dlt", project_dir: ".", program: "pipeline.py", run: 2 },
  ]);
  const { specs, problems } = await made({
    "pipeline.py": `${HEAD}def load(a):\n    ${RUN}(sql_table(table=a))`,
  });
  expect(specs).toEqual([]);
  expect(problems[0]?.what).toMatch(/needs arguments.*tidemark run pipeline.py/);
});

test("what is not known is a placeholder that no check lets through", async () => {
  const [away] = await one(
    `class settings:\n    duckdb = "bigquery"\ndlt.pipeline("a", destination=settings.duckdb).run(sql_database())`,
  );
  expect(away!.document.destination).toEqual({
    type: expect.stringMatching(/not understood: pipeline.py:\d+/),
  });
  const other = await made({
    "pipeline.py": `from settings import DATASET, make\nimport dlt\nfrom dlt.sources.sql_database import sql_database\ndlt.pipeline("p", destination="duckdb", dataset_name=DATASET).run(sql_database())\ndlt.pipeline("q", destination="duckdb", dataset_name=make()).run(sql_database())`,
    "settings.py": 'DATASET = "shop"\ndef make():\n    return "x"\n',
  });
  expect(other.specs.map(({ native, document }) => [native, document.dataset_name])).toEqual([
    [false, "shop"],
    [false, { not_understood: "pipeline.py:5" }],
  ]);
});

test("PostgreSQL: credentials by dlt's names, never in the spec, and never another destination's", async () => {
  const dsn = "postgresql://u:hunter2@h:5433/db?sslmode=require";
  const fields = { username: "u", host: "h", port: 5433, database: "db", query: { sslmode: "require" } };
  const password = { dlt_secret: "p.destination.postgres.credentials.password" };
  const literal = { type: "postgres", credentials: { ...fields, password } };
  const unknown = { type: expect.stringMatching(/not understood: pipeline-\d.py:\d+/) };
  const put = expect.stringMatching(/secrets.toml as p.destination.postgres.credentials.password/);
  const all = async (cases: [string, string, ...unknown[]][], secrets: JsonObject) => {
    const program = (target: string, more: string, i: number) =>
      `${HEAD}\nimport os\ndlt.pipeline("p", destination=${target}, dataset_name="d${i}").run(sql_database()${more})`;
    const files = cases.map(([target, more], i) => [`pipeline-${i}.py`, program(target, more, i)]);
    const { specs, problems } = await made(Object.fromEntries(files), secrets);
    expect(JSON.stringify([specs, problems])).not.toContain("hunter2");
    for (const [i, [target, more, ...expected]] of cases.entries()) {
      const { native, document, byPython } = specs.find(({ file }) => file === `pipeline-${i}.py`)!;
      const told = problems.filter(({ file }) => file === `pipeline-${i}.py`).map(({ what }) => what);
      expect([target, more, native, document.destination, ...told]).toEqual([target, more, ...expected]);
      expect(byPython.destination).toEqual(document.destination);
    }
  };
  const other = { postgres: { credentials: "postgresql://other/one" } };
  await all(
    [
      ['"postgres"', "", true, "postgres"],
      [
        'dlt.destinations.postgres(destination_name="warehouse", create_indexes=False)',
        "",
        true,
        { type: "postgres", destination_name: "warehouse", create_indexes: false },
      ],
      [`dlt.destinations.postgres("${dsn}")`, "", true, literal, put],
      ['"postgres"', `, credentials="${dsn}"`, true, literal, put],
      [
        'dlt.destinations.postgres(os.environ["DB"])',
        "",
        true,
        { type: "postgres", credentials: { env: "DB" } },
      ],
      ["dlt.destinations.postgres(make())", "", false, unknown],
      ['dlt.destinations.postgres({"password": make()})', "", false, unknown],
      ['"postgres"', ", credentials=make()", false, unknown],
    ],
    { destination: other },
  );
  const known = { type: "postgres", credentials: { dlt_secret: "mine.db" } };
  await all(
    [
      [`dlt.destinations.postgres("${dsn}")`, ', table_name="x"', true, known],
      ['dlt.destinations.postgres(dlt.secrets["mine.db"])', "", true, known],
    ],
    { destination: other, mine: { db: dsn } },
  );
});
