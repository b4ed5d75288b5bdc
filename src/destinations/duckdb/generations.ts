/** DuckDB's part of generations. The file has one writer: nobody else is ever in the way. */
import type { Generations, PublishedObject } from "../generations";
import {
  builtAt,
  type GenerationsVendor,
  generationsOf,
  type SchemaObject,
  seenAt,
} from "../one-transaction/generations";
import { quoteName } from "../one-transaction/sql-text";
import type { Database } from "./database";

export function duckdbGenerations(db: Database): Generations {
  const alone: GenerationsVendor["alone"] = (_schema, doing, work) => db.transaction(doing, work);

  async function objectsOf(schema: string): Promise<SchemaObject[]> {
    const rows = await db.rows(
      "SELECT table_name AS name, table_type AS kind FROM information_schema.tables WHERE table_catalog = current_database() AND lower(table_schema) = lower(?)",
      [schema],
      "looking at a generation",
    );
    return rows.map(({ name, kind }) => ({ name: String(name), view: kind === "VIEW" }));
  }

  async function hasSchema(schema: string): Promise<boolean> {
    const found = await db.count(
      "SELECT count(*) AS n FROM information_schema.schemata WHERE catalog_name = current_database() AND lower(schema_name) = lower(?)",
      [schema],
    );
    return found > 0;
  }

  async function schemasWith(table: string): Promise<string[]> {
    const rows = await db.rows(
      "SELECT table_schema AS name FROM information_schema.tables WHERE table_catalog = current_database() AND table_name = ? ORDER BY 1",
      [table],
    );
    return rows.map(({ name }) => String(name));
  }

  async function copy(from: string, into: string, doing: string): Promise<void> {
    await db.run(`CREATE TABLE ${into} AS FROM ${from}`, [], doing);
  }

  async function swap(before: readonly PublishedObject[], after: readonly PublishedObject[]): Promise<void> {
    const stays = new Set(after.map(seenAt));
    for (const object of before.filter(one => !stays.has(seenAt(one)))) {
      await db.run(`DROP VIEW IF EXISTS ${seenAt(object)}`, [], "publishing");
    }
    const now = new Map(before.map(object => [seenAt(object), object.generation]));
    for (const schema of new Set(after.map(object => object.schema))) {
      const tables = new Set((await objectsOf(schema)).filter(({ view }) => !view).map(({ name }) => name));
      for (const object of after.filter(one => one.schema === schema)) {
        const at = seenAt(object);
        // What dbt built here before it published: the candidate began with a copy of what it continues.
        if (tables.has(object.name)) await db.run(`DROP TABLE ${at}`, [], "publishing");
        else if (now.get(at) === object.generation) continue;
        await db.run(
          `CREATE OR REPLACE VIEW ${at} AS FROM ${builtAt(object)}`,
          [],
          `publishing ${schema}.${object.name}`,
        );
      }
    }
  }

  async function drop(schemas: readonly string[]): Promise<boolean> {
    for (const schema of schemas) {
      await db.run(`DROP SCHEMA IF EXISTS ${quoteName(schema)} CASCADE`, [], "dropping a generation");
    }
    return true;
  }

  const vendor = { db, alone, aloneOrNot: alone, objectsOf, hasSchema, schemasWith, copy, swap, drop };
  return generationsOf(vendor);
}
