/** One connection for one statement: read-only transaction, a server-side cursor, cancelled when the signal aborts. */
import { connect as connectSocket } from "node:net";
import { Client, type ClientConfig, type FieldDef } from "pg";
import Cursor from "pg-cursor";
import { sqlError } from "./sql-errors";

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
  onRequest?: () => void;
  onWait?: (what: string) => void;
}

/** Every statement runs in a transaction that cannot write, with output that value-parsers.ts reads. */
export const BEGIN = `BEGIN TRANSACTION READ ONLY;
  SET LOCAL TimeZone = 'UTC'; SET LOCAL DateStyle = 'ISO, YMD'; SET LOCAL IntervalStyle = 'postgres';
  SET LOCAL extra_float_digits = 1; SET LOCAL bytea_output = 'hex'; SET LOCAL standard_conforming_strings = on`;

/** Bytes of text that one batch aims at; row objects take some five times that in memory. */
const BATCH_BYTES = 4 * 1024 * 1024;
const FIRST_BATCH_ROWS = 500;
/** A batch grows by this much at most: what follows narrow rows may be wide. */
const MOST_GROWTH = 8;

interface BackendKey {
  processID?: number;
  secretKey?: number;
}

/** PostgreSQL's CancelRequest, on a connection of its own; best effort, the server never answers. */
function cancelStatement(client: Client, config: ClientConfig): void {
  const { processID, secretKey } = client as unknown as BackendKey;
  if (!processID || secretKey === undefined) return;
  const packet = Buffer.alloc(16);
  packet.writeInt32BE(16, 0);
  packet.writeInt32BE(80877102, 4);
  packet.writeInt32BE(processID, 8);
  packet.writeInt32BE(secretKey | 0, 12);
  const socket = connectSocket({ host: config.host, port: config.port ?? 5432 }, () => socket.end(packet));
  socket.on("error", () => socket.destroy());
  socket.setTimeout(5_000, () => socket.destroy());
  socket.unref();
}

function destroy(client: Client): void {
  (client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy();
}

/** Ends a connection; one whose statement is still running is cancelled and cut. */
export async function closeClient(client: Client, config: ClientConfig, finished: boolean): Promise<void> {
  if (finished) {
    await client.end();
    return;
  }
  cancelStatement(client, config);
  destroy(client);
}

/** Rejects with the signal's reason as soon as it aborts, however long the work takes. */
export async function orAbort<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  signal.throwIfAborted();
  let stop = () => {};
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason);
    signal.addEventListener("abort", stop, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener("abort", stop);
    work.catch(() => {});
  }
}

export async function withClient<T>(
  config: ClientConfig,
  options: StreamOptions,
  work: (client: Client) => AsyncGenerator<T>,
): Promise<AsyncGenerator<T>> {
  const client = new Client(config);
  // a connection lost between two reads is told by the next read
  client.on("error", () => {});
  options.onWait?.("connecting");
  try {
    await orAbort(options.signal, client.connect());
  } catch (error) {
    destroy(client);
    throw error;
  }
  return work(client);
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

async function* batches(
  client: Client,
  config: ClientConfig,
  { text, values }: Statement,
  options: StreamOptions,
): AsyncGenerator<Batch> {
  const { signal, chunkSize } = options;
  const identity = (value: string) => value;
  const cursor = new Cursor(text, values, { rowMode: "array", types: { getTypeParser: () => identity } });
  let finished = false;
  try {
    await orAbort(signal, client.query(BEGIN));
    options.onRequest?.();
    client.query(cursor);
    for (let size = Math.min(FIRST_BATCH_ROWS, chunkSize); ; ) {
      const batch = await orAbort(signal, readBatch(cursor, size));
      if (batch.rows.length > 0 || batch.fields.length > 0) yield batch;
      if (batch.rows.length < size) break;
      size = nextSize(batch.rows, size, chunkSize);
    }
    finished = true;
  } finally {
    await closeClient(client, config, finished);
  }
}

/**
 * The rows of one statement in batches; memory is bounded by the batch, not by the result.
 * Ends the connection when it is done, stopped early or aborted (the running statement is then cancelled).
 * @throws TidemarkError SQL_CONNECTION, SQL_UNAUTHORIZED, SQL_QUERY; the signal's reason when it aborts
 */
export async function* streamRows(
  config: ClientConfig,
  statement: Statement,
  options: StreamOptions,
): AsyncGenerator<Batch> {
  try {
    yield* await withClient(config, options, client => batches(client, config, statement, options));
  } catch (error) {
    if (options.signal.aborted) throw options.signal.reason;
    throw sqlError(error, options.where);
  }
}
