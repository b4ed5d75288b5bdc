/**
 * What the author of a source module uses: any generator is a source, as in dlt.
 *
 *   export async function* customers({ incremental }: CodeContext) { yield { id: 1, name: "Ada" }; }
 */
import type { Row, Value } from "../../json/values";
import type { Json } from "../../pipeline/spec";

export interface CodeContext {
  /** Aborted when the run is cancelled: hand it to fetch and other slow calls. */
  signal: AbortSignal;
  /** The range to yield; rows outside are dropped by the engine, so honouring it only saves work. */
  incremental?: {
    /** Yield rows from here (inclusive): the last value with `lag` applied, else `initial_value`. */
    start_value?: Value;
    /** Set in a backfill: yield rows before this (exclusive, unless `range_end` is closed). */
    end_value?: Value;
    last_value?: Value;
    initial_value?: Value;
  };
  /** `args` of the resource in the spec. */
  args: { [name: string]: Json };
  /** Rows of the parent resource, in batches; only when the resource names a `parent`. */
  parentRows?: AsyncIterable<Row[]>;
  /** Place that was handed out with the last `page` that is safe on disk: go on after it. */
  resume?: Json;
}

/** Known also when the module has another copy of this package than the worker. */
const PAGE = Symbol.for("tidemark.page");

/** Rows with the place to go on from, for generators that can. */
export class CodePage {
  readonly [PAGE] = true;
  constructor(
    readonly rows: readonly unknown[],
    readonly resume: Json,
  ) {}
}

/** `yield page(rows, place)`: after a crash the generator is called again with `resume: place` and goes on after it. */
export function page(rows: readonly unknown[], resume: Json): CodePage {
  return new CodePage(rows, resume);
}

export function isPage(yielded: unknown): yielded is CodePage {
  return typeof yielded === "object" && yielded !== null && PAGE in yielded;
}

/** Yields a row, a list of rows, or a `page`. */
export type CodeGenerator = (context: CodeContext) => AsyncIterable<unknown> | Iterable<unknown>;

export { float } from "./code-values";
