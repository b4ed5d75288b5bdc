/**
 * The incremental filter: which rows of a page are new, and where the cursor stands after it.
 * Source of every rule: dlt 1.31, JsonIncremental and Incremental.__call__ (dlt-compatibility f.2 to f.6).
 */
import { compilePath, simpleField } from "../json/jsonpath";
import { PlainDate, type Row, Timestamp, type Value } from "../json/values";
import { TidemarkError } from "../pipeline/errors";
import type { IncrementalConfig, Json } from "../pipeline/spec";
import type { IncrementalRange } from "../sources/source";
import { fromStored, toStored } from "../state/cursor-values";
import type { StoredIncremental } from "../state/pipeline-state";
import { compareCursors, cursorType, instantOf } from "./cursor-order";
import { isoText, parseInstant, wallClock } from "./cursor-time";
import { dedupHash, dedupValue, isLegacyHash } from "./dedup-hash";
import { applyLag } from "./lag";
import { numberFromText } from "./number-text";

/** How far a filter has come, as JSON: with it, another process goes on where this one stood. */
export interface RunningIncremental {
  start: Json;
  last: Json;
  hashes: string[];
  seen: boolean;
  /** Rows passed, so start_value is due. */
  passed: boolean;
  /** A page with rows was looked at, so the state is written. */
  touched: boolean;
  closed: boolean;
  /** See `manyAtOneValue`. */
  many?: number;
}

/** dlt's `duplicate_cursor_warning_threshold`. */
const MANY_AT_ONE_VALUE = 200;

/** The range a run begins with (dlt: Incremental.bind). `stored` is what the last run left, if anything. */
export function incrementalRange(
  config: IncrementalConfig,
  stored: StoredIncremental | undefined,
): IncrementalRange {
  const initial = config.initial_value === undefined ? undefined : fromStored(config.initial_value);
  const end =
    config.end_value === undefined || config.end_value === null ? undefined : fromStored(config.end_value);
  if (end !== undefined) {
    return { config, start_value: initial, last_value: undefined, initial_value: initial, end_value: end };
  }
  const last = stored === undefined ? initial : (fromStored(stored.last_value) ?? undefined);
  const known = last === null ? undefined : last;
  const start =
    config.lag && known !== undefined ? applyLag(config.lag, initial, known, config.last_value_func) : known;
  return {
    config,
    start_value: start,
    last_value: stored === undefined ? undefined : known,
    initial_value: initial,
  };
}

/** A range with an end has a start on its right side (dlt: Incremental.on_resolved). @throws TidemarkError SPEC_INVALID */
export function checkEnd({ config, initial_value: initial, end_value: end }: IncrementalRange): void {
  if (end === undefined) return;
  const where = `Cursor "${config.cursor_path}"`;
  const refuse = (what: string) =>
    new TidemarkError("SPEC_INVALID", `${where}: ${what}.`, {
      step: "extract",
      dltException: "ConfigurationValueError",
    });
  if (initial === undefined || initial === null) {
    throw refuse("end_value needs an initial_value; give both, or leave end_value out");
  }
  // The first row tells what such texts are; they are compared there.
  if (config.bounds_as_text && typeof initial === "string") return;
  let order: number;
  try {
    order = compareCursors(initial, end);
  } catch (error) {
    throw refuse(`initial_value and end_value cannot be compared (${(error as Error).message})`);
  }
  if (order !== 0 && order > 0 === (config.last_value_func === "max")) {
    const side = config.last_value_func === "max" ? "higher" : "lower";
    throw refuse(`end_value must be ${side} than initial_value`);
  }
}

/** The state of a cursor that has seen no row yet (dlt creates it at the first bind). */
export function newIncrementalState(config: IncrementalConfig): StoredIncremental {
  const initial = config.initial_value ?? null;
  return { initial_value: initial, last_value: initial, unique_hashes: [], start_value: initial };
}

export class IncrementalFilter {
  /** Rows below the start were met although the source promised descending order, or past the end: stop paging. */
  closed = false;

  readonly #config: IncrementalConfig;
  readonly #find: (row: Row) => Value | undefined;
  /** +1: greater is newer (max); -1: smaller is newer (min). */
  readonly #direction: 1 | -1;
  readonly #stored: StoredIncremental;
  readonly #dedup: boolean;
  readonly #key: string[] | undefined;
  readonly #startHashes: ReadonlySet<string>;
  readonly #startLegacy: boolean;
  #hashesLegacy: boolean;
  #start: Value | undefined;
  #end: Value | undefined;
  #last: Value | undefined;
  #hashes: Set<string>;
  /** Rows of the running page that equal `last`; hashed when the page is done, as few as possible. */
  #lastRows: Row[] = [];
  #seen = false;
  /** A row of the range has shown which type the bounds must have; also after a crash, when others saw it before. */
  #adapted = false;
  #passed = false;
  #touched = false;
  #pageClosed = false;
  /** As many rows shared one cursor value, where there were more than MANY_AT_ONE_VALUE. */
  #many: number | undefined;

  /**
   * @param stored what the last run left; undefined: nothing
   * @param resourceKey the resource's primary key, used when the incremental names none
   * @param running state after the last page that is safe, to go on after a crash
   */
  constructor(
    readonly resource: string,
    readonly range: IncrementalRange,
    stored: StoredIncremental | undefined,
    resourceKey: string[] | undefined,
    running?: RunningIncremental,
  ) {
    const { config } = range;
    this.#config = config;
    this.#find = cursorFinder(config.cursor_path);
    this.#direction = config.last_value_func === "max" ? 1 : -1;
    this.#stored = stored ?? newIncrementalState(config);
    this.#key = config.primary_key ?? resourceKey;
    // dlt: compute_deduplication_disabled.
    this.#dedup =
      config.range_start === "closed" &&
      range.end_value === undefined &&
      !config.lag &&
      this.#key?.length !== 0;
    const startHashes = range.end_value === undefined ? (this.#stored.unique_hashes ?? []) : [];
    this.#startHashes = new Set(startHashes);
    this.#startLegacy = startHashes.some(isLegacyHash);
    this.#hashesLegacy = this.#startLegacy;
    this.#start = range.start_value;
    this.#last = range.start_value;
    this.#end = range.end_value;
    this.#hashes = new Set(startHashes);
    if (running !== undefined) this.#resume(running);
  }

  #resume(running: RunningIncremental): void {
    this.#start = fromStored(running.start) ?? undefined;
    this.#last = fromStored(running.last) ?? undefined;
    this.#hashes = new Set(running.hashes);
    this.#hashesLegacy = running.hashes.some(isLegacyHash);
    this.#seen = running.seen;
    this.#passed = running.passed;
    this.#touched = running.touched;
    this.closed = running.closed;
    this.#many = running.many;
  }

  /**
   * The rows of a page that pass, in order; the same array when all do.
   * @throws TidemarkError CURSOR_VALUE_MISSING, CURSOR_TYPE, DEDUP_KEY_MISSING
   */
  page(rows: Row[]): Row[] {
    if (rows.length === 0) return rows;
    let kept: Row[] | null = null;
    const hashes = this.#hashes.size;
    this.#pageClosed = false;
    for (let i = 0; i < rows.length; i++) {
      const row = rows[i]!;
      if (this.#keeps(row)) kept?.push(row);
      else kept ??= rows.slice(0, i);
    }
    const result = kept ?? rows;
    this.#touched = true;
    if (result.length > 0) this.#passed = true;
    this.#hashLastRows(hashes);
    if (this.#pageClosed) this.closed = true;
    return result;
  }

  #keeps(row: Row): boolean {
    const value = this.#find(row);
    if (value === undefined || value === null) return this.#missing(value);
    if (!this.#adapted) this.#adaptBounds(value);
    if (this.#end !== undefined) {
      const order = this.#order(value, this.#end, "end_value");
      if (order > 0 || (order === 0 && this.#config.range_end === "open")) {
        if (this.#config.row_order === "asc") this.#pageClosed = true;
        return false;
      }
    }
    this.#seen = true;
    this.#adapted = true;
    const againstLast = this.#last === undefined ? 1 : this.#order(value, this.#last, "last_value");
    if (this.#last === undefined && cursorType(value) === null)
      throw this.#typeError("a value that has no order");
    if (againstLast > 0) {
      this.#last = value;
      if (this.#dedup) {
        this.#lastRows = [row];
        if (this.#hashes.size > 0) this.#hashes = new Set();
        this.#hashesLegacy = false;
      }
      return true;
    }
    if (this.#start !== undefined) {
      const againstStart =
        againstLast === 0 && this.#last === this.#start ? 0 : this.#order(value, this.#start, "last_value");
      const known =
        againstStart < 0 ||
        (againstStart === 0 &&
          (this.#config.range_start === "open" || (this.#dedup && this.#knownAtStart(row))));
      if (known) {
        if (this.#config.row_order === "desc") this.#pageClosed = true;
        return false;
      }
    }
    if (againstLast === 0 && this.#dedup) this.#lastRows.push(row);
    return true;
  }

  #missing(value: null | undefined): boolean {
    const { on_cursor_value_missing: mode, cursor_path: path } = this.#config;
    if (mode !== "raise") return mode === "include";
    throw new TidemarkError(
      "CURSOR_VALUE_MISSING",
      `Resource "${this.resource}": a row has ${value === null ? "null" : "nothing"} at cursor path "${path}". Correct the path, or set on_cursor_value_missing to "include" or "exclude".`,
      {
        step: "extract",
        dltException: value === null ? "IncrementalCursorPathHasValueNone" : "IncrementalCursorPathMissing",
      },
    );
  }

  /** Positive: `value` is newer than `bound`. */
  #order(value: Value, bound: Value, name: string): number {
    try {
      return compareCursors(value, bound) * this.#direction;
    } catch (error) {
      if (error instanceof TidemarkError && error.code === "CURSOR_TYPE")
        throw this.#typeError(error.message, name);
      throw error;
    }
  }

  #typeError(what: string, bound = "last_value"): TidemarkError {
    return new TidemarkError(
      "CURSOR_TYPE",
      `Resource "${this.resource}", cursor "${this.#config.cursor_path}": ${what} (the second is ${bound}, from the state or the spec). Give initial_value and end_value the type that the rows have; if the source changed its type, reset the resource with refresh "drop_resources".`,
      { step: "extract", dltException: "TypeError" },
    );
  }

  /**
   * Before the first row the bounds are as the spec or the state wrote them. A spec is JSON: its texts become dates
   * where the rows hold dates. And a zone is added or dropped as the rows have it (dlt: _adapt_timezone).
   */
  #adaptBounds(value: Value): void {
    const adapted = (bound: Value | undefined) =>
      bound === undefined ? undefined : this.#fitBound(bound, value);
    // After a crash the start is as the rows are already, and the last value is further on.
    if (!this.#seen && this.#start !== undefined) {
      this.#start = adapted(this.#start);
      this.#last = this.#start;
    }
    this.#end = adapted(this.#end);
    if (!this.#config.bounds_as_text || this.#start === undefined || this.#end === undefined) return;
    if (this.#order(this.#start, this.#end, "end_value") < 0) return;
    throw new TidemarkError(
      "BACKFILL_REFUSED",
      `Backfill of "${this.resource}" refused: "to" does not come after "from" in the order of cursor "${this.#config.cursor_path}", whose rows hold ${cursorType(value)} values.`,
      { step: "extract" },
    );
  }

  #fitBound(bound: Value, value: Value): Value {
    if (value instanceof Timestamp || value instanceof PlainDate) return adaptBound(bound, value);
    if (!this.#config.bounds_as_text || typeof bound !== "string") return bound;
    const type = cursorType(value);
    const numeric = type === "bigint" || type === "double" || type === "decimal";
    return numeric ? (numberFromText(bound) ?? bound) : bound;
  }

  #knownAtStart(row: Row): boolean {
    const legacy = this.#startLegacy;
    const asList = this.#config.primary_key_is_list === true;
    if (this.#startHashes.size === 0) return false;
    if (this.#startHashes.has(dedupHash(dedupValue(row, this.#key, asList), legacy))) return true;
    // A key of one column is hashed bare or as a list, depending on how the pipeline that wrote the state put it.
    return (
      this.#key?.length === 1 && this.#startHashes.has(dedupHash(dedupValue(row, this.#key, !asList), legacy))
    );
  }

  /** @param before hashes that were there before the page */
  #hashLastRows(before: number): void {
    const asList = this.#config.primary_key_is_list === true;
    for (const row of this.#lastRows) {
      this.#hashes.add(dedupHash(dedupValue(row, this.#key, asList), this.#hashesLegacy));
    }
    this.#lastRows = [];
    const now = this.#hashes.size;
    if (before <= MANY_AT_ONE_VALUE && now > MANY_AT_ONE_VALUE) this.#many ??= now;
    else if (this.#many !== undefined) this.#many = Math.max(this.#many, now);
  }

  /**
   * Rows that share one value of the cursor, where that has become more than dlt's threshold: all of them are kept in the
   * state, to be known again. dlt warns when a page makes it so, and not again for what the state had already.
   */
  get manyAtOneValue(): number | undefined {
    return this.#many;
  }

  /** After a page: all that another process needs to go on. */
  running(): RunningIncremental {
    return {
      start: toStored(this.#start),
      last: toStored(this.#last),
      hashes: [...this.#hashes],
      seen: this.#seen,
      passed: this.#passed,
      touched: this.#touched,
      closed: this.closed,
      ...(this.#many === undefined ? {} : { many: this.#many }),
    };
  }

  /** What to store after the last page; undefined when the range had an end: such a run leaves no trace. */
  finish(): StoredIncremental | undefined {
    if (this.range.end_value !== undefined) return undefined;
    const before = this.#stored;
    if (!this.#touched) return before;
    let last = this.#last;
    const storedLast = fromStored(before.last_value);
    // A lagged run must not take the cursor back.
    if (
      this.#config.lag &&
      storedLast !== null &&
      last !== undefined &&
      this.#order(last, storedLast, "last_value") < 0
    ) {
      last = storedLast;
    }
    return {
      ...before,
      initial_value: before.initial_value ?? null,
      last_value: toStored(last),
      unique_hashes: this.#dedup ? [...this.#hashes] : [],
      start_value: this.#passed ? (before.last_value ?? null) : (before.start_value ?? null),
    };
  }
}

function cursorFinder(path: string): (row: Row) => Value | undefined {
  const field = simpleField(path);
  if (field !== null) return row => row[field];
  const find = compilePath(path);
  return row => find(row)[0];
}

function adaptBound(bound: Value, value: Timestamp | PlainDate): Value {
  if (typeof bound === "string") {
    const instant = parseInstant(bound);
    if (instant === null) return bound;
    if (value instanceof PlainDate) return new PlainDate(wallClock(instant).date);
    return adaptBound(new Timestamp(isoText(instant)), value);
  }
  if (!(bound instanceof Timestamp && value instanceof Timestamp)) return bound;
  const own = instantOf(bound);
  const { offset } = instantOf(value);
  if ((own.offset === null) === (offset === null)) return bound;
  return new Timestamp(isoText({ ...own, offset }));
}
