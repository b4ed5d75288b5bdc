/** One connection for one read: read-only transactions, statements cancelled when the signal aborts. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Client, FieldDef } from "pg";
import Cursor from "pg-cursor";
import { cancelStatement } from "../../postgres-connection/cancel-statement";
import { closeClient, destroy, lostBy, openClient, orAbort } from "../../postgres-connection/connect";
import type { ConnectionSettings } from "../../postgres-connection/credentials";
import { sqlError, wasCutShort } from "./sql-errors";

/** Texts of one batch as they came over the wire; null is NULL. */
export interface Batch {
  fields: readonly FieldDef[];
  rows: (string | null)[][];
}

export interface Statement {
  text: string;
  values: readonly (string | null)[];
}

export interface StreamOptions {
  /** Most rows of one batch. */
  chunkSize: number;
  signal: AbortSignal;
  /** For errors, e.g. `resource "customers"`. */
  where: string;
  /** Where the connection is taken from and left, when there will be more transactions. */
  session?: Session;
  onRequest?: () => void;
  onWait?: (what: string) => void;
}

/** What the server allows this session. */
export interface Limits {
  /** Milliseconds of one statement; 0: as long as it takes. */
  statementMs: number;
}

/** Every statement runs in a transaction that cannot write, with output that value-parsers.ts reads. */
const BEGIN = `BEGIN TRANSACTION READ ONLY;
  SET LOCAL TimeZone = 'UTC'; SET LOCAL DateStyle = 'ISO, YMD'; SET LOCAL IntervalStyle = 'postgres';
  SET LOCAL extra_float_digits = 1; SET LOCAL bytea_output = 'hex'; SET LOCAL standard_conforming_strings = on;
  SELECT current_setting('statement_timeout') AS statement_timeout`;

/** Bytes of text that one batch aims at; row objects take some five times that in memory. */
const BATCH_BYTES = 4 * 1024 * 1024;
const FIRST_BATCH_ROWS = 500;
/** Where statements are timed nobody knows yet how long a row takes. */
const FIRST_TIMED_ROWS = 16;
/** A batch grows by this much at most: what follows narrow rows may be wide. */
const MOST_GROWTH = 8;
/** Of the server's limit, for one FETCH: one that is cut is the end of the read, so that it may take much longer. */
const SHARE_OF_LIMIT = 10;
/** How much smaller the FETCHes of a statement become after one of them was cut, and at most. */
const SMALLER_SHARE = 8;
const SMALLEST_SHARE = SHARE_OF_LIMIT * SMALLER_SHARE ** 3;
const MOST_SHARES = 100;

const ROLLBACK_MS = 2_000;

/** `3s`, `1500ms`, `2min` as milliseconds. */
export function milliseconds(setting: string): number {
  const [, amount, unit] = /^(\d+)\s*(ms|s|min|h|d)?$/.exec(setting.trim()) ?? [];
  const factor = { ms: 1, s: 1000, min: 60_000, h: 3_600_000, d: 86_400_000 }[unit ?? "ms"]!;
  return Number(amount ?? 0) * factor;
}

async function begin(client: Client, signal: AbortSignal): Promise<Limits> {
  const results = (await orAbort(signal, client.query(BEGIN), client)) as unknown as { rows: object[] }[];
  const { statement_timeout } = results.at(-1)!.rows[0] as { statement_timeout: string };
  return { statementMs: milliseconds(statement_timeout) };
}

/**
 * What the work yields, in a transaction on a connection of its own. The transaction ends with COMMIT, so that a
 * pooler keeps its connection; one whose statement is still running is cancelled and cut.
 * @throws TidemarkError SQL_CONNECTION, SQL_UNAUTHORIZED, SQL_SETTINGS, SQL_QUERY; the signal's reason when it aborts
 */
export async function* inTransaction<T>(
  settings: ConnectionSettings,
  options: StreamOptions,
  work: (client: Client, limits: Limits) => AsyncGenerator<T>,
): AsyncGenerator<T> {
  const { signal, where, session } = options;
  let client: Client | undefined;
  let limits: Limits | undefined;
  let isIdle = false;
  try {
    options.onWait?.("connecting");
    client = session?.take() ?? (await openClient(settings, signal, where));
    limits = await begin(client, signal);
    yield* work(client, limits);
    await orAbort(signal, client.query("COMMIT"), client);
    isIdle = true;
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    const lost = client && lostBy(client);
    if (client !== undefined && lost === undefined) isIdle = await rolledBack(client, error);
    throw sqlError(lost ?? error, where, limits);
  } finally {
    if (client !== undefined && !isIdle) {
      cancelStatement(client);
      destroy(client);
    } else if (client !== undefined) {
      if (session === undefined) await closeClient(client);
      else session.keep(client);
    }
  }
}

/** After a statement that the server refused the session is as good as before. */
async function rolledBack(client: Client, error: unknown): Promise<boolean> {
  const { severity } = error as { severity?: string };
  if (severity === undefined) return false;
  const undone = client.query("ROLLBACK").then(
    () => true,
    () => false,
  );
  return Promise.race([undone, sleep(ROLLBACK_MS, false, { ref: false })]);
}

/** A connection that one read uses for several transactions, one after another. */
export class Session {
  #client: Client | undefined;

  take(): Client | undefined {
    const client = this.#client;
    this.#client = undefined;
    return client && lostBy(client) === undefined ? client : undefined;
  }

  keep(client: Client): void {
    this.#client = client;
  }

  async close(): Promise<void> {
    const client = this.take();
    if (client !== undefined) await closeClient(client);
  }
}

function readBatch(cursor: Cursor, rows: number): Promise<Batch> {
  return new Promise((resolve, reject) => {
    cursor.read(rows, (error, got, result) => {
      if (error) reject(error);
      else resolve({ rows: got ?? [], fields: result?.fields ?? [] });
    });
  });
}

function bytesOf(rows: (string | null)[][]): number {
  let bytes = 0;
  for (const row of rows) for (const value of row) bytes += value === null ? 1 : value.length;
  return bytes;
}

/** Rows of the next batch, so that it holds about BATCH_BYTES. */
function nextSize(rows: (string | null)[][], asked: number, chunkSize: number): number {
  const perRow = Math.max(1, bytesOf(rows) / Math.max(1, rows.length));
  const wanted = Math.floor(BATCH_BYTES / perRow);
  return Math.max(1, Math.min(wanted, asked * MOST_GROWTH, chunkSize));
}

/** Rows for a statement that is to take a share of the server's limit, from what the last one took. */
export function rowsInTime(rows: number, tookMs: number, limitMs: number, share = SHARE_OF_LIMIT): number {
  return Math.max(1, Math.floor((rows * limitMs) / share / Math.max(1, tookMs)));
}

/** Statements of which a FETCH was cut, by their text: the next attempt of the step fetches less at once. */
const shares = new Map<string, number>();

function fetchLess(text: string, than: number): number {
  const share = than * SMALLER_SHARE;
  shares.delete(text);
  shares.set(text, share);
  for (const oldest of shares.keys()) {
    if (shares.size <= MOST_SHARES) break;
    shares.delete(oldest);
  }
  return share;
}

const identity = (value: string) => value;
const AS_TEXTS = { rowMode: "array" as const, types: { getTypeParser: () => identity } };

/** The whole result is one statement to the server, however it is read. */
async function* portalBatches(client: Client, { text, values }: Statement, options: StreamOptions) {
  const { signal, chunkSize } = options;
  const cursor = new Cursor(text, values, AS_TEXTS);
  options.onRequest?.();
  client.query(cursor);
  for (let size = Math.min(FIRST_BATCH_ROWS, chunkSize); ; ) {
    const batch = await orAbort(signal, readBatch(cursor, size), client);
    if (batch.rows.length > 0 || batch.fields.length > 0) yield batch;
    if (batch.rows.length < size) break;
    size = nextSize(batch.rows, size, chunkSize);
  }
  await orAbort(signal, cursor.close(), client);
}

/** Every FETCH is a statement of its own, timed for itself. */
async function* fetchedBatches(
  client: Client,
  { text, values }: Statement,
  { signal, chunkSize, onRequest }: StreamOptions,
  limitMs: number,
  share: number,
): AsyncGenerator<Batch> {
  const declare = { text: `DECLARE rows NO SCROLL CURSOR FOR ${text}`, values: [...values] };
  await orAbort(signal, client.query(declare), client);
  let isFirst = true;
  const first = Math.max(1, Math.floor((FIRST_TIMED_ROWS * SHARE_OF_LIMIT) / share));
  for (let size = Math.min(first, chunkSize); ; ) {
    onRequest?.();
    const from = performance.now();
    const fetch = { text: `FETCH FORWARD ${size} FROM rows`, ...AS_TEXTS };
    const { rows, fields } = await orAbort(signal, client.query<(string | null)[]>(fetch as never), client);
    const took = performance.now() - from;
    if (rows.length > 0 || isFirst) yield { rows, fields };
    isFirst = false;
    if (rows.length < size) break;
    size = Math.min(nextSize(rows, size, chunkSize), rowsInTime(rows.length, took, limitMs, share));
  }
}

/** What a cursor of SQL can be declared for, behind comments. */
const DECLARABLE = /^(?:\s|--[^\n]*\n|\/\*.*?\*\/)*(?:\(|(?:select|with|values|table)\b)/is;

/**
 * The rows of one statement in batches; memory is bounded by the batch, not by the result.
 * @throws TidemarkError SQL_CONNECTION, SQL_UNAUTHORIZED, SQL_SETTINGS, SQL_QUERY; the signal's reason when it aborts
 */
export async function* streamRows(
  settings: ConnectionSettings,
  statement: Statement,
  options: StreamOptions,
): AsyncGenerator<Batch> {
  const declarable = DECLARABLE.test(statement.text);
  for (let share = shares.get(statement.text) ?? SHARE_OF_LIMIT; ; ) {
    let isTimed = false;
    let isNew = true;
    const batches = inTransaction(settings, options, (client, { statementMs }) => {
      isTimed = statementMs > 0 && declarable;
      return isTimed
        ? fetchedBatches(client, statement, options, statementMs, share)
        : portalBatches(client, statement, options);
    });
    try {
      for await (const batch of batches) {
        isNew = false;
        yield batch;
      }
      return;
    } catch (error) {
      if (!isTimed || !wasCutShort(error) || share >= SMALLEST_SHARE) throw error;
      // Without a key nothing that was read can be gone on after: then the step's next attempt fetches less.
      share = fetchLess(statement.text, share);
      if (!isNew) throw error;
    }
  }
}
