/**
 * One open DuckDB file: opened in its turn, waited for while another process holds it, closed for good. Statements
 * can be interrupted; every error leaves here sorted.
 */
import { existsSync } from "node:fs";
import { availableParallelism } from "node:os";
import { basename } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type DuckDBConnection, DuckDBInstance } from "@duckdb/node-api";
import type { OnProgress } from "../../pipeline/infos";
import type { Place } from "../one-transaction/sql-text";
import type { Bound, ResultRow, SqlDatabase } from "../one-transaction/sql-vendor";
import { busy, holderText, lockHolder, sortError } from "./errors";
import { canonicalPath, type TurnOptions, takeTurn, WAIT_PROGRESS_MS, WAITING } from "./file-turns";

export interface DatabaseSettings {
  /** DuckDB's memory limit; beyond it, it spills into `<file>.tmp`. */
  memory_limit: string;
  threads: number;
  /** How long to wait for a process outside that holds the file. */
  busy_timeout_seconds: number;
}

/**
 * 512 MB merges 200,000 roots + 600,000 nested rows with a peak of about 220 MB for the whole process, where dlt
 * with DuckDB needs several hundred.
 */
export const DEFAULT_SETTINGS: DatabaseSettings = {
  memory_limit: "512MB",
  threads: Math.min(4, availableParallelism()),
  busy_timeout_seconds: 600,
};

export interface OpenDatabaseOptions extends TurnOptions {
  readOnly?: boolean;
  settings?: Partial<DatabaseSettings>;
}

export type { ResultRow };

const FIRST_WAIT_MS = 100;
const LONGEST_WAIT_MS = 2_000;
/** A long statement tells that it is alive this often. */
const RUNNING_PROGRESS_MS = 5_000;

/**
 * @throws TidemarkError DESTINATION_BUSY after the timeout, DESTINATION_DENIED, DISK_FULL;
 *   the signal's reason when aborted
 */
export async function openDatabase(path: string, options: OpenDatabaseOptions): Promise<Database> {
  const file = await canonicalPath(path);
  const release = await takeTurn(file, options);
  try {
    const instance = await openInstance(file, options);
    try {
      const connection = await instance.connect();
      await connection.run("SET TimeZone = 'UTC'");
      const catalog = (await connection.runAndReadAll("SELECT current_database() AS name")).getRowObjects();
      return new Database(file, String(catalog[0]?.name), instance, connection, options, release);
    } catch (error) {
      instance.closeSync();
      throw sortError(error, { path: file, doing: "opening" });
    }
  } catch (error) {
    release();
    throw error;
  }
}

/**
 * Waits until no other process holds the file, then lets go of it again. To be called inside a turn on it. A file that
 * is not there yet is free.
 * @throws as openDatabase
 */
export async function waitUntilFree(path: string, options: OpenDatabaseOptions): Promise<void> {
  if (!existsSync(path)) return;
  (await openInstance(await canonicalPath(path), options)).closeSync();
}

async function openInstance(file: string, options: OpenDatabaseOptions): Promise<DuckDBInstance> {
  const settings = { ...DEFAULT_SETTINGS, ...options.settings };
  const config: Record<string, string> = {
    access_mode: options.readOnly ? "READ_ONLY" : "READ_WRITE",
    memory_limit: settings.memory_limit,
    threads: String(settings.threads),
    temp_directory: `${file}.tmp`,
    // row order in tables is the order of arrival, so that a load is repeatable
    preserve_insertion_order: "true",
    // staged files are read once or twice and lie in the system's cache: DuckDB's own copy of them only costs memory
    enable_external_file_cache: "false",
    // freed memory goes back to the system early (measured: 20 MB less at the peak, no slower)
    allocator_flush_threshold: "8MB",
    allocator_bulk_deallocation_flush_threshold: "8MB",
    // json, parquet and icu are built in; a load must never try to download anything
    autoinstall_known_extensions: "false",
  };
  const started = performance.now();
  let wait = FIRST_WAIT_MS;
  let told = 0;
  for (;;) {
    options.signal.throwIfAborted();
    try {
      return await DuckDBInstance.create(file, config);
    } catch (error) {
      const holder = lockHolder(error);
      if (!holder) throw sortError(error, { path: file, doing: "opening" });
      const waited = performance.now() - started;
      if (waited >= settings.busy_timeout_seconds * 1000) {
        throw busy({ path: file, doing: "opening" }, holder, Math.round(waited / 1000));
      }
      if (told === 0 || performance.now() - told >= WAIT_PROGRESS_MS) {
        told = performance.now();
        options.onProgress({
          step: options.step ?? "load",
          subject: basename(file),
          phase: WAITING,
          message: `held by ${holderText(holder)}; ${untilWhen(started, settings)}`,
        });
      }
    }
    // an aborted sleep rejects with its own error; the loop then throws the signal's reason
    await sleep(wait, undefined, { signal: options.signal }).catch(() => undefined);
    wait = Math.min(wait * 2, LONGEST_WAIT_MS);
  }
}

/** The same words for as long as it is the same wait. */
/** @param started as `performance.now` counts */
function untilWhen(started: number, { busy_timeout_seconds }: DatabaseSettings): string {
  const end = new Date(Date.now() + started - performance.now() + busy_timeout_seconds * 1000).toISOString();
  return `gives up at ${end.slice(11, 19)} UTC, after ${busy_timeout_seconds} s (busy_timeout_seconds)`;
}

export class Database implements AsyncDisposable, SqlDatabase {
  private closed = false;

  constructor(
    readonly path: string,
    /** Name under which the file is attached. */
    readonly catalog: string,
    private readonly instance: DuckDBInstance,
    private readonly connection: DuckDBConnection,
    private readonly options: OpenDatabaseOptions,
    private readonly release: () => void,
  ) {}

  get name(): string {
    return `DuckDB file ${this.path}`;
  }

  place(dataset: string): Place {
    return { catalog: this.catalog, dataset };
  }

  get onProgress(): OnProgress {
    return this.options.onProgress;
  }

  get signal(): AbortSignal {
    return this.options.signal;
  }

  /** Runs one statement and returns the number of rows it changed. */
  async run(sql: string, params: readonly Bound[] = [], doing = "running a statement"): Promise<number> {
    return this.guarded(doing, async () => (await this.connection.run(sql, [...params])).rowsChanged);
  }

  /** Small results only: all rows are read. 64-bit integers come as numbers where they are safe, else as bigint. */
  async rows(sql: string, params: readonly Bound[] = [], doing = "reading"): Promise<ResultRow[]> {
    return this.guarded(doing, async () => {
      const rows = (await this.connection.runAndReadAll(sql, [...params])).getRowObjectsJS();
      return rows.map(row =>
        Object.fromEntries(Object.entries(row).map(([name, value]) => [name, plainNumber(value)])),
      );
    });
  }

  /** For what statements and rows alone do not do. */
  async with<T>(doing: string, work: (connection: DuckDBConnection) => Promise<T>): Promise<T> {
    return this.guarded(doing, () => work(this.connection));
  }

  /** The number in column `n` of a one-row result. */
  async count(sql: string, params: readonly Bound[] = []): Promise<number> {
    return Number((await this.rows(sql, params, "counting"))[0]?.n ?? 0);
  }

  /** Commits what `fn` did, or nothing. */
  async transaction<T>(doing: string, fn: () => Promise<T>): Promise<T> {
    await this.run("BEGIN TRANSACTION", [], doing);
    try {
      const result = await fn();
      await this.run("COMMIT", [], `committing after ${doing}`);
      return result;
    } catch (error) {
      // an aborted signal must not keep the rollback from running; a failed COMMIT has rolled back itself
      await this.connection.run("ROLLBACK").catch(() => undefined);
      throw error;
    }
  }

  /** Only closing connection and instance frees the file for other processes. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    try {
      this.connection.closeSync();
      this.instance.closeSync();
    } finally {
      this.release();
    }
  }

  private async guarded<T>(doing: string, work: () => Promise<T>): Promise<T> {
    const { signal } = this.options;
    signal.throwIfAborted();
    // repeated, because an interrupt that comes before the statement has started is lost
    let interrupting: NodeJS.Timeout | undefined;
    const onAbort = (): void => {
      this.connection.interrupt();
      interrupting = setInterval(() => this.connection.interrupt(), 50);
    };
    signal.addEventListener("abort", onAbort, { once: true });
    const alive = setInterval(
      () => this.onProgress({ step: this.options.step ?? "load", phase: "running", message: doing }),
      RUNNING_PROGRESS_MS,
    );
    try {
      return await work();
    } catch (error) {
      // DuckDB words an interrupt differently by where it struck
      if (signal.aborted) throw signal.reason;
      throw sortError(error, { path: this.path, doing });
    } finally {
      clearInterval(alive);
      clearInterval(interrupting);
      signal.removeEventListener("abort", onAbort);
    }
  }
}

function plainNumber(value: unknown): unknown {
  if (typeof value !== "bigint") return value;
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}
