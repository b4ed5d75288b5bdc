/** Real dlt, in an empty working folder, goes on with an incremental, nested pipeline that Tidemark began. */
import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { promisify } from "node:util";
import { toolPaths } from "../../src/tools";
import { tidemark } from "../support/cli";
import { newProject, REPOSITORY } from "../support/project";

const run = promisify(execFile);

test("dlt asks from our cursor, adds only the new rows, writes no schema version, changes no row", async () => {
  const rows = [1, 2, 3].map(order);
  const asked: (string | null)[] = [];
  const server = createServer((request, response) => {
    const since = new URL(request.url!, "http://localhost").searchParams.get("since");
    asked.push(since);
    const body = rows.filter(row => since === null || row.updated_at >= since);
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify(body));
  });
  await new Promise<void>(up => server.listen(0, "127.0.0.1", up));
  const base_url = `http://127.0.0.1:${(server.address() as { port: number }).port}`;
  const source = {
    client: { base_url },
    resources: [
      {
        name: "orders",
        primary_key: "id",
        write_disposition: "merge",
        endpoint: {
          path: "orders",
          paginator: "single_page",
          incremental: {
            cursor_path: "updated_at",
            initial_value: "2026-01-01T00:00:00Z",
            start_param: "since",
          },
        },
      },
    ],
  };
  const project = newProject("dlt-continues");
  project.writeSpec("orders", {
    pipeline_name: "orders",
    dataset_name: "raw",
    source: { type: "rest_api", name: "shop", ...source },
  });
  try {
    const ours = await tidemark(project, ["run", "orders"]);
    expect(ours.code).toBe(0);
    const everything = "SELECT * FROM raw.orders ORDER BY id";
    const before = await project.query(everything);
    const versions = "SELECT schema_name, version, version_hash FROM raw._dlt_version ORDER BY ALL";
    const versionsBefore = await project.query(versions);
    expect(before).toHaveLength(3);

    rows.push(order(4));
    const config = join(project.folder, "dlt.json");
    writeFileSync(
      config,
      JSON.stringify({
        pipeline_name: "orders",
        dataset_name: "raw",
        duckdb_path: project.duckdb,
        pipelines_dir: join(project.folder, "dlt"),
        source,
        source_name: "shop",
      }),
    );
    await run(
      toolPaths(process.env).parityPython!,
      [join(REPOSITORY, "test", "support", "dlt_continue.py"), config],
      {
        cwd: project.folder,
        env: {
          ...process.env,
          RUNTIME__DLTHUB_TELEMETRY: "false",
          DLT_DATA_DIR: join(project.folder, "dlt_data"),
        },
      },
    );

    expect(asked).toEqual(["2026-01-01T00:00:00Z", "2026-01-03T00:00:00Z"]);
    const after = await project.query(everything);
    expect(after).toHaveLength(4);
    expect(after.slice(0, 3)).toEqual(before);
    expect(await project.query(versions)).toEqual(versionsBefore);
    expect(await project.query("SELECT count(*) AS n FROM raw.orders__lines")).toEqual([{ n: "8" }]);

    // And back: ours goes on after dlt.
    rows.push(order(5));
    const again = JSON.parse((await tidemark(project, ["run", "orders", "--json"])).stdout);
    expect(asked.at(-1)).toBe("2026-01-04T00:00:00Z");
    expect(again.load.tables).toContainEqual(
      expect.objectContaining({ table: "orders", rows: 1, inserted: 1 }),
    );
    expect(await project.query("SELECT count(*) AS n, count(DISTINCT id) AS ids FROM raw.orders")).toEqual([
      { n: "5", ids: "5" },
    ]);
    expect(await project.query(versions)).toEqual(versionsBefore);
  } finally {
    server.close();
  }
});

function order(id: number) {
  return {
    id,
    updated_at: `2026-01-0${id}T00:00:00Z`,
    customer: { name: `c${id}` },
    lines: [
      { sku: "a", qty: id },
      { sku: "b", qty: 1.5 },
    ],
  };
}
