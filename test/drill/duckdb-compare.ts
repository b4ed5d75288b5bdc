/** Compares the datasets of two DuckDB files, and what dbt built beside them. */
import { setTimeout as delay } from "node:timers/promises";
import { DuckDBInstance } from "@duckdb/node-api";
import { duckdbWords } from "../../src/destinations/duckdb/sql-words";
import { compareDatasets, type Difference } from "../../src/drill/compare";

const LOCKED_FOR_MS = 60_000;

/** @param schemas compared one after another; those that neither file has are left out */
export async function compareFiles(
  expected: string,
  found: string,
  schemas: string[],
): Promise<Difference[]> {
  const instance = await DuckDBInstance.create(":memory:");
  const connection = await instance.connect();
  try {
    await attach(sql => connection.run(sql), expected, "expected");
    await attach(sql => connection.run(sql), found, "found");
    const query = async (sql: string) => (await connection.runAndReadAll(sql)).getRowObjectsJS();
    const differences: Difference[] = [];
    for (const schema of schemas) {
      differences.push(
        ...(await compareDatasets(
          query,
          { catalog: "expected", schema },
          { catalog: "found", schema },
          duckdbWords("expected"),
        )),
      );
    }
    return differences;
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

/** A worker may just have it open. */
async function attach(run: (sql: string) => Promise<unknown>, path: string, name: string): Promise<void> {
  for (const end = Date.now() + LOCKED_FOR_MS; ; await delay(200)) {
    try {
      await run(`ATTACH '${path.replaceAll("'", "''")}' AS ${name} (READ_ONLY)`);
      return;
    } catch (error) {
      if (Date.now() > end || !/lock/i.test((error as Error).message)) throw error;
    }
  }
}
