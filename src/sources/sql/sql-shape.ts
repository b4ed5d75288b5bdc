/** The SQL sources' part of a spec: `postgres` (plain queries), `sql_table`, `sql_database` (reflection). */
import { z } from "zod";
import { simpleField } from "../../json/jsonpath";
import { unknownName } from "../../pipeline/nearest-name";
import type { SourceSpec } from "../../pipeline/spec";
import { CREDENTIAL_FIELDS } from "../../postgres-connection/credentials";
import { hintsShape, type IncrementalInput, incrementalShape, sourceShape } from "../resource-hints";
import { duplicateNames, shapeProblems } from "../shape-problems";
import type { SpecProblem } from "../source";
import { bindNames } from "./named-parameters";
import { RANGE_NAMES, usesRange } from "./range-names";

const filled = z.string().min(1, "must not be empty");
const names = z.array(filled).min(1);
const secretRef = z.union([
  z.strictObject({ env: filled }),
  z.strictObject({ dlt_secret: filled }),
  z.strictObject({ spec_ref: z.looseObject({}) }),
]);

/** References stand here while a spec is checked; plain values once the worker has looked them up. */
const credentials = z
  .custom<z.core.util.JSONType>(
    value =>
      typeof value === "string" || (typeof value === "object" && value !== null && !Array.isArray(value)),
    'must be a DSN, {"env": "NAME"}, or an object of connection fields',
  )
  .superRefine((value, context) => {
    if (typeof value === "string" || secretRef.safeParse(value).success) return;
    for (const key of Object.keys(value as object)) {
      if (CREDENTIAL_FIELDS.includes(key)) continue;
      context.addIssue({ code: "custom", path: [key], message: unknownName("key", key, CREDENTIAL_FIELDS) });
    }
  });

const reachedBy = credentials
  .optional()
  .describe(
    "A DSN by reference, or an object of connection fields; default: dlt's settings, sources.<name>.credentials",
  );
const chunkSize = z
  .number()
  .int()
  .positive()
  .nullish()
  .describe("Rows that are read at a time; default: 50000");
const queryShape = {
  query: filled.describe(
    "One SELECT; :start_value, :end_value and names of params may stand in it, else the range is laid around it",
  ),
  /** Values of named parameters other than those of the incremental range. */
  params: z
    .record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()]))
    .nullish()
    .describe("Values of named parameters of the query"),
};
const resourceShape = {
  name: filled.describe("Of a query: how the resource is called; of a database: the table"),
  ...hintsShape,
  incremental: incrementalShape.nullish().describe("A cursor: each run loads what is newer"),
  selected: z.boolean().nullish().describe("false: only loaded when it is asked for; default true"),
  chunk_size: chunkSize,
};
const columnsShape = {
  included_columns: names.nullish().describe("Only these columns; default: all"),
  excluded_columns: names.nullish().describe("All but these columns"),
};
const reflectionShape = {
  schema: filled.nullish().describe("The database's schema; default: the connection's search path"),
  reflection_level: z
    .enum(["minimal", "full", "full_with_precision"])
    .nullish()
    .describe(
      "What is taken from the catalog: names and keys, types too (full, default), their precisions too",
    ),
  resolve_foreign_keys: z.boolean().nullish().describe("Foreign keys become references; default false"),
  /** How dlt's backend of this name would leave the tables: "pyarrow" without `_dlt_id` and `_dlt_load_id`. */
  backend: z
    .enum(["sqlalchemy", "pyarrow"])
    .nullish()
    .describe(
      "As dlt's backend of this name leaves the tables: pyarrow without _dlt_id and _dlt_load_id; default: sqlalchemy",
    ),
};

export const postgresShape = z.strictObject({
  type: z.literal("postgres"),
  ...sourceShape,
  credentials: reachedBy,
  chunk_size: chunkSize,
  resources: z
    .array(z.strictObject({ ...resourceShape, ...queryShape }))
    .min(1, "must name at least one resource")
    .describe("Queries, one resource each"),
});

export const tableShape = z.strictObject({
  type: z.literal("sql_table"),
  ...sourceShape,
  credentials: reachedBy,
  table: filled.describe("Table or view"),
  ...hintsShape,
  incremental: incrementalShape.nullish().describe("A cursor: each run loads what is newer"),
  chunk_size: chunkSize,
  ...reflectionShape,
  ...columnsShape,
});

export const databaseShape = z.strictObject({
  type: z.literal("sql_database"),
  ...sourceShape,
  credentials: reachedBy,
  ...reflectionShape,
  table_names: names.nullish().describe("Only these tables; default: all of the schema"),
  include_views: z.boolean().nullish().describe("Views too; default false"),
  chunk_size: chunkSize,
  /** Arguments of single tables, by name (dlt: `resource.apply_hints`). Tables not listed here are loaded too. */
  resources: z
    .array(z.strictObject({ ...resourceShape, ...columnsShape }))
    .nullish()
    .describe("Hints and cursors of single tables, by name; tables that are not listed are loaded too"),
});

export type QuerySpec = z.infer<typeof postgresShape>["resources"][number];
export type TableArguments = NonNullable<z.infer<typeof databaseShape>["resources"]>[number];

function cursorProblems(
  incremental: IncrementalInput | null | undefined,
  path: (string | number)[],
): SpecProblem[] {
  if (!incremental || simpleField(incremental.cursor_path) !== null) return [];
  return [
    {
      path: [...path, "cursor_path"],
      message: "must be a plain column name, because the database filters on it",
    },
  ];
}

function queryProblems(resource: QuerySpec, index: number): SpecProblem[] {
  const problems: SpecProblem[] = [];
  const valid = [...RANGE_NAMES, ...Object.keys(resource.params ?? {})];
  for (const name of bindNames(resource.query).names) {
    if (valid.includes(name)) continue;
    problems.push({
      path: ["resources", index, "query"],
      message: `${unknownName("parameter", name, valid)} Give its value in params.`,
    });
  }
  if (usesRange(resource.query) && (resource.incremental?.initial_value ?? null) === null) {
    problems.push({
      path: ["resources", index, "incremental", "initial_value"],
      message: "is missing; the query names the range's start, which is NULL in the first run without it",
    });
  }
  return problems;
}

export function checkPostgres(source: SourceSpec): SpecProblem[] {
  const problems = shapeProblems(postgresShape, source);
  if (problems.length > 0) return problems;
  const { resources } = postgresShape.parse(source);
  return [
    ...duplicateNames(resources),
    ...resources.flatMap((resource, index) => [
      ...cursorProblems(resource.incremental, ["resources", index, "incremental"]),
      ...queryProblems(resource, index),
    ]),
  ];
}

export function checkTable(source: SourceSpec): SpecProblem[] {
  const problems = shapeProblems(tableShape, source);
  return problems.length > 0
    ? problems
    : cursorProblems(tableShape.parse(source).incremental, ["incremental"]);
}

export function checkDatabase(source: SourceSpec): SpecProblem[] {
  const problems = shapeProblems(databaseShape, source);
  if (problems.length > 0) return problems;
  const { resources, table_names } = databaseShape.parse(source);
  const listed = resources ?? [];
  return [
    ...duplicateNames(listed),
    ...listed.flatMap(({ name, incremental }, index) => [
      ...cursorProblems(incremental, ["resources", index, "incremental"]),
      ...(table_names && !table_names.includes(name)
        ? [
            {
              path: ["resources", index, "name"],
              message: unknownName("table of table_names", name, table_names),
            },
          ]
        : []),
    ]),
  ];
}
