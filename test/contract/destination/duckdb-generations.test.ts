/** The contract of generations on DuckDB: a file that one process at a time has open. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import { createDuckDbDestination } from "../../../src/destinations/duckdb/duckdb-destination";
import { describeGenerations } from "./describe-generations";

jest.setTimeout(600_000);

describeGenerations("DuckDB", async () => {
  const folder = mkdtempSync(join(tmpdir(), "tidemark-generations-"));
  const path = join(folder, "g.duckdb");
  const spec = { type: "duckdb", path } as never;
  return {
    spec,
    open: () =>
      createDuckDbDestination(spec).open({ signal: new AbortController().signal, onProgress: () => {} }),
    async look(sql) {
      const instance = await DuckDBInstance.create(path, { access_mode: "READ_ONLY" }).catch(() => undefined);
      if (instance === undefined) return undefined;
      const connection = await instance.connect();
      try {
        return (await connection.runAndReadAll(sql)).getRowObjectsJS();
      } finally {
        connection.closeSync();
        instance.closeSync();
      }
    },
    close: async () => rmSync(folder, { recursive: true, force: true }),
  };
});
