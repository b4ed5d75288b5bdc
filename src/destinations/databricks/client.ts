/**
 * One client of a SQL warehouse: sessions opened when they are needed and anew when they expire, statements repeated
 * where that may help and cancelled with the activity. Every error leaves here sorted.
 */
import { setMaxListeners } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import type { DBSQLClient } from "@databricks/sql";
import type { OnProgress } from "../../pipeline/infos";
import type { DatabricksDestination } from "../../pipeline/spec";
import { type Credentials, credentialsOf } from "./credentials";
import { type Endpoint, openEndpoint } from "./endpoint";
import { DatabricksError, isScriptRefused, sortError } from "./errors";
import { quoteText } from "./sql-text";

type DriverSession = Awaited<ReturnType<DBSQLClient["openSession"]>>;
type DriverOperation = Awaited<ReturnType<DriverSession["executeStatement"]>>;

/** 64-bit integers come as numbers where they are safe, else as bigint; decimals as text. */
export type ResultRow = { [column: string]: unknown };

export interface WarehouseOptions {
  signal: AbortSignal;
  onProgress: OnProgress;
}

const VERSION: string = require("../../../package.json").version;
const DEFAULT_SESSIONS = 8;
const DEFAULT_START_SECONDS = 900;
/** Attempts of one statement inside the activity; the activity's own attempts come on top. */
const ATTEMPTS = 5;
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 15_000;
/** A long statement tells that it is alive this often. */
const RUNNING_PROGRESS_MS = 5_000;
/** Results are small; more rows than this come in further fetches. */
const FETCH_ROWS = 10_000;
/** A closing session is not waited for longer. */
const CLOSE_MS = 5_000;

export async function openWarehouse(
  spec: DatabricksDestination,
  options: WarehouseOptions,
): Promise<Warehouse> {
  const endpoint = await openEndpoint(spec);
  // every running statement and upload listens to it
  setMaxListeners(64, options.signal);
  return new Warehouse(spec, endpoint, credentialsOf(spec, endpoint), options);
}

export class Warehouse implements AsyncDisposable {
  private client: Promise<DBSQLClient> | undefined;
  private readonly idle: DriverSession[] = [];
  private readonly waiting: (() => void)[] = [];
  private open = 0;
  private scripting: boolean;

  constructor(
    private readonly spec: DatabricksDestination,
    readonly endpoint: Endpoint,
    readonly credentials: Credentials,
    private readonly options: WarehouseOptions,
  ) {
    this.scripting = spec.sql_scripting ?? true;
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
    if (this.scripting && statements.length > 1) {
      try {
        await this.run(`BEGIN\n${statements.map(statement => `${statement};\n`).join("")}END`, doing);
        return;
      } catch (error) {
        if (!isScriptRefused(error)) throw error;
        this.scripting = false;
      }
    }
    for (const statement of statements) await this.run(statement, doing);
  }

  /** Uploads a file by a PUT statement. */
  async put(local: string, remote: string, doing: string): Promise<void> {
    const sql = `PUT ${quoteText(local)} INTO ${quoteText(remote)} OVERWRITE`;
    await this.repeated(doing, session => this.execute(session, sql, doing, local));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const sessions = this.idle.splice(0);
    const client = await this.client?.catch(() => undefined);
    const closed = Promise.allSettled(sessions.map(session => session.close())).then(() => client?.close());
    await Promise.race([closed.catch(() => undefined), sleep(CLOSE_MS, undefined, { ref: false })]);
    this.endpoint.agent.destroy();
  }

  private async repeated<T>(doing: string, work: (session: DriverSession) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      this.signal.throwIfAborted();
      const session = await this.take(doing);
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
        this.give(session, keep);
      }
    }
  }

  private async execute(
    session: DriverSession,
    sql: string,
    doing: string,
    stagingFile?: string,
  ): Promise<ResultRow[]> {
    const alive = setInterval(
      () => this.onProgress({ step: "load", phase: "running", message: doing }),
      RUNNING_PROGRESS_MS,
    );
    let operation: DriverOperation | undefined;
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

  private async take(doing: string): Promise<DriverSession> {
    for (;;) {
      const session = this.idle.pop();
      if (session !== undefined) return session;
      if (this.open < (this.spec.max_sessions ?? DEFAULT_SESSIONS)) {
        this.open += 1;
        try {
          return await this.openSession(doing);
        } catch (error) {
          this.open -= 1;
          this.waiting.shift()?.();
          throw error;
        }
      }
      await new Promise<void>(resolve => this.waiting.push(resolve));
    }
  }

  private give(session: DriverSession, keep: boolean): void {
    if (keep) this.idle.push(session);
    else {
      this.open -= 1;
      session.close().catch(() => undefined);
    }
    this.waiting.shift()?.();
  }

  /** Waits for a warehouse that is starting, telling so. */
  private async openSession(doing: string): Promise<DriverSession> {
    const until = Date.now() + (this.spec.start_timeout_seconds ?? DEFAULT_START_SECONDS) * 1000;
    for (let attempt = 1; ; attempt++) {
      this.signal.throwIfAborted();
      const alive = setInterval(() => this.tellWaiting(), RUNNING_PROGRESS_MS);
      try {
        this.client ??= this.connect();
        const { session_configuration } = this.spec;
        return await (await this.client).openSession({
          initialCatalog: this.spec.catalog,
          ...(session_configuration === undefined ? {} : { configuration: session_configuration }),
        });
      } catch (error) {
        this.client = undefined;
        if (this.signal.aborted) throw this.signal.reason;
        const sorted = sortError(error, { where: this.endpoint.where, doing });
        const repeat = sorted instanceof DatabricksError && sorted.repeat !== undefined;
        if (!repeat || Date.now() >= until) throw sorted;
        this.tellWaiting();
        await this.pause(attempt);
      } finally {
        clearInterval(alive);
      }
    }
  }

  private async connect(): Promise<DBSQLClient> {
    const { host, port, ca } = this.endpoint;
    // loaded when it is used: the driver costs every other command a third of a second
    const { DBSQLClient: Client } = await import("@databricks/sql");
    const client = new Client({ logger: { log: () => undefined } });
    // without a listener, an error of the connection would end the process
    client.on("error", () => undefined);
    await client.connect({
      host,
      port,
      path: this.spec.http_path,
      userAgentEntry: `tidemark/${VERSION}`,
      authType: "custom",
      provider: { authenticate: async () => ({ Authorization: await this.credentials.authorization() }) },
      preserveBigNumericPrecision: true,
      telemetryEnabled: false,
      // waiting and repeating is done here, where it is told and can be stopped
      retryMaxAttempts: 1,
      ...(ca === undefined ? {} : { customCaCert: ca }),
    });
    return client;
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

function plainNumber(value: unknown): unknown {
  if (typeof value !== "bigint") return value;
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

/** The number in a column of a DML result or of a one-row result; 0 when it is not there. */
export function numberOf(row: ResultRow | undefined, column: string): number {
  return Number(row?.[column] ?? 0);
}
