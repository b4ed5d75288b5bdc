/**
 * One Databricks dataset, real dlt and ours by turns, each with an empty working folder: what one leaves, the other goes
 * on with. Merge, incremental, nested.
 */
import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { join } from "node:path";
import { promisify } from "node:util";
import { openWarehouse, type ResultRow } from "../../src/destinations/databricks/client";
import type { Row } from "../../src/json/values";
import { toolPaths } from "../../src/tools";
import { tidemark } from "../support/cli";
import { connectionEnv } from "../support/databricks/connection";
import { freshDataset, warehouse, warehouseSpec } from "../support/databricks/use-standin";
import { Engine, pagesOf, sourceOf } from "../support/engine";
import { newProject, REPOSITORY } from "../support/project";

const run = promisify(execFile);

interface Shop {
  /** Values of `since`, one per request. */
  asked: (string | null)[];
  source: { client: object; resources: { [name: string]: unknown }[] };
  rows: Map<number, object>;
  add(id: number): void;
  /** A new state of an order: other customer, one line less. */
  change(id: number, day: number): void;
  server: Server;
}

async function openShop(): Promise<Shop> {
  const rows = new Map([1, 2, 3].map(id => [id, order(id, id)]));
  const asked: (string | null)[] = [];
  const server = createServer((request, response) => {
    const since = new URL(request.url!, "http://localhost").searchParams.get("since");
    asked.push(since);
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify([...rows.values()].filter(row => since === null || row.updated_at >= since)));
  });
  await new Promise<void>(up => server.listen(0, "127.0.0.1", up));
  const base_url = `http://127.0.0.1:${(server.address() as { port: number }).port}`;
  const incremental = {
    cursor_path: "updated_at",
    initial_value: "2026-01-01T00:00:00Z",
    start_param: "since",
  };
  const endpoint = { path: "orders", paginator: "single_page", incremental };
  return {
    asked,
    server,
    rows,
    source: {
      client: { base_url },
      resources: [{ name: "orders", primary_key: "id", write_disposition: "merge", endpoint }],
    },
    add: id => void rows.set(id, order(id, id)),
    change: (id, day) => void rows.set(id, { ...order(id, day), lines: [{ sku: "changed", qty: 9 }] }),
  };
}

function order(id: number, day: number) {
  return {
    id,
    updated_at: `2026-01-0${day}T00:00:00Z`,
    customer: { name: `c${day}`, vip: id % 2 === 0 },
    amount: 10.5 * id,
    lines: [
      { sku: "a", qty: id },
      { sku: "b", qty: 2 * id },
    ] as { sku: string; qty: number }[],
  };
}

async function sql(statement: string): Promise<ResultRow[]> {
  const quiet = { signal: new AbortController().signal, onProgress: () => undefined };
  await using db = await openWarehouse(warehouseSpec(), quiet);
  return await db.run(statement, "test");
}

/** Each call has a folder of its own: nothing but the dataset carries over. */
async function ours(shop: Shop, dataset: string): Promise<void> {
  const project = newProject("continues");
  project.writeSpec("orders", {
    pipeline_name: "orders",
    dataset_name: dataset,
    source: { type: "rest_api", name: "shop", ...shop.source },
  });
  const { code, stderr } = await tidemark(project, ["run", "orders"], connectionEnv(warehouseSpec()));
  expect({ code, stderr: code === 0 ? "" : stderr }).toEqual({ code: 0, stderr: "" });
}

async function dlt(shop: Shop, dataset: string): Promise<void> {
  const project = newProject("continues-dlt");
  const config = join(project.folder, "dlt.json");
  const to = warehouseSpec();
  writeFileSync(
    config,
    JSON.stringify({
      pipeline_name: "orders",
      dataset_name: dataset,
      databricks: {
        server_hostname: to.server_hostname,
        http_path: to.http_path,
        catalog: to.catalog,
        ...(to.access_token === undefined
          ? { client_id: to.client_id, client_secret: to.client_secret }
          : { access_token: to.access_token }),
        connection_parameters: {
          _port: to.port ?? 443,
          ...(to.ca_file === undefined ? {} : { _tls_trusted_ca_file: to.ca_file }),
          enable_telemetry: false,
        },
      },
      pipelines_dir: join(project.folder, "dlt"),
      source: shop.source,
      source_name: "shop",
    }),
  );
  const program = join(REPOSITORY, "test", "support", "dlt_continue.py");
  await run(toolPaths(process.env).parityDatabricksPython!, [program, config], {
    cwd: project.folder,
    env: {
      ...process.env,
      RUNTIME__DLTHUB_TELEMETRY: "false",
      DLT_DATA_DIR: join(project.folder, "dlt_data"),
      PYTHONDONTWRITEBYTECODE: "1",
    },
  });
}

/** By turns: three orders; a fourth; a change of the second and a fifth. The rows are the same, whoever loaded them. */
async function byTurns(engines: [typeof ours, typeof ours, typeof ours]): Promise<void> {
  const shop = await openShop();
  const dataset = freshDataset();
  const rows = "SELECT * FROM ";
  try {
    await engines[0](shop, dataset);
    const everything = `${rows}${dataset}.orders ORDER BY id`;
    const versions = `SELECT schema_name, version, version_hash FROM ${dataset}._dlt_version ORDER BY ALL`;
    const first = await sql(everything);
    expect(first).toHaveLength(3);
    const versionsBefore = await sql(versions);
    expect(versionsBefore).toHaveLength(1);

    shop.add(4);
    await engines[1](shop, dataset);
    const second = await sql(everything);
    // What was there is untouched, load id and row id included; the row at the cursor was not loaded again.
    expect(second.slice(0, 3)).toEqual(first);
    expect(second).toHaveLength(4);

    shop.change(2, 5);
    shop.add(6);
    await engines[2](shop, dataset);
    const third = await sql(everything);
    expect(third.map(row => [row.id, row.customer__name, row.customer__vip, row.amount])).toEqual([
      [1, "c1", false, 10.5],
      [2, "c5", true, 21],
      [3, "c3", false, 31.5],
      [4, "c4", true, 42],
      [6, "c6", true, 63],
    ]);
    const lines = await sql(
      `SELECT o.id, l.sku, l.qty, l._dlt_list_idx AS i FROM ${dataset}.orders__lines l JOIN ${dataset}.orders o ON o._dlt_id = l._dlt_parent_id ORDER BY ALL`,
    );
    expect(lines).toHaveLength(9);
    expect(lines.filter(line => line.id === 2)).toEqual([{ id: 2, sku: "changed", qty: 9, i: 0 }]);
    expect(await sql(`SELECT count(*) AS n FROM ${dataset}.orders__lines`)).toEqual([{ n: 9 }]);
    // Each asked from the other's cursor, and nobody found a reason for another version of the schema.
    expect(shop.asked).toEqual(["2026-01-01T00:00:00Z", "2026-01-03T00:00:00Z", "2026-01-04T00:00:00Z"]);
    expect(await sql(versions)).toEqual(versionsBefore);
    expect(await sql(`SELECT count(*) AS n FROM ${dataset}._dlt_loads WHERE status = 0`)).toEqual([{ n: 3 }]);
  } finally {
    shop.server.close();
  }
}

test("dlt begins, ours goes on, dlt goes on", () => byTurns([dlt, ours, dlt]));

test("ours begins, dlt goes on, ours goes on", () => byTurns([ours, dlt, ours]));

test("dlt comes between the chains and the close of ours: ours is refused, taken back and extracted again", async () => {
  const shop = await openShop();
  shop.source.resources[0]!.write_disposition = "append";
  const dataset = freshDataset();
  const engine = new Engine({}, warehouse());
  const spec = engine.spec({ pipeline_name: "orders", dataset_name: dataset });
  const source = sourceOf(
    "shop",
    pagesOf("orders", () => [[...shop.rows.values()] as Row[]], {
      hints: { primary_key: ["id"], write_disposition: { disposition: "append" } },
      incremental: {
        cursor_path: "updated_at",
        initial_value: "2026-01-01T00:00:00Z",
        last_value_func: "max",
        range_start: "closed",
        range_end: "open",
        on_cursor_value_missing: "raise",
      },
    }),
  );
  const perOrder = `SELECT o.id, count(DISTINCT o._dlt_id) AS n, count(l._dlt_id) AS lines FROM ${dataset}.orders o LEFT JOIN ${dataset}.orders__lines l ON o._dlt_id = l._dlt_parent_id GROUP BY o.id ORDER BY o.id`;
  const once = (id: number) => ({ id, n: 1, lines: 2 });
  try {
    await engine.run(spec, source);
    shop.add(4);
    const after = (step: string) => {
      if (step === "load") throw new Error("killed");
    };
    await expect(engine.run(spec, source, { after })).rejects.toThrow("killed");
    await dlt(shop, dataset);
    expect((await sql(perOrder))[3]).toEqual({ id: 4, n: 2, lines: 4 });
    shop.add(5);
    const { notes } = await engine.run(spec, source);
    expect(notes.join("\n")).toMatch(
      /is now \d+\.\d+: another run or engine.*3 appended rows were taken back/s,
    );
    expect(await sql(perOrder)).toEqual([1, 2, 3, 4, 5].map(once));
    expect(await sql(`SELECT count(*) AS n FROM ${dataset}.orders__lines`)).toEqual([{ n: 10 }]);
    expect(await sql(`SELECT count(*) AS n FROM ${dataset}._dlt_loads WHERE status = 0`)).toEqual([{ n: 3 }]);
  } finally {
    shop.server.close();
    engine.remove();
  }
});
