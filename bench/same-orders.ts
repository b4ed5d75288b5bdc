/** Orders and their lines in two DuckDB files: every value but row and load ids. */
import { DuckDBInstance } from "@duckdb/node-api";

/** @throws Error that says how many rows differ */
export async function assertEqualOrders(dlt: string, ours: string): Promise<void> {
  const instance = await DuckDBInstance.create(":memory:");
  const connection = await instance.connect();
  await connection.run(`ATTACH '${dlt}' AS theirs (READ_ONLY); ATTACH '${ours}' AS ours (READ_ONLY)`);
  for (const [table, without] of [
    ["orders", "_dlt_id, _dlt_load_id"],
    ["orders__lines", "_dlt_id, _dlt_parent_id, _dlt_root_id"],
  ] as const) {
    const select = (side: string) => `SELECT * EXCLUDE (${without}) FROM ${side}.bench.${table}`;
    const reader = await connection.runAndReadAll(
      `SELECT (SELECT count(*) FROM theirs.bench.${table}) AS rows,
              (SELECT count(*) FROM (${select("theirs")} EXCEPT ALL ${select("ours")})) AS missing,
              (SELECT count(*) FROM (${select("ours")} EXCEPT ALL ${select("theirs")})) AS extra`,
    );
    const row = reader.getRowObjectsJson()[0]!;
    if (row.missing !== "0" || row.extra !== "0" || row.rows === "0")
      throw new Error(`${table} differs: ${JSON.stringify(row)}`);
  }
  connection.closeSync();
  instance.closeSync();
}
