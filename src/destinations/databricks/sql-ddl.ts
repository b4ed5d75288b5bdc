/**
 * CREATE and ALTER as dlt writes them on Databricks: columns in stored order, all new
 * columns in one ALTER, comments, tags, clustering, partitions, properties, keys. Pure text.
 */
import { TidemarkError } from "../../pipeline/errors";
import type { StoredTable } from "../../schema/types";
import { type CompleteColumn, columnsWith, completeColumns, LOADS_TABLE } from "../table-chains";
import { columnType, type TypeOptions } from "./column-types";
import { type Place, qualifiedDataset, qualifiedTable, quoteName, quoteNames, quoteText } from "./sql-text";
import { DEFAULT_VOLUME } from "./staged-paths";

export interface DdlOptions extends TypeOptions {
  create_indexes: boolean;
  create_comments?: boolean;
}

export function createDataset(place: Place): string {
  return `CREATE SCHEMA IF NOT EXISTS ${qualifiedDataset(place)}`;
}

/** Fails where the dataset is there: who makes it this way knows that nothing is in it. */
export function createNewDataset(place: Place): string {
  return `CREATE SCHEMA ${qualifiedDataset(place)}`;
}

export function createVolume(place: Place): string {
  return `CREATE VOLUME IF NOT EXISTS ${qualifiedDataset(place)}.${quoteName(DEFAULT_VOLUME)}`;
}

export function dropTable(place: Place, table: string): string {
  return `DROP TABLE IF EXISTS ${qualifiedTable(place, table)}`;
}

/**
 * The table and what dlt says about it in statements of their own.
 * @throws TidemarkError DESTINATION_UNSUPPORTED for a table that is both partitioned and clustered, and for a type
 *   that Databricks does not have
 */
export function createTable(place: Place, table: StoredTable, options: DdlOptions): string[] {
  const columns = completeColumns(table).map(column => columnDefinition(table, column, options));
  const primaryKey = columnsWith(table, "primary_key");
  if (options.create_indexes && primaryKey.length > 0)
    columns.push(`PRIMARY KEY (${quoteNames(primaryKey)})`);
  const create =
    `CREATE TABLE IF NOT EXISTS ${qualifiedTable(place, table.name)} (\n${columns.join(",\n")})` +
    tableClauses(table);
  return [create, ...describeTable(place, table, options)];
}

/** New columns of a table that exists, in one statement; clustering changes with them. */
export function addColumns(
  place: Place,
  table: StoredTable,
  added: readonly CompleteColumn[],
  options: DdlOptions,
): string[] {
  const definitions = added.map(column => columnDefinition(table, column, options));
  const name = qualifiedTable(place, table.name);
  const clustering = clusterClause(table);
  const reclustered = clustering !== "" && added.some(column => clusterColumns(table).includes(column.name));
  return [
    `ALTER TABLE ${name} ADD COLUMNS (\n${definitions.join(",\n")})`,
    ...(reclustered ? [`ALTER TABLE ${name}${clustering}`] : []),
    ...describeTable(place, table, options),
  ];
}

/** Named by its columns, so that a repetition meets the same constraint instead of making a second one. */
export function foreignKeys(place: Place, table: StoredTable): { name: string; sql: string }[] {
  return (table.references ?? []).map(reference => {
    const name = `${table.name}_${reference.columns.join("_")}_fk`.slice(0, 255);
    const target = qualifiedTable(place, reference.referenced_table);
    return {
      name,
      sql:
        `ALTER TABLE ${qualifiedTable(place, table.name)} ADD CONSTRAINT ${quoteName(name)} ` +
        `FOREIGN KEY (${quoteNames(reference.columns)}) REFERENCES ${target} (${quoteNames(reference.referenced_columns)})`,
    };
  });
}

function columnDefinition(table: StoredTable, column: CompleteColumn, options: DdlOptions): string {
  const notNull = column.nullable === false ? " NOT NULL" : "";
  const text = hintText(column["x-databricks-column-comment"]) ?? column.description;
  const comment = text === undefined || !commented(table, options) ? "" : ` COMMENT ${quoteText(text)}`;
  return `${quoteName(column.name)} ${columnType(table.name, column, options)}${notNull}${comment}`;
}

/** dlt never comments its own tables. */
function commented(table: StoredTable, options: DdlOptions): boolean {
  return (options.create_comments ?? true) && !table.name.startsWith("_dlt_");
}

function tableClauses(table: StoredTable): string {
  const clauses: string[] = [];
  if (isIceberg(table)) clauses.push("USING ICEBERG");
  const partition = columnsWith(table, "partition");
  if (partition.length > 0) clauses.push(`PARTITIONED BY (${quoteNames(partition)})`);
  const clustering = clusterClause(table).trim();
  if (partition.length > 0 && clustering !== "") throw partitionedAndClustered(table, partition, clustering);
  if (clustering !== "") clauses.push(clustering);
  const properties = tableProperties(table);
  if (properties !== "") clauses.push(`TBLPROPERTIES (${properties})`);
  return clauses.length === 0 ? "" : ` ${clauses.join(" ")}`;
}

function partitionedAndClustered(table: StoredTable, partition: string[], clustering: string): TidemarkError {
  return new TidemarkError(
    "DESTINATION_UNSUPPORTED",
    `Table "${table.name}" has PARTITIONED BY (${quoteNames(partition)}) and ${clustering}, of which a Databricks table has one at most. ` +
      "Remove the hint `partition` or the hint `cluster` from its columns (Databricks recommends clustering).",
  );
}

export function isIceberg(table: StoredTable): boolean {
  return table.table_format === "iceberg";
}

function clusterColumns(table: StoredTable): string[] {
  const hint = table["x-databricks-cluster"];
  if (Array.isArray(hint)) return hint.map(String);
  return [...new Set([...columnsWith(table, "cluster"), ...columnsWith(table, "x-databricks-cluster")])];
}

function clusterClause(table: StoredTable): string {
  if (table["x-databricks-cluster"] === "AUTO") {
    return " CLUSTER BY AUTO";
  }
  const columns = clusterColumns(table);
  return columns.length === 0 ? "" : ` CLUSTER BY (${quoteNames(columns)})`;
}

/**
 * Writers of the loads table see one another also where one of them only appends (dlt does): by default such an append
 * may be ordered after a write that should have seen it (Databricks: WriteSerializable).
 */
const OF_LOADS = "'delta.isolationLevel'='Serializable'";

function tableProperties(table: StoredTable): string {
  if (table.name === LOADS_TABLE) return OF_LOADS;
  const properties = table["x-databricks-table-properties"];
  if (properties === null || typeof properties !== "object") return "";
  return Object.entries(properties as { [name: string]: unknown })
    .map(([name, value]) => `${quoteText(name)}=${literal(value)}`)
    .join(", ");
}

function literal(value: unknown): string {
  return typeof value === "number" || typeof value === "boolean" ? String(value) : quoteText(String(value));
}

/**
 * What no CREATE or ADD COLUMNS can bring: the table's comment (dlt: `create_comments`), its tags and its columns' tags.
 * Every statement may be repeated.
 */
export function describeTable(place: Place, table: StoredTable, options: DdlOptions): string[] {
  const name = qualifiedTable(place, table.name);
  const text = hintText(table["x-databricks-table-comment"]) ?? table.description;
  const comment = text === undefined || !commented(table, options) ? [] : [quoteText(text)];
  return [
    ...comment.map(quoted => `COMMENT ON TABLE ${name} IS ${quoted}`),
    ...tagTexts(table["x-databricks-table-tags"]).map(tag => `ALTER TABLE ${name} SET TAGS (${tag})`),
    ...completeColumns(table).flatMap(column => columnTags(place, table, column)),
  ];
}

function columnTags(place: Place, table: StoredTable, column: CompleteColumn): string[] {
  return tagTexts(column["x-databricks-column-tags"]).map(
    tag =>
      `ALTER TABLE ${qualifiedTable(place, table.name)} ALTER COLUMN ${quoteName(column.name)} SET TAGS (${tag})`,
  );
}

/** dlt: a list of names and of `{name: value}`. */
function tagTexts(hint: unknown): string[] {
  if (!Array.isArray(hint)) return [];
  return hint.flatMap(tag =>
    typeof tag === "string"
      ? [quoteText(tag)]
      : Object.entries(tag as { [name: string]: unknown }).map(
          ([name, value]) => `${quoteText(name)}=${quoteText(String(value))}`,
        ),
  );
}

function hintText(hint: unknown): string | undefined {
  return typeof hint === "string" && hint !== "" ? hint : undefined;
}
