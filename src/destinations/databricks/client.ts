/**
 * A step's statements on a SQL warehouse: run in sessions of the shared pool, repeated where that may help and cancelled
 * with the activity. Every error leaves here sorted.
 */
import { setMaxListeners } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import type { OnProgress } from "../../pipeline/infos";
import type { Credentials } from "./credentials";
import type { Endpoint } from "./endpoint";
import { DatabricksError, isRefused, isScriptRefused, sortError } from "./errors";
import { joinPool, type SessionPool } from "./session-pool";
import type { DatabricksDestination } from "./spec";
import { quoteText } from "./sql-text";
import type { StatementOperation, StatementSession } from "./task-session";

/** 64-bit integers come as numbers where they are safe, else as bigint; decimals as text. */
export type ResultRow = { [column: string]: unknown };

export interface WarehouseOptions {
  signal: AbortSignal;
  onProgress: OnProgress;
}

const DEFAULT_START_SECONDS = 900;
/** Attempts of one statement inside the activity; the activity's own attempts come on top. */
const ATTEMPTS = 5;
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 15_000;
/** A long statement tells that it is alive this often. */
const RUNNING_PROGRESS_MS = 5_000;
/** Results are small; more rows than this come in further fetches. */
const FETCH_ROWS = 10_000;

export async function openWarehouse(
  spec: DatabricksDestination,
  options: WarehouseOptions,
): Promise<Warehouse> {
  const pool = await joinPool(spec);
  // every running statement and upload listens to it
  setMaxListeners(64, options.signal);
  return new Warehouse(spec, pool, options);
}

export class Warehouse implements AsyncDisposable {
  private left = false;

  constructor(
    private readonly spec: DatabricksDestination,
    private readonly pool: SessionPool,
    private readonly options: WarehouseOptions,
  ) {}

  get endpoint(): Endpoint {
    return this.pool.endpoint;
  }

  get credentials(): Credentials {
    return this.pool.credentials;
  }

  get onProgress(): OnProgress {
    return this.options.onProgress;
  }

  get signal(): AbortSignal {
    return this.options.signal;
  }

  /**
   * Runs one statement, which must bear to be repeated, and returns its rows (for DML: its counts).
   * @param doing for messages, e.g. `merging table "orders"`
   */
  async run(sql: string, doing: string): Promise<ResultRow[]> {
    return this.repeated(doing, session => this.execute(session, sql, doing));
  }

  /** Several statements in one request, each committed for itself; one by one where the server has no scripting. */
  async script(statements: readonly string[], doing: string): Promise<void> {
    if (this.pool.scripting && statements.length > 1) {
      try {
        await this.run(scriptOf(statements), doing);
        return;
      } catch (error) {
        if (!isScriptRefused(error)) throw error;
        this.pool.scripting = false;
      }
    }
    for (const statement of statements) await this.run(statement, doing);
  }

  /**
   * A statement behind one that guards it, in one request if it can be. Which statements a server takes in a script is
   * known by trying only, so that a refusal there is no answer yet.
   * @returns rows of the statement; none where the server gives none of a script
   */
  async guarded(guard: string, sql: string, doing: string): Promise<ResultRow[]> {
    const oneByOne = async (): Promise<ResultRow[]> => {
      await this.run(guard, doing);
      return await this.run(sql, doing);
    };
    if (!this.pool.scripting || !this.pool.guardsInScripts) return await oneByOne();
    try {
      return await this.run(scriptOf([guard, sql]), doing);
    } catch (error) {
      if (!isRefused(error) && !isScriptRefused(error)) throw error;
      const rows = await oneByOne();
      this.pool.guardsInScripts = false;
      return rows;
    }
  }

  /** Uploads a file by a PUT statement. */
  async put(local: string, remote: string, doing: string): Promise<void> {
    const sql = `PUT ${quoteText(local)} INTO ${quoteText(remote)} OVERWRITE`;
    await this.repeated(doing, session => this.execute(session, sql, doing, local));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.left) this.pool.leave();
    this.left = true;
  }

  private async repeated<T>(doing: string, work: (session: StatementSession) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      this.signal.throwIfAborted();
      const session = await this.pool.take(() => this.openSession(doing), this.signal);
      let keep = true;
      try {
        return await work(session);
      } catch (error) {
        if (this.signal.aborted) throw this.signal.reason;
        const sorted = sortError(error, { where: this.endpoint.where, doing });
        const repeat = sorted instanceof DatabricksError ? sorted.repeat : undefined;
        keep = repeat === undefined || repeat === "conflict";
        if (repeat === undefined || attempt >= ATTEMPTS) throw sorted;
        await this.pause(attempt);
      } finally {
        this.pool.give(session, keep);
      }
    }
  }

  private async execute(
    session: StatementSession,
    sql: string,
    doing: string,
    stagingFile?: string,
  ): Promise<ResultRow[]> {
    const alive = setInterval(
      () => this.onProgress({ step: "load", phase: "running", message: doing }),
      RUNNING_PROGRESS_MS,
    );
    let operation: StatementOperation | undefined;
    const cancel = (): void => void operation?.cancel().catch(() => undefined);
    this.signal.addEventListener("abort", cancel, { once: true });
    try {
      operation = await session.executeStatement(sql, {
        maxRows: FETCH_ROWS,
        ...(stagingFile === undefined ? {} : { stagingAllowedLocalPath: stagingFile }),
      });
      // aborted while the statement was on its way: it has a handle only now
      if (this.signal.aborted) cancel();
      const rows = (await operation.fetchAll()) as ResultRow[];
      return rows.map(row =>
        Object.fromEntries(Object.entries(row).map(([name, value]) => [name, plainNumber(value)])),
      );
    } finally {
      clearInterval(alive);
      this.signal.removeEventListener("abort", cancel);
      await operation?.close().catch(() => undefined);
    }
  }

  /** Waits for a warehouse that is starting, telling so. */
  private async openSession(doing: string): Promise<StatementSession> {
    const until = performance.now() + (this.spec.start_timeout_seconds ?? DEFAULT_START_SECONDS) * 1000;
    for (let attempt = 1; ; attempt++) {
      this.signal.throwIfAborted();
      const alive = setInterval(() => this.tellWaiting(), RUNNING_PROGRESS_MS);
      try {
        return await this.pool.openSession();
      } catch (error) {
        if (this.signal.aborted) throw this.signal.reason;
        const sorted = sortError(error, { where: this.endpoint.where, doing });
        const repeat = sorted instanceof DatabricksError && sorted.repeat !== undefined;
        if (!repeat || performance.now() >= until) throw sorted;
        this.tellWaiting();
        await this.pause(attempt);
      } finally {
        clearInterval(alive);
      }
    }
  }

  private tellWaiting(): void {
    this.onProgress({
      step: "load",
      phase: "waiting for the warehouse",
      message: `${this.endpoint.where} is starting or cannot be reached`,
    });
  }

  private async pause(attempt: number): Promise<void> {
    const longest = Math.min(FIRST_WAIT_MS * 2 ** (attempt - 1), LONGEST_WAIT_MS);
    // two writers that collided must not collide again
    const wait = longest / 2 + Math.random() * (longest / 2);
    // an aborted sleep rejects with its own error; the caller then throws the signal's reason
    await sleep(wait, undefined, { signal: this.signal }).catch(() => undefined);
    this.signal.throwIfAborted();
  }
}

function scriptOf(statements: readonly string[]): string {
  return `BEGIN\n${statements.map(statement => `${statement};\n`).join("")}END`;
}

function plainNumber(value: unknown): unknown {
  if (typeof value !== "bigint") return value;
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

/** The number in a column of a DML result or of a one-row result; 0 when it is not there. */
export function numberOf(row: ResultRow | undefined, column: string): number {
  return Number(row?.[column] ?? 0);
}
