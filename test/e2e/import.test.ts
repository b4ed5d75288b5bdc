/** A small dlt project, run by real dlt and, taken over by `tidemark import`, by Tidemark: the same tables. */
import { execFile } from "node:child_process";
import { appendFileSync, cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { join } from "node:path";
import { promisify } from "node:util";
import { Client } from "pg";
import { parse } from "yaml";
import { toolPaths } from "../../src/tools";
import { tidemark } from "../support/cli";
import { freshDatabase, startTestPostgres } from "../support/postgres";
import { newProject, type Project, queryFile } from "../support/project";

const run = promisify(execFile);

const SHOP = `
import dlt
from dlt.sources.helpers.rest_client.auth import BearerTokenAuth
from dlt.sources.helpers.rest_client.paginators import JSONLinkPaginator
from dlt.sources.rest_api import RESTAPIConfig, rest_api_source

PAGE_SIZE = 2
VERSION = "v" + "1"
HINTS = {"primary_key": "id", "write_disposition": "merge"}

config: RESTAPIConfig = {
    "client": {
        "base_url": dlt.config["shop_url"],
        "auth": BearerTokenAuth(dlt.secrets["sources.shop.api_token"]),
        "paginator": JSONLinkPaginator(next_url_path="next"),
    },
    "resource_defaults": {**HINTS},
    "resources": [
        {
            "name": "orders",
            "endpoint": {
                "path": f"{VERSION}/orders",
                "data_selector": "items",
                "params": {
                    "limit": PAGE_SIZE,
                    "since": dlt.sources.incremental("updated_at", initial_value="2026-01-01T00:00:00Z"),
                },
            },
        },
        {
            "name": "notes",
            "primary_key": ["order_id", "text"],
            "include_from_parent": ["id"],
            "endpoint": {"path": "v1/orders/{resources.orders.id}/notes", "paginator": "single_page"},
        },
    ],
}


def load_shop():
    pipeline = dlt.pipeline(pipeline_name="shop", destination="duckdb", dataset_name="shop_data")
    source = rest_api_source(config, name="shop", max_table_nesting=2)
    source.notes.apply_hints(table_name="order_notes")
    print(pipeline.run(source))


if __name__ == "__main__":
    load_shop()
`;

const CRM = `
import dlt
from dlt.sources.rest_api import rest_api_resources


@dlt.source(name="crm")
def crm_source(api_key: str = dlt.secrets.value, base_url: str = dlt.config.value):
    yield from rest_api_resources({
        "client": {
            "base_url": base_url,
            "auth": {"type": "api_key", "name": "X-Key", "api_key": api_key, "location": "header"},
            "paginator": "single_page",
        },
        "resources": [{"name": "people", "endpoint": "people"}, {"name": "unwanted", "endpoint": "people"}],
    })


pipeline = dlt.pipeline("crm", destination="duckdb")

if __name__ == "__main__":
    pipeline.run(crm_source().with_resources("people"), write_disposition="replace")
`;

const CODE = `
import dlt
from dlt.sources.rest_api import rest_api_source
import os

raise SystemExit("this file must never run")

@dlt.resource(primary_key="id")
def numbers():
    yield {"id": 1}

dlt.pipeline("numbers", destination="duckdb").run(numbers())

odd = {"client": {"base_url": "http://h", "auth": {"token": "literal-hunter2"}}, "resources": ["a"]}
odd["resources"].append({"name": "b"})
away = dlt.pipeline("away", destination="snowflake")
away.run(rest_api_source(odd))

def load(days):
    dlt.pipeline("by_days", destination="duckdb").run(numbers())
`;

const TABLES = `
import dlt
from dlt.sources.sql_database import sql_database, sql_table
import os

tables = dlt.pipeline("tables", destination=dlt.destinations.duckdb("lake.db"), dataset_name="t")
tables.run([
    sql_table(credentials=os.environ["DB_URL"], table="a", incremental=dlt.sources.incremental("at"), primary_key="id"),
    sql_table(credentials=os.environ["DB_URL"], table="b", schema=None),
])
dlt.pipeline("db", destination="duckdb").run(
    sql_database("postgresql://u:hunter2@h/d", schema="s", table_names=["x", "y"], chunk_size=10), refresh="drop_data"
)
`;

const orders = [1, 2, 3, 4, 5].map(id => ({
  id,
  updated_at: `2026-01-0${id}T00:00:00Z`,
  total: id * 1.5,
  customer: { name: `c ${id}`, tags: ["a", "b"] },
  lines: [{ sku: `s${id}`, parts: [{ n: 1, more: [{ deep: true }] }] }],
}));

let server: Server;
let base: string;
const refused: string[] = [];

beforeAll(async () => {
  server = createServer((request, response) => {
    const url = new URL(request.url!, "http://localhost");
    const key = url.pathname === "/people" ? request.headers["x-key"] : request.headers.authorization;
    const good = key === (url.pathname === "/people" ? "k-secret" : "Bearer t-secret");
    if (!good) refused.push(url.pathname);
    response.writeHead(good ? 200 : 401, { "content-type": "application/json" });
    response.end(JSON.stringify(good ? answer(url) : {}));
  });
  await new Promise<void>(up => server.listen(0, "127.0.0.1", up));
  base = `http://127.0.0.1:${(server.address() as { port: number }).port}`;
});
afterAll(() => server.close());

function answer(url: URL): unknown {
  if (url.pathname === "/people") return [{ id: 1, name: "n" }];
  const order = /orders\/(\d+)\/notes/.exec(url.pathname)?.[1];
  if (order !== undefined) return [{ order_id: Number(order), text: `note of ${order}` }];
  const from = Number(url.searchParams.get("from") ?? 0);
  const limit = Number(url.searchParams.get("limit") ?? 5);
  const next = from + limit < orders.length ? `${base}/v1/orders?from=${from + limit}&limit=${limit}` : null;
  return { items: orders.slice(from, from + limit), next };
}

function writeProject(folder: string): void {
  mkdirSync(join(folder, ".dlt"), { recursive: true });
  writeFileSync(join(folder, "shop.py"), SHOP);
  writeFileSync(join(folder, "crm.py"), CRM);
  writeFileSync(
    join(folder, ".dlt", "config.toml"),
    `shop_url = "${base}/"\n[sources.crm]\nbase_url = "${base}/"\n[extract]\nnext_item_mode = "fifo"\n`,
  );
  writeFileSync(
    join(folder, ".dlt", "secrets.toml"),
    '[sources.shop]\napi_token = "t-secret"\n[sources.crm.crm]\napi_key = "k-secret"\n',
  );
}

async function runByDlt(project: Project, folder: string, program: string): Promise<void> {
  await run(toolPaths(process.env).parityPython!, [program], {
    cwd: folder,
    env: {
      PATH: process.env.PATH,
      HOME: folder,
      DLT_DATA_DIR: join(project.folder, "dlt_data"),
      RUNTIME__DLTHUB_TELEMETRY: "false",
    },
  });
}

/** Every row of every table as text, without what is drawn at random or by the clock. */
async function contents(file: string, dataset: string): Promise<{ [table: string]: string[] }> {
  const tables = await queryFile(
    file,
    `SELECT table_name AS name, string_agg(column_name || ' ' || data_type, ', ' ORDER BY column_name) AS columns
     FROM information_schema.columns WHERE table_schema = '${dataset}' GROUP BY ALL ORDER BY name`,
  );
  const all: { [table: string]: string[] } = {};
  for (const { name, columns } of tables) {
    const rows = String(name).startsWith("_dlt")
      ? []
      : await queryFile(
          file,
          `SELECT COLUMNS(c -> c NOT IN ('_dlt_id', '_dlt_load_id', '_dlt_parent_id', '_dlt_root_id')) FROM "${dataset}"."${name}" ORDER BY ALL`,
        );
    all[String(name)] = [String(columns), ...rows.map(row => JSON.stringify(row))];
  }
  return all;
}

test("a project runs the same by dlt and, taken over, by Tidemark", async () => {
  const project = newProject("import");
  const theirs = join(project.folder, "theirs");
  writeProject(theirs);
  const ours = join(project.folder, "ours");
  cpSync(theirs, ours, { recursive: true });
  await runByDlt(project, theirs, "shop.py");
  await runByDlt(project, theirs, "crm.py");

  // Here the project's folder is Tidemark's too.
  const here: Project = { ...project, folder: ours };
  const imported = await tidemark(here, ["import", "."]);
  expect(imported.code).toBe(0);
  expect(imported.stdout).not.toContain("Not taken");
  const spec = (name: string) => readFileSync(join(project.folder, "pipelines", `${name}.yaml`), "utf8");
  expect(spec("shop") + spec("crm")).not.toMatch(/t-secret|k-secret/);
  for (const name of ["shop", "crm"]) {
    const done = await tidemark(here, ["run", name]);
    expect(`${done.code} ${done.code === 0 ? "" : done.stderr}`).toBe("0 ");
    expect(done.stdout + done.stderr).not.toMatch(/t-secret|k-secret/);
    expect(done.stderr).toContain("no effect here: extract.next_item_mode");
  }
  expect(refused).toEqual([]);
  for (const [file, dataset, tables] of [
    ["shop.duckdb", "shop_data", 8],
    ["crm.duckdb", "crm_dataset", 4],
  ] as const) {
    const expected = await contents(join(theirs, file), dataset);
    expect(Object.keys(expected).length).toBeGreaterThanOrEqual(tables);
    expect(await contents(join(ours, file), dataset)).toEqual(expected);
  }

  // And dlt goes on with what Tidemark began.
  await runByDlt(project, ours, "shop.py");
  expect((await contents(join(ours, "shop.duckdb"), "shop_data")).orders).toHaveLength(orders.length + 1);

  const again = await tidemark(here, ["import", "."]);
  expect(again.code).toBe(2);
  expect(again.stderr).toContain("--force");
});

const LOADED = `SELECT (SELECT count(*) FROM crm_dataset._dlt_loads) AS loads, p.id, p.name, s.version
  FROM crm_dataset.people p, crm_dataset._dlt_version s`;

test("a project that loads into PostgreSQL goes on there, with the credentials of its secrets.toml", async () => {
  const postgres = await startTestPostgres();
  try {
    const [theirs, ours] = [await freshDatabase(postgres), await freshDatabase(postgres)];
    const project = newProject("import-postgres");
    const folders = [theirs, ours].map((url, i) => {
      const folder = join(project.folder, `of-${i}`);
      writeProject(folder);
      writeFileSync(join(folder, "crm.py"), CRM.replace('destination="duckdb"', 'destination="postgres"'));
      const { username, password, hostname, port, pathname } = new URL(url);
      appendFileSync(
        join(folder, ".dlt", "secrets.toml"),
        `[destination.postgres.credentials]\nhost = "${hostname}"\nport = ${port}\ndatabase = "${pathname.slice(1)}"\nusername = "${username}"\npassword = "${password}"\n`,
      );
      return folder;
    });
    await runByDlt(project, folders[0]!, "crm.py");
    const here: Project = { ...project, folder: folders[1]! };
    const imported = await tidemark(here, ["import", "."]);
    expect(`${imported.code} ${imported.stderr}`).toBe("0 ");
    const spec = parse(readFileSync(join(project.folder, "pipelines", "crm.yaml"), "utf8"));
    expect([spec.destination, spec.source.type]).toEqual(["postgres", "rest_api"]);
    const done = await tidemark(here, ["run", "crm"]);
    expect(`${done.code} ${done.code === 0 ? "" : done.stderr}`).toBe("0 ");
    await runByDlt(project, here.folder, "crm.py");
    const loaded = async (url: string) => {
      const client = new Client({ connectionString: url });
      await client.connect();
      try {
        return (await client.query(LOADED)).rows;
      } finally {
        await client.end();
      }
    };
    expect(await loaded(ours)).toEqual((await loaded(theirs)).map(row => ({ ...row, loads: "2" })));
  } finally {
    await postgres.stop();
  }
});

test("what is not understood wholly is left to Python, with the reasons; nothing of the project runs", async () => {
  const project = newProject("import-code");
  const folder = join(project.folder, "theirs");
  mkdirSync(join(folder, "sub"), { recursive: true });
  writeFileSync(join(folder, "sub", "code.py"), CODE);
  writeFileSync(join(folder, "tables.py"), TABLES);
  writeFileSync(join(folder, "broken.py"), "def (:\n");
  const imported = await tidemark(project, ["import", "theirs", "--output", "specs", "--json"]);
  expect(`${imported.code} ${imported.stderr}`).toMatch(/^0 /);
  const { written, by_python, not_taken } = JSON.parse(imported.stdout) as {
    written: { file: string; how: string }[];
    by_python: { file: string; line: number; what: string }[];
    not_taken: { file: string; line: number; what: string }[];
  };
  expect(written.map(({ file, how }) => [file, how])).toEqual([
    ["specs/tables.yaml", "native"],
    ["specs/db.yaml", "dlt"],
    ["specs/numbers.yaml", "dlt"],
    ["specs/away.yaml", "dlt"],
  ]);
  const lineOf = (text: string) => CODE.split("\n").findIndex(line => line.includes(text)) + 1;
  const told = (list: typeof not_taken, text: string, what: RegExp) =>
    expect(list).toContainEqual({
      file: "sub/code.py",
      line: lineOf(text),
      what: expect.stringMatching(what),
    });
  expect(not_taken).toContainEqual(
    expect.objectContaining({
      file: "broken.py",
      line: 1,
      what: expect.stringMatching(/Python 3\.\d+ cannot read/),
    }),
  );
  told(by_python, "raise SystemExit", /raise/);
  told(by_python, "run(numbers())", /`numbers\(\)` is made at run time|`numbers` is a function/);
  told(not_taken, "away.run", /destination.type: unknown destination "snowflake"/);
  told(not_taken, 'dlt.pipeline("by_days"', /function `load` needs arguments/);
  expect(by_python).toContainEqual(
    expect.objectContaining({
      file: "tables.py",
      what: expect.stringMatching(/a secret in the code.*credentials/),
    }),
  );

  const spec = (name: string) => readFileSync(join(project.folder, "specs", `${name}.yaml`), "utf8");
  expect(spec("away") + spec("db")).not.toMatch(/hunter2/);
  expect(parse(spec("tables"))).toEqual({
    pipeline_name: "tables",
    dataset_name: "t",
    destination: { type: "duckdb", path: "theirs/lake.db" },
    source: {
      type: "sql_database",
      name: "tables",
      credentials: { env: "DB_URL" },
      table_names: ["a", "b"],
      resources: [{ name: "a", incremental: { cursor_path: "at" }, primary_key: "id" }, { name: "b" }],
    },
  });
  expect(parse(spec("db"))).toEqual({
    pipeline_name: "db",
    dataset_name: "db_dataset",
    destination: { type: "duckdb", path: "theirs/db.duckdb" },
    source: { type: "dlt", project_dir: "theirs", program: "tables.py" },
  });

  const native = await tidemark(project, ["import", "theirs", "--output", "native", "--native-only"]);
  expect(native.code).toBe(0);
  const placeholder = parse(readFileSync(join(project.folder, "native", "numbers.yaml"), "utf8"));
  expect(placeholder.source.type).toMatch(/^not understood: sub\/code.py:\d+: /);
  expect((await tidemark(project, ["run", "native/numbers.yaml"])).code).toBe(2);
});

test("a folder that is not there, or holds no pipeline, is bad usage", async () => {
  const project = newProject("import-nothing");
  mkdirSync(join(project.folder, "empty"));
  expect((await tidemark(project, ["import", "missing"])).code).toBe(2);
  expect((await tidemark(project, ["import", "empty"])).code).toBe(2);
});
