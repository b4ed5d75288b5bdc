/** A reflected table as pages of columns. */
import type { ClientConfig } from "pg";
import { type ColumnPage, fixedWidth } from "../../columns/column-page";
import { columnValues } from "../../columns/column-values";
import { ColumnWriter } from "../../columns/column-writers";
import type { Value } from "../../json/values";
import { PlainDate, Timestamp } from "../../json/values";
import type { Json } from "../../pipeline/spec";
import type { OpenOptions, Page } from "../source";
import type { ColumnPlan } from "./column-plan";
import { CopyDecoder, type Decoder } from "./copy-decoder";
import { streamCopy } from "./copy-stream";
import { bindText } from "./incremental-clauses";
import { UnreadableValue, unreadable } from "./value-parsers";

/** Bytes of values that a page aims at: a few pages are in memory at once. */
const PAGE_BYTES = 4 * 1024 * 1024;
/** The size of a page is looked at after so many rows. */
const STEP_ROWS = 256;

export interface ColumnSource {
  config: ClientConfig;
  resource: string;
  chunkSize: number;
  keys: readonly string[];
  plans: readonly ColumnPlan[];
  bare: boolean;
}

/** @throws TidemarkError SQL_CONNECTION, SQL_UNAUTHORIZED, SQL_QUERY, SQL_TYPE */
export async function* columnPages(
  source: ColumnSource,
  query: string,
  { signal, onRequest, onWait }: OpenOptions,
): AsyncGenerator<Page> {
  const { config, resource, chunkSize, plans } = source;
  const writers = plans.map(({ name, type }) => new ColumnWriter(name, type));
  const decoder = new CopyDecoder(
    plans.map(({ name, decode }, index) => ({
      decode: explained(decode, name, resource),
      to: writers[index]!,
    })),
  );
  let rows = 0;
  const take = (): Page => {
    const page = { rows, bare: source.bare, columns: writers.map(writer => writer.take()) };
    rows = 0;
    return { rows: [], columns: page, resume: resumeKey(page, source.keys) };
  };
  const where = `resource "${resource}"`;
  for await (const chunk of streamCopy(config, query, { chunkSize, signal, where, onRequest, onWait })) {
    let given: Buffer | undefined = chunk;
    for (;;) {
      const most = Math.min(STEP_ROWS, chunkSize - rows);
      const got = decoder.decode(given, most);
      given = undefined;
      rows += got;
      const isFull = rows >= chunkSize || writers.reduce((sum, writer) => sum + writer.size, 0) >= PAGE_BYTES;
      if (isFull) yield take();
      if (got < most) break;
    }
  }
  if (rows > 0) yield take();
}

function explained(decode: Decoder, column: string, resource: string): Decoder {
  return (from, start, end, to) => {
    try {
      decode(from, start, end, to);
    } catch (error) {
      if (error instanceof UnreadableValue) throw unreadable(error, column, resource);
      throw error;
    }
  };
}

/** The key of the last row as texts, in the order of `keys`; undefined: this page is no place to go on from. */
function resumeKey(page: ColumnPage, keys: readonly string[]): Json | undefined {
  if (keys.length === 0) return undefined;
  const texts: string[] = [];
  for (const key of keys) {
    const value = lastValue(page, key);
    if (value === undefined || value === null || isCalendarEnd(value)) return undefined;
    texts.push(bindText(value)!);
  }
  return texts;
}

/** Stands for infinity too, and so for rows that come after it. */
function isCalendarEnd(value: Value): boolean {
  return (
    (value instanceof PlainDate || value instanceof Timestamp) && /^(9999-12-31|0001-01-01)/.test(value.text)
  );
}

function lastValue(page: ColumnPage, name: string): Value | undefined {
  const column = page.columns.find(one => one.name === name);
  if (column === undefined) return undefined;
  const width = fixedWidth(column.type);
  // a key is never null, so that the last value is the last row's
  const tail = width === undefined ? column : { ...column, data: column.data.subarray(-width) };
  let last: Value | undefined;
  for (const value of columnValues(tail, width === undefined ? page.rows : 1)) last = value;
  return last;
}
