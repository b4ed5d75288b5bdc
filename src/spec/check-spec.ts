/** Checks a whole pipeline spec offline and lists every problem at once, each with its path and the nearest valid name. */
import { z } from "zod";
import { DESTINATION_NAMES, findDestinationType } from "../destinations/registry";
import { cutText } from "../pipeline/cut-text";
import { TidemarkError } from "../pipeline/errors";
import { unknownName } from "../pipeline/nearest-name";
import { NOTICE_EVENTS } from "../pipeline/notices";
import type { Json, JsonObject, SourceSpec } from "../pipeline/spec";
import { SOURCE_TYPES, sourceType } from "../sources/registry";
import {
  appliedHintsShape,
  columnsShape,
  contractShape,
  dispositionShape,
  namesShape,
} from "../sources/resource-hints";
import { issueProblems } from "../sources/shape-problems";
import type { SpecProblem } from "../sources/source";
import { gateShape } from "./gate-spec";

function wholeNumber(least: number, most: number, more = "") {
  const message = `must be a whole number from ${least} to ${most}${more}`;
  return z.number(message).int(message).min(least, message).max(most, message);
}

const dbt = z
  .strictObject({
    project_dir: z
      .string()
      .min(1)
      .optional()
      .describe("Folder of dbt_project.yml, from the project's folder; default: the project's `dbt`"),
    profiles_dir: z.string().min(1).optional().describe("Folder of profiles.yml; default: project_dir"),
    target: z
      .string()
      .min(1)
      .optional()
      .describe("Target of the profile; default: DBT_TARGET, else the profile's own default"),
    select: z.string().optional().describe("As in `dbt build --select`"),
    exclude: z.string().optional().describe("As in `dbt build --exclude`"),
    selector: z.string().min(1).optional().describe("Name in selectors.yml, in place of select and exclude"),
    vars: z.record(z.string(), z.unknown()).optional().describe("As in `dbt build --vars`"),
    threads: wholeNumber(1, 256).optional().describe("In place of the profile's"),
    state: z
      .string()
      .min(1)
      .optional()
      .describe("Folder with the manifest.json of another run, for `state:` selections and defer"),
    defer: z.boolean().optional().describe("Read what is neither selected nor there from where state has it"),
    freshness: z.boolean().optional().describe("`dbt source freshness` before the build; default true"),
    full_refresh: z.boolean().optional().describe("`dbt build --full-refresh`; default false"),
    publish: z
      .enum(["live", "candidate"])
      .optional()
      .describe(
        "candidate: readers see what was built only once tests and gate have passed it; default live",
      ),
    generations: wholeNumber(1, 100)
      .optional()
      .describe("Published generations that are kept for `tidemark rollback`; default 3"),
    docs: z.boolean().optional().describe("`dbt docs generate --static` after the build; default false"),
  })
  .refine(({ selector, select, exclude }) => selector === undefined || (select ?? exclude) === undefined, {
    message: "selector and select or exclude do not go together: dbt takes one of them",
    path: ["selector"],
  })
  .refine(({ state, defer }) => defer !== true || state !== undefined, {
    message: "defer needs state, the folder with the manifest.json of the other run",
    path: ["defer"],
  });

export const refreshSchema = z.enum(["drop_sources", "drop_resources", "drop_data"]);

export const retry = z.strictObject({
  http_attempts: wholeNumber(1, 100).optional().describe("Of one request; default: 5"),
  activity_attempts: wholeNumber(0, 1000, "; 0 means no limit")
    .optional()
    .describe("Of one step, after errors; 0: no limit; default: 5"),
  host_timeout_seconds: wholeNumber(6, 86_400)
    .optional()
    .describe("A host that gives no sign for so long is gone; default: 60"),
});

/** Resources extracted at the same time. */
export const parallel = wholeNumber(1, 1000);
export const onBusy = z.enum(["wait", "fail"]);

const secretRef = z.union(
  [
    z.string().min(1),
    z.strictObject({ env: z.string().min(1).describe("Variable of the worker's environment") }),
    z.strictObject({ dlt_secret: z.string().min(1).describe("Name in dlt's secrets.toml") }),
    z.strictObject({
      spec_ref: z
        .strictObject({
          file: z.string().describe("The spec's file"),
          pointer: z.string().describe("JSON pointer into it"),
        })
        .describe("A literal of the spec's file: written by the client in its place"),
    }),
  ],
  'must name a secret, for example {"env": "SLACK_WEBHOOK"}',
);

const receiver = z
  .strictObject({
    on: z.array(z.enum(NOTICE_EVENTS)).min(1).describe("What it is told"),
    webhook: secretRef.optional().describe("URL that gets the notice by POST, as JSON that Slack shows too"),
    headers: z.record(z.string(), secretRef).optional().describe("Of the request, for example authorization"),
    command: z
      .array(z.string().min(1))
      .min(1)
      .optional()
      .describe("Program and arguments; started without a shell, the notice as JSON on its standard input"),
  })
  .refine(({ webhook, command }) => (webhook === undefined) !== (command === undefined), {
    message: "must have either webhook or command",
  })
  .refine(({ webhook, headers }) => headers === undefined || webhook !== undefined, {
    message: "headers go with a webhook",
    path: ["headers"],
  });

/** Names become parts of workflow ids, summaries and folders. */
const name = z
  .string()
  .min(1, "must not be empty")
  .max(200, "must be at most 200 characters long")
  .regex(/^[^\p{Cc}\p{Cs}]*$/u, "must not hold control characters or half of a surrogate pair");

/** Of the whole document; source and destination have shapes of their own. */
export const pipelineShape = z.strictObject({
  pipeline_name: name.describe("Names state, packages and workflow ids"),
  dataset_name: name.optional().describe("Schema that is loaded into; default: DLT_DATASET_NAME, else `raw`"),
  destination: z
    .union(
      [z.string(), z.looseObject({ type: z.string() })],
      "must be a destination's type, or its options with type",
    )
    .optional()
    .describe("A type, or its options with type; default: DLT_DESTINATION, else a file below TIDEMARK_HOME"),
  source: z
    .looseObject({ type: z.string(), name: name.optional() })
    .describe("Where rows come from: its type, and that type's keys"),
  write_disposition: dispositionShape
    .optional()
    .describe("For all resources; default: each resource's own, else `append`"),
  schema_contract: contractShape
    .optional()
    .describe("What new tables, columns and types may do; default: `evolve`"),
  primary_key: namesShape.optional().describe("For all resources"),
  merge_key: namesShape.optional().describe("For all resources"),
  columns: columnsShape.optional().describe("For all resources"),
  table_name: z.string().min(1).optional().describe("For all resources; default: the resource's name"),
  loader_file_format: z
    .enum(["parquet", "jsonl", "insert_values"])
    .optional()
    .describe("Of the files between the steps; default: the destination's best"),
  refresh: refreshSchema
    .optional()
    .describe("What this and every run forgets first; mostly said by `--refresh`"),
  resource_hints: z
    .record(z.string(), appliedHintsShape)
    .optional()
    .describe("By resource, over what the source says: see [Hints](#hints)"),
  resources: z.array(z.string()).optional().describe("Only these; default: all that are selected"),
  transform: z
    .strictObject({
      dbt: dbt.describe("The dbt project and what of it is built; {} takes the project's own"),
    })
    .optional()
    .describe("dbt after the load; left out: load only"),
  gate: gateShape.optional().describe("Judges the result; left out: no gate"),
  retry: retry
    .optional()
    .describe("Default: 5 HTTP attempts, 5 attempts of a step, a host is gone after 60 seconds"),
  parallel: parallel.optional().describe("Resources extracted at the same time; default: 8"),
  on_busy: onBusy.optional().describe("While another run loads the same dataset; default: `wait`"),
  notify: z
    .array(receiver)
    .max(20, "must be at most 20 receivers")
    .optional()
    .describe("Who is told of what: docs/operations.md"),
});

export type SpecDocument = z.infer<typeof pipelineShape>;

/** Every problem of the document; empty when it is good. Pure and offline. */
export function checkSpec(document: JsonObject): SpecProblem[] {
  const problems = lossyNumbers(document, []);
  const parsed = pipelineShape.safeParse(document);
  if (!parsed.success)
    problems.push(...parsed.error.issues.flatMap(issue => issueProblems(issue, pipelineShape, [], moved)));
  problems.push(...checkDestination(document));
  const source = document.source;
  if (isObject(source) && typeof source.type === "string") {
    const type = sourceType(source.type);
    if (type === undefined) {
      const valid = SOURCE_TYPES.map(row => row.type);
      problems.push({ path: ["source", "type"], message: unknownName("source type", source.type, valid) });
    } else {
      const named = type.describe === undefined ? { name: source.type, ...source } : source;
      for (const problem of type.check(named as SourceSpec)) {
        problems.push({ ...problem, path: ["source", ...problem.path] });
      }
    }
  }
  return problems;
}

/** A spec is JSON to Temporal, so an integer beyond 2^53 has lost digits by now, and a cursor would skip rows. */
function lossyNumbers(node: Json, path: (string | number)[]): SpecProblem[] {
  if (typeof node === "number" && Number.isInteger(node) && !Number.isSafeInteger(node)) {
    const message =
      "an integer beyond 2^53 loses digits in a spec; write it as text where text will do, or let a cursor start at a smaller number";
    return [{ path, message }];
  }
  if (node === null || typeof node !== "object") return [];
  const entries: [string | number, Json][] = Array.isArray(node) ? [...node.entries()] : Object.entries(node);
  return entries.flatMap(([key, inner]) => lossyNumbers(inner, [...path, key]));
}

function checkDestination(document: JsonObject): SpecProblem[] {
  const { destination } = document;
  const isType = typeof destination === "string";
  if (!isType && !isObject(destination)) return [];
  const type = isType ? destination : destination.type;
  if (typeof type !== "string") return [];
  const found = findDestinationType(type);
  if (found === undefined) {
    const message = unknownName("destination", type, [...DESTINATION_NAMES]);
    return [{ path: isType ? ["destination"] : ["destination", "type"], message }];
  }
  const problems: SpecProblem[] = [...(found.conflicts?.(document) ?? [])];
  if (isType) return problems;
  const parsed = found.shape.safeParse(destination);
  if (parsed.success) return problems;
  return [
    ...problems,
    ...parsed.error.issues.flatMap(issue => issueProblems(issue, found.shape, ["destination"])),
  ];
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Keys of before, and what took their place. */
const MOVED = new Map([
  [
    "gate.thresholds",
    "is gone: write gate.max_expected_warnings and gate.freshness.max_load_age_minutes; numbers of your own tables are gate.metrics, each with its SELECT and bounds",
  ],
]);

const moved = (path: (string | number)[]): string | undefined => MOVED.get(formatPath(path));

/** A message goes into history and onto a screen. */
const MOST_LINES = 50;

/** @throws TidemarkError SPEC_INVALID with one line per problem */
export function assertSpec(document: JsonObject, where: string): void {
  const problems = checkSpec(document);
  if (problems.length > 0) throw specError(where, problems);
}

export function specError(where: string, problems: readonly SpecProblem[]): TidemarkError {
  const lines = problems
    .slice(0, MOST_LINES)
    .map(problem => `  ${cutText(formatPath(problem.path), 500)}: ${cutText(problem.message, 2000)}`);
  if (problems.length > MOST_LINES) lines.push(`  … and ${problems.length - MOST_LINES} more`);
  const misnamed = problems.some(({ path }) => path[0] === "source" && path[1] === "name");
  return new TidemarkError(
    "SPEC_INVALID",
    `${where} has ${problems.length} problem${problems.length === 1 ? "" : "s"}:\n${lines.join("\n")}`,
    { step: "resolve", dltException: misnamed ? "InvalidSchemaName" : "DictValidationException" },
  );
}

/** `source.resources[2].endpoint.paginator` */
export function formatPath(path: readonly (string | number)[]): string {
  return (
    path.map((part, i) => (typeof part === "number" ? `[${part}]` : i === 0 ? part : `.${part}`)).join("") ||
    "(spec)"
  );
}
