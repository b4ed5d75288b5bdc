/** One connection to PostgreSQL: statements can be cancelled, every error leaves here sorted. */
import { createReadStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import type { Client, QueryConfig, QueryResult } from "pg";
import { from as copyFrom } from "pg-copy-streams";
import type { OnProgress } from "../../pipeline/infos";
import { cancelStatement } from "../../postgres-connection/cancel-statement";
import { closeClient, destroy, openClient, orAbort } from "../../postgres-connection/connect";
import type { OpenDestinationOptions } from "../destination";
import type { Bound, ResultRow, SqlDatabase } from "../one-transaction/sql-vendor";
import { sortError } from "./errors";
import { connectionOf, type PostgresDestination } from "./spec";

/** A long statement tells that it is alive this often. */
const RUNNING_PROGRESS_MS = 5_000;
const COPY_CHUNK_BYTES = 1024 * 1024;

/**
 * Texts without an offset are UTC, as in dlt; a load may wait for its own files inside a transaction. Sets of keys that do
 * not fit into `work_mem` are looked through row by row: 1,000,000 of them take some 100 MB.
 */
const SESSION = `SET TIME ZONE 'UTC'; SET DateStyle = 'ISO, YMD'; SET standard_conforming_strings = on;
  SET client_min_messages = warning; SET idle_in_transaction_session_timeout = 0; SET work_mem = '256MB'`;

const INT8 = 20;
/** Numbers and truth values; all else comes as the text that the server prints. */
const PARSERS: { [oid: number]: (text: string) => unknown } = {
  16: text => text === "t",
  [INT8]: safeInteger,
  21: Number,
  23: Number,
  26: Number,
  700: Number,
  701: Number,
};

function safeInteger(text: string): number | bigint {
  const number = Number(text);
  return Number.isSafeInteger(number) ? number : BigInt(text);
}

/** @throws TidemarkError DESTINATION_DENIED, DESTINATION_UNAVAILABLE; the signal's reason when aborted */
export async function openDatabase(
  spec: PostgresDestination,
  options: OpenDestinationOptions,
): Promise<PostgresDatabase> {
  const doing = "connecting";
  try {
    const settings = connectionOf(spec);
    const client = await openClient(settings, options.signal, "the destination");
    const db = new PostgresDatabase(spec.place, settings.database, client, options);
    try {
      await db.run(options.readOnly ? `${SESSION}; SET default_transaction_read_only = on` : SESSION);
      return db;
    } catch (error) {
      await db[Symbol.asyncDispose]();
      throw error;
    }
  } catch (error) {
    if (options.signal.aborted) throw options.signal.reason;
    throw sortError(error, spec.place, doing);
  }
}

export class PostgresDatabase implements SqlDatabase, AsyncDisposable {
  readonly name: string;

  constructor(
    private readonly where: string,
    readonly catalog: string,
    private readonly client: Client,
    private readonly options: OpenDestinationOptions,
  ) {
    this.name = `PostgreSQL ${where}`;
  }

  get onProgress(): OnProgress {
    return this.options.onProgress;
  }

  get signal(): AbortSignal {
    return this.options.signal;
  }

  /** A statement names no database: there is one per connection. */
  place(dataset: string): { catalog: string; dataset: string } {
    return { catalog: "", dataset };
  }

  async run(sql: string, params: readonly Bound[] = [], doing = "running a statement"): Promise<number> {
    const result = await this.guarded(doing, () => this.client.query(sql, [...params]));
    return result.rowCount ?? 0;
  }

  async rows(sql: string, params: readonly Bound[] = [], doing = "reading"): Promise<ResultRow[]> {
    return (await this.query(sql, params, doing)).rows;
  }

  /** One statement, whatever it says, with the types of its columns. */
  async query(sql: string, params: readonly Bound[], doing: string): Promise<QueryResult<ResultRow>> {
    const query = {
      text: sql,
      values: [...params],
      queryMode: "extended",
      types: { getTypeParser: (oid: number) => PARSERS[oid] ?? ((text: string) => text) },
    };
    return await this.guarded(
      doing,
      () => this.client.query(query as QueryConfig) as Promise<QueryResult<ResultRow>>,
    );
  }

  async count(sql: string, params: readonly Bound[] = []): Promise<number> {
    return Number((await this.rows(sql, params, "counting"))[0]?.n ?? 0);
  }

  async transaction<T>(doing: string, fn: () => Promise<T>): Promise<T> {
    await this.run("BEGIN", [], doing);
    try {
      const result = await fn();
      await this.run("COMMIT", [], `committing after ${doing}`);
      return result;
    } catch (error) {
      // After an abort the connection is cut, and with it the server rolls back.
      const { signal } = this.options;
      if (!signal.aborted)
        await orAbort(signal, this.client.query("ROLLBACK"), this.client).catch(() => undefined);
      throw error;
    }
  }

  /** Rows of a text file, in PostgreSQL's own format, into a table; the rows that were read. */
  async copyIn(sql: string, path: string, doing: string): Promise<number> {
    return await this.guarded(doing, async () => {
      const stream = this.client.query(copyFrom(sql));
      const file = createReadStream(path, { highWaterMark: COPY_CHUNK_BYTES });
      await pipeline(file, stream, { signal: this.options.signal });
      return stream.rowCount ?? 0;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.options.signal.aborted) destroy(this.client);
    else await closeClient(this.client).catch(() => undefined);
  }

  private async guarded<T>(doing: string, work: () => Promise<T>): Promise<T> {
    const { signal } = this.options;
    signal.throwIfAborted();
    const onAbort = () => cancelStatement(this.client);
    signal.addEventListener("abort", onAbort, { once: true });
    const alive = setInterval(
      () => this.onProgress({ step: "load", phase: "running", message: doing }),
      RUNNING_PROGRESS_MS,
    );
    try {
      // The driver may wait for ever for a server that is gone, and for its word on what was cancelled.
      return await orAbort(signal, work(), this.client);
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      throw sortError(error, this.where, doing);
    } finally {
      clearInterval(alive);
      signal.removeEventListener("abort", onAbort);
    }
  }
}
