/** Normalize: JSON lines of resources become Parquet files of tables, and the schema what they need. */
import { pageBytes } from "../columns/column-page";
import { parseLines } from "../json/lines";
import { mayBeTyped } from "../json/typed-json";
import { packageError } from "../package/files";
import { damaged } from "../package/shape";
import { TidemarkError } from "../pipeline/errors";
import { isComplete, isNullable, tableOf } from "../schema/column-props";
import { namingOf } from "../schema/hints";
import { adoptSchema, completeStateTable, declareStateTable } from "../schema/stored-schema";
import type { StoredSchema } from "../schema/types";
import { bumpVersion } from "../schema/version";
import { ColumnPath, readColumnPages } from "./column-path";
import { CompiledPath } from "./compiled-path";
import { EvolvingSchema } from "./evolving-schema";
import { readLines } from "./read-lines";
import { ReferencePath } from "./reference-path";
import { RunContext } from "./run-context";
import type { NormalizeInput, NormalizeOutput, ResourceSegments, Segment } from "./types";

const PROGRESS_EVERY_MS = 300;
const LINE_FEED = 10;

interface Paths {
  reference: ReferencePath;
  compiled: CompiledPath | undefined;
}

export interface NormalizeOptions {
  /** Leaves out the compiled path: for the tests that compare both. */
  referenceOnly?: boolean;
}

/**
 * Runs the normalize step. Called again with the same input it writes the same bytes.
 * @throws TidemarkError CONTRACT_VIOLATION, CANNOT_COERCE, NULL_IN_KEY, BAD_IDENTIFIER, PACKAGE_LOST, DISK_FULL;
 *   the reason of `signal` when it is aborted
 */
export async function normalizePackage(
  input: NormalizeInput,
  options: NormalizeOptions = {},
): Promise<NormalizeOutput> {
  const schema = structuredClone(input.schema);
  if (input.with_state) declareStateTable(schema);
  // dlt stores the schema at the end of extract, reads it with its defaults filled in, and stores it again below.
  bumpVersion(schema);
  bumpVersion(adoptSchema(schema));
  const before = structuredClone(schema);
  const naming = namingOf(schema, input.capabilities);
  const evolving = new EvolvingSchema(schema, naming, input.capabilities.merge_strategies);
  const context = new RunContext(input.load_id, evolving, input);
  const reference = new ReferencePath(context);
  const compiled = options.referenceOnly ? undefined : new CompiledPath(context);
  evolving.onChange = table => compiled?.invalidate(table);
  try {
    // dlt works through the files sorted by name, which begin with the table.
    const byTable = input.resources.map(resource => ({ resource, table: naming.table(resource.table) }));
    byTable.sort((a, b) => (`${a.table}.` < `${b.table}.` ? -1 : a.table === b.table ? 0 : 1));
    for (const { resource, table } of byTable)
      await normalizeResource(input, context, resource, table, { reference, compiled });
    for (const sink of context.sinks) {
      await sink.flush();
      await sink.close();
    }
  } catch (error) {
    for (const sink of context.sinks) await sink.abandon();
    throw translate(error);
  }
  const sinks = new Map([...context.sinks].map(sink => [sink.table, sink]));
  const written = Object.keys(schema.tables)
    .flatMap(table => sinks.get(table) ?? [])
    .filter(sink => sink.total > 0);
  for (const sink of written) finishTable(schema, sink.table);
  if (input.with_state) completeStateTable(schema);
  bumpVersion(schema);
  return {
    schema,
    files: written.flatMap(sink => [...sink.files]),
    tables: written.map(sink => ({ table: sink.table, rows: sink.total })),
    schema_changes: changesBetween(before, schema),
    rejected_rows: context.rejectedRows,
  };
}

async function normalizeResource(
  input: NormalizeInput,
  context: RunContext,
  resource: ResourceSegments,
  table: string,
  paths: Paths,
): Promise<void> {
  let reported = Number.NEGATIVE_INFINITY;
  let bytes = 0;
  const report = (): void => {
    reported = performance.now();
    input.onProgress({ step: "normalize", subject: table, rows: context.sink(table).total, bytes });
  };
  const done = (size: number): void => {
    bytes += size;
    if (performance.now() - reported >= PROGRESS_EVERY_MS) report();
  };
  const takeLines = (lines: Buffer) => normalizeLines(lines, context, table, paths);
  const columns = new ColumnPath(context, table, takeLines);
  for await (const segment of resource.segments) {
    if (segment.format === "parquet") {
      input.signal.throwIfAborted();
      await takeParquet(segment, context, table);
      done(segment.bytes);
      continue;
    }
    if (segment.format === "columns") {
      for await (const page of readColumnPages(segment)) {
        input.signal.throwIfAborted();
        await columns.page(page);
        done(pageBytes(page));
      }
      continue;
    }
    for await (const lines of readLines(segment)) {
      input.signal.throwIfAborted();
      await takeLines(lines).catch(error => {
        // Extract wrote JSON: what is none now was changed on the disk.
        const isJsonError = error instanceof SyntaxError || (error as TidemarkError).code === "HTTP_BAD_JSON";
        throw isJsonError ? damaged(segment.path, "a line of it is no JSON") : error;
      });
      done(lines.length);
    }
  }
  report();
}

/** dlt: arrow tables become files at extract, where names, types and contracts were seen to; the file is the table's. */
async function takeParquet(segment: Segment, context: RunContext, table: string): Promise<void> {
  const known = context.evolving.table(table)?.columns ?? {};
  const columns = (segment.columns ?? []).filter(name => known[name]?.data_type !== undefined);
  const sink = context.sink(table);
  await sink.flush();
  await sink.adopt(segment.path, { rows: segment.rows, bytes: segment.bytes, columns });
}

async function normalizeLines(
  lines: Buffer,
  context: RunContext,
  table: string,
  { compiled, reference }: Paths,
): Promise<void> {
  const { length } = lines;
  for (let start = 0, end = 0; start < length; start = end + 1) {
    end = lines.indexOf(LINE_FEED, start);
    if (end < 0) end = length;
    if (end === start) continue;
    context.beginDocument();
    if (!compiled?.item(lines, start, end, table)) {
      const text = lines.toString("utf8", start, end);
      for (const row of parseLines(text)) reference.item(row, table, mayBeTyped(text));
    }
    const full = context.fullSinks();
    if (full !== undefined) for (const sink of full) await sink.flush();
  }
}

/** dlt: verify_normalized_table and clean_x_normalizer, for tables that got rows. */
function finishTable(schema: StoredSchema, name: string): void {
  const table = tableOf(schema.tables, name)!;
  for (const column of Object.values(table.columns)) {
    if (isComplete(column) || isNullable(column)) continue;
    throw new TidemarkError(
      "NULL_IN_KEY",
      `Column "${column.name}" of table "${name}" is NOT NULL (a key, usually), but no row has a value for it. Check its name in the hints (primary_key, merge_key, columns), or give it a data type.`,
      { step: "normalize", dltException: "UnboundColumnException" },
    );
  }
  const hints: NonNullable<(typeof table)["x-normalizer"]> = { ...table["x-normalizer"], "seen-data": true };
  delete hints["evolve-columns-once"];
  table["x-normalizer"] = hints;
}

function changesBetween(before: StoredSchema, after: StoredSchema): string[] {
  const changes: string[] = [];
  for (const [name, table] of Object.entries(after.tables)) {
    const old = tableOf(before.tables, name);
    const known = new Set(
      Object.values(old?.columns ?? {})
        .filter(isComplete)
        .map(column => column.name),
    );
    const added = Object.values(table.columns).filter(
      column => isComplete(column) && !known.has(column.name),
    );
    if (added.length === 0) continue;
    if (known.size === 0) changes.push(name);
    else for (const column of added) changes.push(`${name}.${column.name}`);
  }
  return changes;
}

function translate(error: unknown): unknown {
  if (error instanceof TidemarkError) {
    if (error.step !== undefined) return error;
    const { code, message, dltException, retryAfterMs, cause } = error;
    return new TidemarkError(code, message, { step: "normalize", dltException, retryAfterMs, cause });
  }
  const sorted = packageError(error, "normalizing");
  return sorted instanceof TidemarkError ? translate(sorted) : sorted;
}
