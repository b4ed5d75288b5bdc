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
import type { SpecProblem } from "./source";

const nonEmpty = z.string().min(1, "must not be empty");
export const namesShape = z.union([nonEmpty, z.array(nonEmpty).min(1)]);
const natural = z.number().int().nonnegative();
const dispositionName = z.enum(["append", "replace", "merge", "skip"]);
const mode = z.enum(["evolve", "freeze", "discard_row", "discard_value"]);
export const contractShape = z.union([
  mode,
  z.strictObject({ tables: mode.optional(), columns: mode.optional(), data_type: mode.optional() }),
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
    disposition: dispositionName,
    strategy: z.enum(["delete-insert", "upsert", "insert-only", "scd2", "cdc"]).optional(),
    validity_column_names: z.tuple([nonEmpty, nonEmpty]).optional(),
    active_record_timestamp: instant.nullable().optional(),
    boundary_timestamp: instant.nullable().optional(),
    row_version_column_name: z.string().optional(),
    deduplicated: z.boolean().optional(),
    skip_unchanged_rows: z.boolean().optional(),
    source_filter: z.string().optional(),
    destination_scope: z.string().optional(),
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
    .optional(),
  nullable: flag,
  precision: natural.optional(),
  scale: natural.optional(),
  timezone: flag,
  primary_key: flag,
  merge_key: flag,
  unique: flag,
  row_key: flag,
  parent_key: flag,
  root_key: flag,
  hard_delete: flag,
  dedup_sort: z.enum(["asc", "desc"]).optional(),
  partition: flag,
  cluster: flag,
  sort: flag,
  incremental: flag,
  variant: flag,
  description: z.string().optional(),
};
/** Hints of one's own (`x-…`) are stored as they are; any other key is a slip. */
function columnHint<Name extends z.ZodType>(name: Name) {
  const valid = ["name", ...Object.keys(columnHintShape)];
  return z.looseObject({ name, ...columnHintShape }).superRefine((hint, context) => {
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
  referenced_table: nonEmpty,
  columns: z.array(nonEmpty).min(1),
  referenced_columns: z.array(nonEmpty).min(1),
  label: z.string().optional(),
  cardinality: z.string().optional(),
});

const ownShape = {
  table_name: nonEmpty.nullish(),
  write_disposition: dispositionShape.nullish(),
  primary_key: namesShape.nullish(),
  merge_key: namesShape.nullish(),
  columns: columnsShape.nullish(),
  max_table_nesting: natural.nullish(),
  schema_contract: contractShape.nullish(),
  table_format: z.enum(["iceberg", "delta", "hive", "native"]).nullish(),
  file_format: z.enum(["preferred", "jsonl", "insert_values", "parquet", "csv", "model"]).nullish(),
  references: z.array(reference).nullish(),
  parent_table_name: nonEmpty.nullish(),
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
  cursor_path: nonEmpty.refine(isJsonPath, "is no JSONPath"),
  initial_value: json.optional(),
  end_value: json.optional(),
  last_value_func: z.enum(["max", "min"]).nullish(),
  /** An empty list is dlt's `()`: no dedup at the cursor's boundary. */
  primary_key: z.union([nonEmpty, z.array(nonEmpty)]).nullish(),
  row_order: z.enum(["asc", "desc"]).nullish(),
  range_start: z.enum(["closed", "open"]).nullish(),
  range_end: z.enum(["open", "closed"]).nullish(),
  lag: z.number().nonnegative().nullish(),
  on_cursor_value_missing: z.enum(["raise", "include", "exclude"]).nullish(),
});

/** The hints' keys, to be spread into the strict object of one resource. */
export const hintsShape = {
  ...ownShape,
  /** dlt takes only the dict form of columns in here. */
  nested_hints: z.record(nestedKey, z.strictObject(nestedShape)).nullish(),
};

/** What `resource_hints` of a spec may say of one resource (dlt: the arguments of `resource.apply_hints`). */
export const appliedHintsShape = z.strictObject({
  ...hintsShape,
  /** An empty text takes a key away, as in dlt. */
  primary_key: z.union([z.literal(""), namesShape]).nullish(),
  merge_key: z.union([z.literal(""), namesShape]).nullish(),
  incremental: incrementalShape.nullish(),
  /** Stored with the table as they are. */
  additional_table_hints: z.record(nonEmpty, json).nullish(),
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
    .regex(SCHEMA_NAME, "must consist of letters, digits and underscores, and begin with no digit"),
  max_table_nesting: natural.nullish(),
  root_key: z.boolean().nullish(),
  schema_contract: contractShape.nullish(),
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

/** Keys of the strict object at a path of a zod shape, for "did you mean". */
function validKeys(shape: z.ZodType, path: readonly PropertyKey[]): string[] {
  let at: unknown = shape;
  for (const part of [...path, undefined]) {
    while (at instanceof z.ZodOptional || at instanceof z.ZodNullable) at = at.unwrap();
    if (at instanceof z.ZodUnion) {
      at = at.options.find(option => option instanceof (typeof part === "number" ? z.ZodArray : z.ZodObject));
    }
    if (part === undefined) break;
    if (at instanceof z.ZodObject) at = at.shape[String(part)];
    else if (at instanceof z.ZodArray) at = at.element;
    else if (at instanceof z.ZodRecord) at = at.valueType;
  }
  return at instanceof z.ZodObject ? Object.keys(at.shape) : [];
}

function issueProblems(
  shape: z.ZodType,
  issue: z.core.$ZodIssue,
  prefix: readonly PropertyKey[],
): SpecProblem[] {
  const path = [...prefix, ...issue.path] as (string | number)[];
  if (issue.code === "unrecognized_keys") {
    const valid = validKeys(shape, path);
    return issue.keys.map(key => ({ path: [...path, key], message: unknownName("key", key, valid) }));
  }
  if (issue.code === "invalid_union") {
    // the alternative that got past the outermost type says more than "invalid input"
    const inner = issue.errors.flat().find(one => one.path.length > 0 || one.code === "unrecognized_keys");
    if (inner) return issueProblems(shape, inner, path);
  }
  if (issue.code === "invalid_type" && issue.message.endsWith("received undefined")) {
    return [{ path, message: "is missing" }];
  }
  return [{ path, message: issue.message }];
}

/** Every problem that a shape finds in a source's part of a spec. */
export function shapeProblems(shape: z.ZodType, value: unknown): SpecProblem[] {
  const parsed = shape.safeParse(value);
  return parsed.success ? [] : parsed.error.issues.flatMap(issue => issueProblems(shape, issue, []));
}

/** Names given twice: in dlt the last would silently win. */
export function duplicateNames(resources: readonly { name?: unknown }[]): SpecProblem[] {
  const seen = new Set<unknown>();
  return resources.flatMap(({ name }, index) => {
    const again = typeof name === "string" && seen.has(name);
    seen.add(name);
    return again
      ? [{ path: ["resources", index, "name"], message: `a resource "${name}" is there already` }]
      : [];
  });
}
