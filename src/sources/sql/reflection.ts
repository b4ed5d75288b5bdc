/** Tables of a schema as the catalog tells: columns, types, nullability, keys. Read only for sql_table, sql_database. */
import { TidemarkError } from "../../pipeline/errors";
import { nearestName } from "../../pipeline/nearest-name";
import type { TableReference } from "../../pipeline/spec";
import type { ConnectionSettings } from "../../postgres-connection/credentials";
import { isListed, type ReflectedColumn } from "./column-types";
import { type Statement, streamRows } from "./connection";

export interface ReflectedTable {
  schema: string;
  name: string;
  columns: ReflectedColumn[];
  primaryKey: string[];
  /** Foreign keys into tables of the same schema, one entry per table (dlt merges several into one). */
  references: TableReference[];
}

export interface ReflectionRequest {
  /** Undefined: the first schema of the connection's search path. */
  schema?: string;
  /** Undefined: all tables. */
  tables?: readonly string[];
  /** Views count when they are named, or with this. */
  includeViews: boolean;
}

/** r table, p partitioned, f foreign; v view, m materialized view. */
const KINDS = { tables: ["r", "p"], views: ["v", "m"], named: ["r", "p", "f", "v", "m"] };
const SCHEMA = "n.nspname = coalesce($1::text, current_schema())";
const TABLES = "c.relkind = ANY ($2::text[]) AND ($3::text[] IS NULL OR c.relname = ANY ($3::text[]))";

/** Extensions' types that are known by name, whose oids differ from database to database. */
const EXTENSIONS = "'hstore', 'citext'";
const FIRST_OWN_OID = 16_384;

/** A type that the database made itself may be called as a built-in one, and is another nevertheless. */
function builtIn(oid: string, name: string): string {
  return `CASE WHEN ${oid} < ${FIRST_OWN_OID} OR ${name} IN (${EXTENSIONS}) OR left(${name}, 1) = '_' THEN ${name} ELSE 'own ' || ${name} END`;
}

/** int2vector and oidvector have elements too, but are no arrays of their own: only a type's true array counts. */
const COLUMNS = `
  SELECT n.nspname AS schema, c.relname AS "table", a.attname AS name, (NOT a.attnotnull)::int AS nullable,
         ${builtIn("coalesce(element.oid, t.oid)", "coalesce(element.typname, t.typname)")} AS typname,
         coalesce(element.typtype, t.typtype) AS typtype, (element.oid IS NOT NULL)::int AS is_array,
         (WITH RECURSIVE bases AS (
            SELECT element.oid, element.typtype, element.typbasetype
            UNION ALL
            SELECT d.oid, d.typtype, d.typbasetype FROM bases JOIN pg_type d ON d.oid = bases.typbasetype
          ) SELECT max(oid) FROM bases WHERE typtype <> 'd') AS element_oid, CASE t.typtype WHEN 'd' THEN t.typtypmod ELSE a.atttypmod END AS typmod,
         format_type(a.atttypid, a.atttypmod) AS type, a.atttypid AS oid,
         (WITH RECURSIVE bases AS (
            SELECT t.typbasetype AS oid WHERE t.typtype = 'd'
            UNION ALL
            SELECT d.typbasetype FROM bases JOIN pg_type d ON d.oid = bases.oid AND d.typtype = 'd'
          ) SELECT ${builtIn("b.oid", "b.typname")} FROM bases JOIN pg_type b ON b.oid = bases.oid AND b.typtype <> 'd') AS base,
         (SELECT max(length(enumlabel)) FROM pg_enum WHERE enumtypid = t.oid) AS label_length
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  JOIN pg_type t ON t.oid = a.atttypid
  LEFT JOIN pg_type element ON element.oid = t.typelem AND element.typarray = t.oid
  WHERE ${SCHEMA} AND ${TABLES}
  ORDER BY c.relname, a.attnum`;

const CONSTRAINTS = `
  SELECT c.relname AS "table", k.contype AS kind, k.conname AS name, a.attname AS "column",
         referenced.relname AS referenced_table, ra.attname AS referenced_column
  FROM pg_constraint k
  JOIN pg_class c ON c.oid = k.conrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
  CROSS JOIN LATERAL unnest(k.conkey, k.confkey) WITH ORDINALITY AS key(attnum, referenced_attnum, place)
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = key.attnum
  LEFT JOIN pg_class referenced ON referenced.oid = k.confrelid AND referenced.relnamespace = c.relnamespace
  LEFT JOIN pg_attribute ra ON ra.attrelid = referenced.oid AND ra.attnum = key.referenced_attnum
  WHERE ${SCHEMA} AND ${TABLES}
    AND (k.contype = 'p' OR (k.contype = 'f' AND referenced.oid IS NOT NULL))
  ORDER BY c.relname, k.contype, k.conname, key.place`;

type CatalogRow = { [column: string]: string | null };

async function catalogRows(
  settings: ConnectionSettings,
  statement: Statement,
  signal: AbortSignal,
): Promise<CatalogRow[]> {
  const rows: CatalogRow[] = [];
  const options = { chunkSize: 10_000, signal, where: "the reflection of its tables" };
  try {
    for await (const batch of streamRows(settings, statement, options)) {
      const names = batch.fields.map(field => field.name);
      for (const row of batch.rows)
        rows.push(Object.fromEntries(names.map((name, index) => [name, row[index]!])));
    }
  } catch (error) {
    if (!signal.aborted) throw error;
    throw new TidemarkError(
      "SQL_CONNECTION",
      "PostgreSQL did not answer the reflection of its tables in time.",
    );
  }
  return rows;
}

function textArray(values: readonly string[]): string {
  return `{${values.map(value => `"${value.replaceAll(/["\\]/g, "\\$&")}"`).join(",")}}`;
}

function toColumn(row: CatalogRow): ReflectedColumn {
  const type = { typname: row.typname!, typtype: row.typtype! };
  return {
    name: row.name!,
    nullable: row.nullable === "1",
    ...type,
    is_array: row.is_array === "1" && isListed(type),
    element_oid: Number(row.element_oid ?? 0),
    typmod: Number(row.typmod),
    type: row.type!,
    oid: Number(row.oid),
    base: row.base!,
    label_length: row.label_length === null ? null : Number(row.label_length),
  };
}

function addConstraint(table: ReflectedTable, row: CatalogRow): void {
  if (row.kind === "p") {
    table.primaryKey.push(row.column!);
    return;
  }
  let reference = table.references.find(one => one.referenced_table === row.referenced_table);
  if (!reference) {
    reference = { referenced_table: row.referenced_table!, columns: [], referenced_columns: [] };
    table.references.push(reference);
  }
  reference.columns.push(row.column!);
  reference.referenced_columns.push(row.referenced_column!);
}

function missing(name: string, request: ReflectionRequest, found: readonly string[]): TidemarkError {
  const near = nearestName(name, found);
  return new TidemarkError(
    "SQL_QUERY",
    `There is no table or view "${name}" in ${request.schema ? `schema "${request.schema}"` : "the default schema"}, or this role may not see it` +
      (near
        ? `; did you mean "${near}"?`
        : ". Check the name, the schema, and that names are spelled as created."),
  );
}

/**
 * @returns the tables by name, or in the order they were asked for
 * @throws TidemarkError SQL_QUERY when a named table is not there; SQL_CONNECTION, SQL_UNAUTHORIZED
 */
export async function reflectTables(
  settings: ConnectionSettings,
  request: ReflectionRequest,
  signal: AbortSignal,
): Promise<ReflectedTable[]> {
  const kinds = request.tables
    ? KINDS.named
    : [...KINDS.tables, ...(request.includeViews ? KINDS.views : [])];
  const only = request.tables ? textArray(request.tables) : null;
  const values = [request.schema ?? null, textArray(kinds), only];
  const tables = new Map<string, ReflectedTable>();
  for (const row of await catalogRows(settings, { text: COLUMNS, values }, signal)) {
    const name = row.table!;
    const table = tables.get(name) ?? {
      schema: row.schema!,
      name,
      columns: [],
      primaryKey: [],
      references: [],
    };
    tables.set(name, table);
    table.columns.push(toColumn(row));
  }
  for (const row of await catalogRows(settings, { text: CONSTRAINTS, values }, signal)) {
    const table = tables.get(row.table!);
    if (table) addConstraint(table, row);
  }
  if (!request.tables) return [...tables.values()];
  const absent = request.tables.find(name => !tables.has(name));
  if (absent !== undefined) {
    const all = await reflectTables(settings, { ...request, tables: undefined, includeViews: true }, signal);
    throw missing(
      absent,
      request,
      all.map(table => table.name),
    );
  }
  return request.tables.map(name => tables.get(name)!);
}
