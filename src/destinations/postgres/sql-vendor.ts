/** PostgreSQL's part of a load in one transaction. */
import { createHash } from "node:crypto";
import { columnDefinition } from "../one-transaction/sql-ddl";
import { countRows, deleteRows } from "../one-transaction/sql-merge-parts";
import { qualifiedTable } from "../one-transaction/sql-text";
import type { SqlVendor } from "../one-transaction/sql-vendor";
import { POSTGRES_CAPABILITIES } from "./capabilities";
import { columnType } from "./column-types";
import type { PostgresDatabase } from "./database";
import type { PostgresDestination } from "./spec";
import { copyFiles, stageRows, unstageRows } from "./staged-rows";

export function postgresVendor(db: PostgresDatabase, options: PostgresDestination): SqlVendor {
  const words = { columnType, options };
  return {
    db,
    options,
    capabilities: POSTGRES_CAPABILITIES,
    mayReplaceRows: true,
    columnType,
    addColumn: (place, table, column) =>
      `ALTER TABLE ${qualifiedTable(place, table.name)} ADD COLUMN ${columnDefinition(table, column, words)}`,
    // Tables belong to the dataset, rows to a pipeline in it: loads of different pipelines do not wait for each other.
    async lock(plan, what) {
      const key =
        what === "tables" ? [plan.dataset] : [plan.dataset, plan.base?.pipeline_name ?? plan.schema.name];
      await db.run("SELECT pg_advisory_xact_lock($1)", [lockKey(key)], "waiting for another load");
    },
    stage: (table, files) => stageRows(db, words, table, files),
    unstage: table => unstageRows(db, table),
    append: (place, table, files) => copyFiles(db, qualifiedTable(place, table.name), table, files),
    /**
     * dlt's words: "truncate" gives the space back at once and makes readers wait for the commit. The staging strategies
     * are for tables that are read meanwhile: readers go on seeing the old rows until then.
     */
    async empty(place, table) {
      const name = qualifiedTable(place, table.name);
      const doing = `emptying table "${table.name}"`;
      if (options.replace_strategy !== "truncate-and-insert")
        return await db.run(deleteRows(name), [], doing);
      const rows = await db.count(countRows(name));
      await db.run(`TRUNCATE TABLE ${name}`, [], doing);
      return rows;
    },
    // the server names table and column itself
    explainRefusal: async (_plan, refusal) => refusal,
  };
}

/** Advisory locks have a number of 64 bits. */
function lockKey(parts: readonly string[]): bigint {
  const hash = createHash("sha256")
    .update(JSON.stringify(["tidemark", ...parts]))
    .digest();
  return hash.readBigInt64BE(0);
}
