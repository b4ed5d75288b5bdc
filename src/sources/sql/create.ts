/** Sources `postgres`, `sql_table` and `sql_database` as resources that can be read. Loads the driver, which checking a spec does without. */
import type { Value } from "../../json/values";
import { TidemarkError } from "../../pipeline/errors";
import { nearestName, unknownName } from "../../pipeline/nearest-name";
import type { ColumnHint, Json, ResourceHints, SourceSpec } from "../../pipeline/spec";
import { type ConnectionSettings, readCredentials } from "../../postgres-connection/credentials";
import { toHints, toIncremental } from "../resource-hints";
import type { IncrementalRange, OpenOptions, Resource, Source, Surroundings } from "../source";
import { oncePerLoad } from "./catalog-cache";
import { columnPages } from "./column-pages";
import { bareHint, columnPlans, reflectedParser } from "./column-plan";
import { columnHint, type ReflectionLevel } from "./column-types";
import { Session, streamRows } from "./connection";
import { holdsOffset, rangeInZone, ZONE_KINDS, type ZoneKind, zoneKind } from "./cursor-zone";
import { queryStatement } from "./plain-query";
import { type ReflectedTable, reflectTables } from "./reflection";
import { DEFAULT_CHUNK_SIZE, type PageSource, sqlPages } from "./sql-pages";
import { databaseShape, postgresShape, type QuerySpec, type TableArguments, tableShape } from "./sql-shape";
import { type Part, steadyPages } from "./steady-pages";
import { asResumeKey, keyColumns, type TableToRead, tableQueryText, tableStatement } from "./table-query";

/** Reflection happens while a source is built; a server that does not answer must not hold the worker. */
const REFLECTION_TIMEOUT_MS = 60_000;

/** What the cursor's column of a query's result is; the server says so without running it. */
async function resultKind(
  query: string,
  params: { [name: string]: Value },
  range: IncrementalRange,
  { settings, resource, chunkSize }: PageSource,
  { signal }: OpenOptions,
): Promise<ZoneKind> {
  const { text, values } = queryStatement(query, params, range);
  const statement = { text: `SELECT * FROM (${text}\n) AS result LIMIT 0`, values };
  for await (const { fields } of streamRows(settings, statement, {
    signal,
    chunkSize,
    where: `resource "${resource}"`,
  })) {
    const oid = fields.find(({ name }) => name === range.config.cursor_path)?.dataTypeID;
    return ZONE_KINDS[oid ?? 0] ?? "other";
  }
  return "other";
}

function queryResource(spec: QuerySpec, settings: ConnectionSettings, chunkSize: number): Resource {
  const params = (spec.params ?? {}) as { [name: string]: Value };
  return {
    name: spec.name,
    hints: toHints(spec),
    selected: spec.selected ?? true,
    incremental: toIncremental(spec.incremental, spec.primary_key),
    async *open(options: OpenOptions) {
      // a query's key may not be unique, whatever its hint says: going on after it could lose rows
      const reading = { settings, resource: spec.name, chunkSize: spec.chunk_size ?? chunkSize, keys: [] };
      const given = options.incremental;
      const kind =
        given && holdsOffset(given) ? await resultKind(spec.query, params, given, reading, options) : "other";
      yield* sqlPages(
        reading,
        queryStatement(spec.query, params, given && rangeInZone(given, kind)),
        options,
      );
    },
  };
}

interface ReflectionOptions {
  level: ReflectionLevel;
  resolveForeignKeys: boolean;
  chunkSize: number;
  /** dlt's backend "pyarrow". */
  bare: boolean;
}

/** Columns by reflection, what the spec says of a column laid over it (dlt: merge_columns). */
function mergeColumns(reflected: ColumnHint[], given: readonly ColumnHint[]): ColumnHint[] {
  const merged = reflected.map(column => ({ ...column, ...given.find(({ name }) => name === column.name) }));
  return [...merged, ...given.filter(({ name }) => !reflected.some(column => column.name === name))];
}

function tableHints(table: ReflectedTable, given: ResourceHints, options: ReflectionOptions): ResourceHints {
  const reflected = options.bare
    ? table.columns.map(column => bareHint(column, options.level))
    : table.columns.flatMap(column => columnHint(column, options.level) ?? []);
  const hints: ResourceHints = { ...given, columns: mergeColumns(reflected, given.columns ?? []) };
  if (!given.primary_key && table.primaryKey.length > 0) hints.primary_key = table.primaryKey;
  if (!given.references && options.resolveForeignKeys && table.references.length > 0) {
    hints.references = table.references;
  }
  return hints;
}

/** Only the asked columns; the catalog's names, so that a slip in a list is found. */
function narrowed(
  table: ReflectedTable,
  spec: Pick<TableArguments, "included_columns" | "excluded_columns">,
) {
  const names = table.columns.map(column => column.name);
  const unknown = [...(spec.included_columns ?? []), ...(spec.excluded_columns ?? [])].find(
    name => !names.includes(name),
  );
  if (unknown !== undefined) {
    throw new TidemarkError("SQL_QUERY", `Table "${table.name}": ${unknownName("column", unknown, names)}`);
  }
  const columns = table.columns.filter(
    ({ name }) =>
      (spec.included_columns?.includes(name) ?? true) && !(spec.excluded_columns?.includes(name) ?? false),
  );
  if (columns.length === 0) {
    throw new TidemarkError("SQL_QUERY", `Table "${table.name}" has no column left after excluded_columns.`);
  }
  return { ...table, columns };
}

function tableResource(
  whole: ReflectedTable,
  spec: TableArguments,
  settings: ConnectionSettings,
  options: ReflectionOptions,
): Resource {
  const table = narrowed(whole, spec);
  const hints = tableHints(table, toHints(spec), options);
  // dlt makes a list of the key here, however it was written
  const incremental = toIncremental(spec.incremental, hints.primary_key);
  const parsers = new Map(
    table.columns.flatMap(column => {
      const isJson =
        options.bare || hints.columns?.find(one => one.name === column.name)?.data_type === "json";
      const parser = reflectedParser(column, isJson);
      return parser === undefined ? [] : [[column.name, parser]];
    }),
  );
  const columnNames = table.columns.map(column => column.name);
  if (incremental && !columnNames.includes(incremental.cursor_path)) {
    const near = nearestName(incremental.cursor_path, columnNames);
    throw new TidemarkError(
      "SQL_QUERY",
      `Table "${table.name}" has no cursor column "${incremental.cursor_path}"${near ? `; did you mean "${near}"?` : "."}`,
    );
  }
  const kindOf = (path: string) => {
    const column = table.columns.find(({ name }) => name === path);
    return zoneKind(column?.base ?? column?.typname ?? "");
  };
  const plans = columnPlans(table.columns, hints.columns ?? [], options.bare);
  const expressions = new Map(
    (plans ?? []).flatMap(({ name, expression }) => (expression === undefined ? [] : [[name, expression]])),
  );
  return {
    name: spec.name,
    hints,
    selected: spec.selected ?? true,
    incremental,
    async *open(open: OpenOptions) {
      const toRead: TableToRead = table;
      const range =
        open.incremental && rangeInZone(open.incremental, kindOf(open.incremental.config.cursor_path));
      const keys = keyColumns(toRead, range);
      const reading = {
        settings,
        resource: spec.name,
        chunkSize: spec.chunk_size ?? options.chunkSize,
        keys: keys.map(({ name }) => name),
        session: new Session(),
      };
      const read = (part: Part) => {
        const select = { range, resume: asResumeKey(part.resume, keys), limit: part.limit };
        if (plans === undefined)
          return sqlPages({ ...reading, parsers }, tableStatement(toRead, select), open);
        const query = tableQueryText(toRead, { ...select, expressions });
        return columnPages({ ...reading, plans, bare: options.bare }, query, open);
      };
      try {
        yield* steadyPages(read, keys.length > 0, open);
      } finally {
        await reading.session.close();
      }
    },
  };
}

/** Offline: nothing is reflected. @throws TidemarkError SQL_UNAUTHORIZED for credentials that cannot be read */
export function createPostgres(source: SourceSpec, context?: Surroundings): Source {
  const { name, credentials, chunk_size, resources } = postgresShape.parse(source);
  const settings = readCredentials(credentials as Json, context?.env);
  const chunkSize = chunk_size ?? DEFAULT_CHUNK_SIZE;
  return { name, resources: resources.map(resource => queryResource(resource, settings, chunkSize)) };
}

/** @throws TidemarkError SQL_QUERY when table or columns are missing; SQL_CONNECTION, SQL_UNAUTHORIZED */
export const createTable = oncePerLoad(async (source, env) => {
  const spec = tableShape.parse(source);
  const settings = readCredentials(spec.credentials as Json, env);
  const request = { schema: spec.schema ?? undefined, tables: [spec.table], includeViews: true };
  const [table] = await reflectTables(settings, request, AbortSignal.timeout(REFLECTION_TIMEOUT_MS));
  const options = {
    level: spec.reflection_level ?? "full",
    resolveForeignKeys: spec.resolve_foreign_keys ?? false,
    chunkSize: DEFAULT_CHUNK_SIZE,
    bare: spec.backend === "pyarrow",
  };
  // the source's name stands in `name`; the resource is called as its table
  return {
    name: spec.name,
    resources: [tableResource(table!, { ...spec, name: spec.table }, settings, options)],
  };
});

/** @throws TidemarkError SQL_QUERY when tables or columns are missing; SQL_CONNECTION, SQL_UNAUTHORIZED */
export const createDatabase = oncePerLoad(async (source, env) => {
  const spec = databaseShape.parse(source);
  const settings = readCredentials(spec.credentials as Json, env);
  const request = {
    schema: spec.schema ?? undefined,
    tables: spec.table_names ?? undefined,
    includeViews: spec.include_views ?? false,
  };
  const tables = await reflectTables(settings, request, AbortSignal.timeout(REFLECTION_TIMEOUT_MS));
  const listed = spec.resources ?? [];
  const names = tables.map(table => table.name);
  const unknown = listed.find(({ name }) => !names.includes(name));
  if (unknown) {
    throw new TidemarkError("SQL_QUERY", `source.resources: ${unknownName("table", unknown.name, names)}`);
  }
  const options = {
    level: spec.reflection_level ?? "full",
    resolveForeignKeys: spec.resolve_foreign_keys ?? false,
    chunkSize: spec.chunk_size ?? DEFAULT_CHUNK_SIZE,
    bare: spec.backend === "pyarrow",
  };
  const resources = tables.map(table => {
    const own = listed.find(({ name }) => name === table.name) ?? { name: table.name };
    return tableResource(table, own, settings, options);
  });
  return { name: spec.name, resources };
});
