/** A reflected table as pages of columns. */
import { type ColumnPage, fixedWidth } from "../../columns/column-page";
import { columnValues } from "../../columns/column-values";
import { ColumnWriter } from "../../columns/column-writers";
import type { Value } from "../../json/values";
import { PlainDate, Timestamp } from "../../json/values";
import type { Json } from "../../pipeline/spec";
import type { ConnectionSettings } from "../../postgres-connection/credentials";
import type { OpenOptions, Page } from "../source";
import type { ColumnPlan } from "./column-plan";
import { type Session, streamRows } from "./connection";
import { CopyDecoder, type Decoder } from "./copy-decoder";
import { StatementsAreTimed, streamCopy } from "./copy-stream";
import { bindText } from "./incremental-clauses";
import { wasCutShort } from "./sql-errors";
import { writeText } from "./text-columns";
import { namingColumn } from "./value-parsers";

/** Bytes of values that a page aims at: a few pages are in memory at once. */
const PAGE_BYTES = 4 * 1024 * 1024;
/** The size of a page is looked at after so many rows. */
const STEP_ROWS = 256;

export interface ColumnSource {
  settings: ConnectionSettings;
  resource: string;
  chunkSize: number;
  keys: readonly string[];
  plans: readonly ColumnPlan[];
  bare: boolean;
  session?: Session;
}

/** @throws TidemarkError SQL_CONNECTION, SQL_UNAUTHORIZED, SQL_SETTINGS, SQL_QUERY, SQL_TYPE */
export async function* columnPages(
  source: ColumnSource,
  query: string,
  options: OpenOptions,
): AsyncGenerator<Page> {
  try {
    yield* copiedPages(source, query, options);
  } catch (error) {
    if (!(error instanceof StatementsAreTimed)) throw error;
    yield* fetchedPages(source, query, options);
  }
}

async function* copiedPages(source: ColumnSource, query: string, options: OpenOptions): AsyncGenerator<Page> {
  const { settings, resource, chunkSize } = source;
  const page = new PageUnderWay(source);
  const decoder = new CopyDecoder(
    source.plans.map(({ name, decode }, index) => ({
      decode: explained(decode, name, resource),
      to: page.writers[index]!,
    })),
  );
  const copy = streamCopy(settings, query, {
    ...streamOptions(source, options),
    untimedOnly: source.keys.length === 0,
  });
  try {
    for await (const chunk of copy) {
      let given: Buffer | undefined = chunk;
      for (;;) {
        const most = Math.min(STEP_ROWS, chunkSize - page.rows);
        const got = decoder.decode(given, most);
        given = undefined;
        page.rows += got;
        if (page.isFull) yield page.take();
        if (got < most) break;
      }
    }
  } catch (error) {
    // what came before the cut is whole
    if (wasCutShort(error) && page.rows > 0) yield page.take();
    throw error;
  }
  if (page.rows > 0) yield page.take();
}

/** The same pages where a COPY would be cut short: rows come as texts, by statements that are timed one by one. */
async function* fetchedPages(
  source: ColumnSource,
  query: string,
  options: OpenOptions,
): AsyncGenerator<Page> {
  const page = new PageUnderWay(source);
  const { plans, resource, bare } = source;
  const batches = streamRows(source.settings, { text: query, values: [] }, streamOptions(source, options));
  for await (const { rows } of batches) {
    for (const texts of rows) {
      for (let index = 0; index < plans.length; index++) {
        const text = texts[index]!;
        const to = page.writers[index]!;
        if (text === null) to.writeNull();
        else naming(() => writeText(text, plans[index]!, to, bare), plans[index]!.name, resource);
      }
      page.rows++;
      if (page.isFull) yield page.take();
    }
    // what was fetched is handed on before the next statement is sent
    if (page.rows > 0) yield page.take();
  }
}

function streamOptions(
  { chunkSize, resource, session }: ColumnSource,
  { signal, onRequest, onWait }: OpenOptions,
) {
  return { chunkSize, signal, where: `resource "${resource}"`, session, onRequest, onWait };
}

class PageUnderWay {
  readonly writers: readonly ColumnWriter[];
  rows = 0;

  constructor(private readonly source: ColumnSource) {
    this.writers = source.plans.map(({ name, type }) => new ColumnWriter(name, type));
  }

  get isFull(): boolean {
    const { rows, writers, source } = this;
    return rows >= source.chunkSize || writers.reduce((sum, writer) => sum + writer.size, 0) >= PAGE_BYTES;
  }

  take(): Page {
    const columns = this.writers.map(writer => writer.take());
    const page = { rows: this.rows, bare: this.source.bare, columns };
    this.rows = 0;
    return { rows: [], columns: page, resume: resumeKey(page, this.source.keys) };
  }
}

function naming<T>(read: () => T, column: string, resource: string): T {
  try {
    return read();
  } catch (error) {
    throw namingColumn(error, column, resource);
  }
}

function explained(decode: Decoder, column: string, resource: string): Decoder {
  return (from, start, end, to) => {
    try {
      decode(from, start, end, to);
    } catch (error) {
      throw namingColumn(error, column, resource);
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
