/**
 * Sessions of one SQL warehouse, shared by all steps of this process that use the same account: a step that follows
 * another finds a client that is connected and sessions that are open. What nobody uses is closed after a while.
 */
import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { DBSQLClient } from "@databricks/sql";
import { type Credentials, credentialsOf } from "./credentials";
import { type Endpoint, openEndpoint } from "./endpoint";
import { type DatabricksDestination, usesTaskSession } from "./spec";
import { openTaskSession, type StatementSession } from "./task-session";

const VERSION: string = require("../../../package.json").version;
const DEFAULT_SESSIONS = 8;
/**
 * A value that does not fit must be refused: without ANSI a CAST makes NULL or another number of it. It is off on
 * clusters below runtime 17, and on warehouses of accounts older than October 2022 (Databricks' documentation).
 */
const ANSI = { "spark.sql.ansi.enabled": "true" };
/** A pool that nobody uses is closed after this time. */
const UNUSED_MS = 30_000;
/** A closing session is not waited for longer. */
const CLOSE_MS = 5_000;

const pools = new Map<string, Promise<SessionPool>>();

/** To be given back by `leave()`. @throws TidemarkError SPEC_INVALID, DESTINATION_DENIED (an unreadable ca_file) */
export async function joinPool(spec: DatabricksDestination): Promise<SessionPool> {
  const key = keyOf(spec);
  let pool = pools.get(key);
  if (pool === undefined) {
    pool = openEndpoint(spec).then(
      endpoint => new SessionPool(spec, endpoint, credentialsOf(spec, endpoint), () => pools.delete(key)),
    );
    pools.set(key, pool);
    pool.catch(() => pools.delete(key));
  }
  const joined = await pool;
  joined.join();
  return joined;
}

/** Closes the sessions of all pools; for a process that is about to end. */
export async function closePools(): Promise<void> {
  const all = await Promise.allSettled(pools.values());
  await Promise.all(all.map(pool => (pool.status === "fulfilled" ? pool.value.close() : undefined)));
}

/** The account is part of it: two principals never share a session. */
function keyOf(spec: DatabricksDestination): string {
  const { server_hostname, port, http_path, catalog, ca_file, session_configuration } = spec;
  const { access_token, client_id, client_secret, profile, config_file } = spec;
  const { max_sessions, sql_scripting, load_mode, session_url, session_token } = spec;
  const place = [server_hostname, port, http_path, catalog, ca_file, session_configuration];
  const account = [access_token, client_id, client_secret, profile, config_file, session_url, session_token];
  return createHash("sha256")
    .update(JSON.stringify([...place, ...account, load_mode, max_sessions, sql_scripting]))
    .digest("hex");
}

export class SessionPool {
  /** Cleared when the server turns out to have no SQL scripting. */
  scripting: boolean;
  /** Cleared when it turns out not to take a guarded statement in a script. */
  guardsInScripts = true;
  private client: Promise<DBSQLClient> | undefined;
  private idle: StatementSession[] = [];
  private readonly waiting: (() => void)[] = [];
  private open = 0;
  private users = 0;
  private unused: NodeJS.Timeout | undefined;

  constructor(
    private readonly spec: DatabricksDestination,
    readonly endpoint: Endpoint,
    readonly credentials: Credentials,
    private readonly onClose: () => void,
  ) {
    this.scripting = spec.sql_scripting ?? true;
  }

  join(): void {
    this.users += 1;
    clearTimeout(this.unused);
  }

  leave(): void {
    this.users -= 1;
    if (this.users > 0) return;
    this.unused = setTimeout(() => void this.close(), UNUSED_MS).unref();
  }

  /**
   * An idle session, or a new one; waits where `max_sessions` are in use. To be given back by `give`.
   * @param start calls `openSession`, as often as it takes
   * @throws the signal's reason when it is aborted meanwhile
   */
  async take(start: () => Promise<StatementSession>, signal: AbortSignal): Promise<StatementSession> {
    for (;;) {
      signal.throwIfAborted();
      const session = this.idle.pop();
      if (session !== undefined) return session;
      if (this.open < (this.spec.max_sessions ?? DEFAULT_SESSIONS)) {
        this.open += 1;
        try {
          return await start();
        } catch (error) {
          this.open -= 1;
          this.waiting.shift()?.();
          throw error;
        }
      }
      await this.turn(signal);
      // the turn may have come to a step that is over: the next one has it
      if (signal.aborted) this.waiting.shift()?.();
    }
  }

  /** Until a session is given back, or there is nothing to wait for any more. */
  private turn(signal: AbortSignal): Promise<void> {
    return new Promise(resolve => {
      const end = (): void => {
        signal.removeEventListener("abort", end);
        const at = this.waiting.indexOf(end);
        if (at >= 0) this.waiting.splice(at, 1);
        resolve();
      };
      this.waiting.push(end);
      signal.addEventListener("abort", end, { once: true });
    });
  }

  /** @param keep false: the session is lost, and so are those that idle, if the server forgot or left them */
  give(session: StatementSession, keep: boolean): void {
    if (keep) this.idle.push(session);
    else {
      const lost = [session, ...this.idle.splice(0)];
      this.open -= lost.length;
      for (const one of lost) one.close().catch(() => undefined);
    }
    this.waiting.shift()?.();
  }

  /** One attempt. @throws the driver's error */
  async openSession(): Promise<StatementSession> {
    const { catalog, session_configuration } = this.spec;
    if (usesTaskSession(this.spec))
      return await openTaskSession(this.spec, { ...session_configuration, ...ANSI });
    this.client ??= this.connect();
    try {
      return await (await this.client).openSession({
        initialCatalog: catalog,
        configuration: { ...session_configuration, ...ANSI },
      });
    } catch (error) {
      this.client = undefined;
      throw error;
    }
  }

  async close(): Promise<void> {
    clearTimeout(this.unused);
    this.onClose();
    const sessions = this.idle.splice(0);
    const client = await this.client?.catch(() => undefined);
    const closed = Promise.allSettled(sessions.map(session => session.close())).then(() => client?.close());
    await Promise.race([closed.catch(() => undefined), sleep(CLOSE_MS, undefined, { ref: false })]);
    this.endpoint.agent.destroy();
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
      // waiting and repeating is done in client.ts, where it is told and can be stopped
      retryMaxAttempts: 1,
      ...(ca === undefined ? {} : { customCaCert: ca }),
    });
    return client;
  }
}
