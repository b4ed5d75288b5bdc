/**
 * dlt's keyword arguments of `@dlt.resource` as they stand in a spec, for every source type: checked by zod, then
 * brought into the resolved form. `null` counts as absent, as in dlt.
 */
import { z } from "zod";
import { compilePath, JsonPathError } from "../json/jsonpath";
import { unknownName } from "../pipeline/nearest-name";
import type {
  AppliedHints,
  ColumnHint,
  IncrementalConfig,
  Json,
  ResourceHints,
  WriteDisposition,
} from "../pipeline/spec";

const nonEmpty = z.string().min(1, "must not be empty");
export const namesShape = z.union([nonEmpty, z.array(nonEmpty).min(1)]);
const natural = z.number().int().nonnegative();
const dispositionName = z.enum(["append", "replace", "merge", "skip"]);
const mode = z.enum(["evolve", "freeze", "discard_row", "discard_value"]);
export const contractShape = z.union([
  mode,
  z.strictObject({
    tables: mode
      .optional()
      .describe(
        "What a new table does: evolve (it is made), freeze (the load fails), discard_row, discard_value",
      ),
    columns: mode.optional().describe("Likewise a new column; default of all three: evolve"),
    data_type: mode
      .optional()
      .describe("Likewise a value that does not fit its column; with evolve it goes to a variant column"),
  }),
]);
const json: z.ZodType<Json> = z.json();

/** dlt: TAnyDateTime, as far as JSON has it. */
const instant = z
  .string()
  .refine(
    text => !Number.isNaN(Date.parse(text)) || /^\d{4}-?(W\d\d|\d{3}$)/.test(text),
    "must be a date or time in ISO form",
  );

export const dispositionShape = z.union([
  dispositionName,
  z.strictObject({
    disposition: dispositionName.describe("append, replace, merge or skip"),
    strategy: z
      .enum(["delete-insert", "upsert", "insert-only", "scd2", "cdc"])
      .optional()
      .describe("Of merge; default: delete-insert"),
    validity_column_names: z
      .tuple([nonEmpty, nonEmpty])
      .optional()
      .describe("scd2: columns for valid from and valid to; default: _dlt_valid_from, _dlt_valid_to"),
    active_record_timestamp: instant
      .nullable()
      .optional()
      .describe("scd2: valid to of rows that count now; default: NULL"),
    boundary_timestamp: instant
      .nullable()
      .optional()
      .describe("scd2: when rows of this load begin and older ones end; default: the load's time"),
    row_version_column_name: z
      .string()
      .optional()
      .describe("scd2, upsert, cdc: column by which a changed row is known; default of scd2: _dlt_id"),
    deduplicated: z
      .boolean()
      .optional()
      .describe("delete-insert: the rows are known to have each key once, so that none are looked for"),
    skip_unchanged_rows: z
      .boolean()
      .optional()
      .describe("upsert, cdc: rows that are as they were are not written again"),
    source_filter: z
      .string()
      .optional()
      .describe("merge: condition in SQL on rows of the load; others stay out"),
    destination_scope: z
      .string()
      .optional()
      .describe("merge: condition in SQL on rows of the table; others are left as they are"),
  }),
]);

const flag = z.boolean().optional();
const columnHintShape = {
  data_type: z
    .enum([
      "text",
      "double",
      "bool",
      "timestamp",
      "bigint",
      "binary",
      "json",
      "decimal",
      "wei",
      "date",
      "time",
    ])
    .optional()
    .describe("dlt's type; default: inferred from the values"),
  nullable: flag.describe("false: NOT NULL; default true"),
  precision: natural
    .optional()
    .describe(
      "Digits of decimal and wei, length of text and binary, bits of bigint, digits below the second of a time",
    ),
  scale: natural.optional().describe("Digits after the point of decimal and wei"),
  timezone: flag.describe("Of timestamp: false, a time without zone; default true"),
  primary_key: flag.describe("Part of the primary key"),
  merge_key: flag.describe("Part of the merge key: rows with the values of a loaded one are deleted"),
  unique: flag.describe(
    "Values are unique; a constraint where the destination has one and create_indexes asks for it",
  ),
  row_key: flag.describe("It holds each row's own key, in place of _dlt_id"),
  parent_key: flag.describe("It holds the parent's row key, in place of _dlt_parent_id"),
  root_key: flag.describe("It holds the root's row key, in place of _dlt_root_id"),
  hard_delete: flag.describe("merge: a row with a value here (of a boolean: true) is deleted"),
  dedup_sort: z
    .enum(["asc", "desc"])
    .optional()
    .describe("merge: of rows with the same key the first in this order stays"),
  partition: flag.describe("Partitions the table by it, where the destination can"),
  cluster: flag.describe("Clusters the table by it, where the destination can"),
  sort: flag.describe("Sorts the table by it, where the destination can"),
  incremental: flag.describe("It is the cursor; set by the engine"),
  variant: flag.describe("It holds values that did not fit the column of its name; set by the engine"),
  description: z.string().optional().describe("Comment of the column"),
};
/** Hints of one's own (`x-…`) are stored as they are; any other key is a slip. */
function columnHint<Name extends z.ZodType>(name: Name) {
  const valid = ["name", ...Object.keys(columnHintShape)];
  return z
    .looseObject({ name: name.describe("The column's name"), ...columnHintShape })
    .superRefine((hint, context) => {
      for (const key of Object.keys(hint)) {
        if (valid.includes(key) || key.startsWith("x-")) continue;
        context.addIssue({ code: "custom", path: [key], message: unknownName("key", key, valid) });
      }
    });
}

export const columnsShape = z.union([
  z.record(nonEmpty, columnHint(z.string().optional())),
  z.array(columnHint(nonEmpty)),
]);

const reference = z.strictObject({
  referenced_table: nonEmpty.describe("Table that is pointed to"),
  columns: z.array(nonEmpty).min(1).describe("Columns here"),
  referenced_columns: z.array(nonEmpty).min(1).describe("Columns there, in the same order"),
  label: z.string().optional().describe("For people"),
  cardinality: z.string().optional().describe("For people: one_to_many"),
});

const ownShape = {
  table_name: nonEmpty.nullish().describe("Default: the resource's name"),
  write_disposition: dispositionShape.nullish().describe("How rows meet those of before; default: append"),
  primary_key: namesShape
    .nullish()
    .describe("Columns by which merge knows a row again, and by which duplicates at the cursor are dropped"),
  merge_key: namesShape
    .nullish()
    .describe("Columns by whose values merge replaces whole groups of rows, for example a day"),
  columns: columnsShape
    .nullish()
    .describe("Hints of columns: a list with names, or an object by name. Keys x-… are stored as they are"),
  max_table_nesting: natural
    .nullish()
    .describe("Depth of child tables; what lies deeper is kept as JSON. Default: no limit"),
  schema_contract: contractShape
    .nullish()
    .describe("What new tables, columns and types may do; default: evolve"),
  table_format: z
    .enum(["iceberg", "delta", "hive", "native"])
    .nullish()
    .describe("Format of the table, where the destination has several"),
  file_format: z
    .enum(["preferred", "jsonl", "insert_values", "parquet", "csv", "model"])
    .nullish()
    .describe("Of the files between the steps; default: preferred, the best one"),
  references: z
    .array(reference)
    .nullish()
    .describe("Foreign keys, for people and tools; nothing is enforced"),
  parent_table_name: nonEmpty.nullish().describe("The table is a child of this one"),
};

const { table_name: _named, max_table_nesting: _nested, ...nestedShape } = ownShape;

/** A list's name, or the names on the way to a list in a list (a tuple in dlt) as a JSON array. */
const nestedKey = nonEmpty.refine(
  key => !key.startsWith("[") || isPathText(key),
  'must be the name of a list, or a JSON array of names for a list in a list, as in \'["lines", "parts"]\'',
);

function isPathText(key: string): boolean {
  try {
    const path: unknown = JSON.parse(key);
    return Array.isArray(path) && path.length > 0 && path.every(one => typeof one === "string" && one !== "");
  } catch {
    return false;
  }
}

function isJsonPath(path: string): boolean {
  try {
    compilePath(path);
    return true;
  } catch (error) {
    if (error instanceof JsonPathError) return false;
    throw error;
  }
}

/** dlt: `dlt.sources.incremental`, written as a dict. */
export const incrementalShape = z.strictObject({
  cursor_path: nonEmpty
    .refine(isJsonPath, "is no JSONPath")
    .describe("Field that grows: a name, or a JSONPath into the row"),
  initial_value: json.optional().describe('Where the first run begins, for example "2026-01-01T00:00:00Z"'),
  end_value: json
    .optional()
    .describe("Where a backfill ends, exclusive: the pipeline's cursor is left as it is"),
  last_value_func: z.enum(["max", "min"]).nullish().describe("Which value is the newest; default: max"),
  /** An empty list is dlt's `()`: no dedup at the cursor's boundary. */
  primary_key: z
    .union([nonEmpty, z.array(nonEmpty)])
    .nullish()
    .describe(
      "By which rows at the cursor's own value are known again; default: the resource's; []: they are not",
    ),
  row_order: z
    .enum(["asc", "desc"])
    .nullish()
    .describe("Rows come in this order of the cursor: extraction stops when it is past the range"),
  range_start: z
    .enum(["closed", "open"])
    .nullish()
    .describe(
      "closed (default): rows with the last value come again and known ones are dropped; open: they do not",
    ),
  range_end: z
    .enum(["open", "closed"])
    .nullish()
    .describe("open (default): end_value itself is left out; closed: it is taken"),
  lag: z
    .number()
    .nonnegative()
    .nullish()
    .describe(
      "Each run begins so much before the last value: seconds of times, days of dates, units of numbers",
    ),
  on_cursor_value_missing: z
    .enum(["raise", "include", "exclude"])
    .nullish()
    .describe("A row without the field: raise (default), include or exclude"),
});

/** The hints' keys, to be spread into the strict object of one resource. */
export const hintsShape = {
  ...ownShape,
  /** dlt takes only the dict form of columns in here. */
  nested_hints: z
    .record(nestedKey, z.strictObject(nestedShape))
    .nullish()
    .describe("Hints of child tables, by the name of the list; of a list in a list by a JSON array of names"),
};

/** What `resource_hints` of a spec may say of one resource (dlt: the arguments of `resource.apply_hints`). */
export const appliedHintsShape = z.strictObject({
  ...hintsShape,
  /** An empty text takes a key away, as in dlt. */
  primary_key: z
    .union([z.literal(""), namesShape])
    .nullish()
    .describe('As below a resource; "" takes the key away'),
  merge_key: z
    .union([z.literal(""), namesShape])
    .nullish()
    .describe('As below a resource; "" takes the key away'),
  incremental: incrementalShape.nullish().describe("In place of the resource's own cursor"),
  /** Stored with the table as they are. */
  additional_table_hints: z.record(nonEmpty, json).nullish().describe("Stored with the table as they are"),
});
export type AppliedHintsInput = z.infer<typeof appliedHintsShape>;

/** Source-level keys that every source type has. */
/** dlt: is_valid_schema_name */
export const SCHEMA_NAME = /^[\p{L}_][\p{L}\p{N}_]*$/u;
export const MAX_SCHEMA_NAME = 64;

export const sourceShape = {
  /** It is the schema's name (dlt: is_valid_schema_name). */
  name: nonEmpty
    .max(MAX_SCHEMA_NAME, "must have at most 64 characters")
    .regex(SCHEMA_NAME, "must consist of letters, digits and underscores, and begin with no digit")
    .describe(
      "The schema's name, and where dlt's settings of the source are looked up; default: as dlt names it",
    ),
  max_table_nesting: natural
    .nullish()
    .describe("For all resources: depth of child tables; default: no limit"),
  root_key: z
    .boolean()
    .nullish()
    .describe(
      "Child tables have a column with the key of their root row, which merge needs and adds by itself",
    ),
  schema_contract: contractShape.nullish().describe("For all resources; default: evolve"),
};

type OwnHints = z.infer<z.ZodObject<typeof ownShape>>;
export type HintsInput = z.infer<z.ZodObject<typeof hintsShape>>;
export type IncrementalInput = z.infer<typeof incrementalShape>;

/** Without what is absent (undefined or null). */
function given<T extends object>(value: T): { [K in keyof T]?: NonNullable<T[K]> } {
  return Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined && one !== null)) as {
    [K in keyof T]?: NonNullable<T[K]>;
  };
}

export function toNames(value: string | string[] | null | undefined): string[] | undefined {
  if (value === "") return [];
  return typeof value === "string" ? [value] : (value ?? undefined);
}

/** Columns as a list, in order, from both written forms. */
export function toColumns(columns: OwnHints["columns"]): ColumnHint[] | undefined {
  if (!columns) return undefined;
  if (Array.isArray(columns)) return columns as ColumnHint[];
  return Object.entries(columns).map(([name, hint]) => ({ ...hint, name }) as ColumnHint);
}

export function toDisposition(
  input: z.infer<typeof dispositionShape> | null | undefined,
): WriteDisposition | undefined {
  if (input === undefined || input === null) return undefined;
  if (typeof input === "string") return { disposition: input };
  return input.disposition === "replace" ? { ...input, keeps_cursors: true } : input;
}

function toOwnHints(input: OwnHints): ResourceHints {
  return given({
    table_name: input.table_name,
    write_disposition: toDisposition(input.write_disposition),
    primary_key: toNames(input.primary_key),
    merge_key: toNames(input.merge_key),
    columns: toColumns(input.columns),
    max_table_nesting: input.max_table_nesting,
    schema_contract: input.schema_contract,
    table_format: input.table_format,
    file_format: input.file_format,
    references: input.references,
    parent_table_name: input.parent_table_name,
  });
}

/** Resolved hints; only what was given. */
export function toHints(input: HintsInput): ResourceHints {
  const hints = toOwnHints(input);
  if (input.nested_hints) {
    const nested = Object.entries(input.nested_hints).map(([path, own]) => [path, toOwnHints(own)]);
    hints.nested_hints = Object.fromEntries(nested);
  }
  return hints;
}

/** dlt: apply_hints. An incremental takes the place of the resource's own. */
export function toAppliedHints(input: AppliedHintsInput): AppliedHints {
  const incremental = toIncremental(input.incremental, input.primary_key);
  const extra = input.additional_table_hints;
  return {
    ...toHints(input),
    ...(incremental === undefined ? {} : { incremental }),
    ...(extra ? { extra } : {}),
  };
}

/**
 * dlt's defaults filled in. `primary_key_is_list` keeps how the key was written: it decides dlt's dedup hash.
 * @param primaryKey the resource's own, which counts when the incremental names none
 */
export function toIncremental(
  input: IncrementalInput | null | undefined,
  primaryKey?: string | string[] | null,
): IncrementalConfig | undefined {
  if (!input) return undefined;
  const { primary_key: ownKey, ...rest } = given(input);
  const key = ownKey ?? primaryKey;
  return {
    last_value_func: "max",
    range_start: "closed",
    range_end: "open",
    on_cursor_value_missing: "raise",
    ...rest,
    cursor_path: input.cursor_path,
    ...(ownKey === undefined ? {} : { primary_key: toNames(ownKey) }),
    ...(Array.isArray(key) && key.length === 1 ? { primary_key_is_list: true } : {}),
  };
}
