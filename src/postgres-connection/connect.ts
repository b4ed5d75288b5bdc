/** From settings to a connection, as libpq goes: host by host, with or without TLS, until one is as it was asked for. */
import { isIP } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { Client, type ClientConfig } from "pg";
import { TidemarkError } from "../pipeline/errors";
import { connectionProblem, type Problem } from "./connection-problems";
import { passwordIn } from "./credential-files";
import type { ConnectionSettings, Host, TlsSettings } from "./credentials";

/**
 * Rejects with the signal's reason as soon as it aborts, however long the work takes; with a client also as soon as its
 * connection has ended. The driver's own work may wait for ever then: a cursor that has all its rows and waits for the
 * server to be ready again is told of nothing.
 */
export async function orAbort<T>(signal: AbortSignal, work: Promise<T>, client?: Client): Promise<T> {
  signal.throwIfAborted();
  let stop = () => {};
  let end = () => {};
  const cut = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason);
    // Whoever waits is told what the server said before; this is for who is not.
    end = () => setImmediate(reject, new Error("the connection ended"));
    signal.addEventListener("abort", stop, { once: true });
    client?.once("end", end);
  });
  try {
    return await Promise.race([work, cut]);
  } finally {
    signal.removeEventListener("abort", stop);
    client?.removeListener("end", end);
    work.catch(() => {});
    cut.catch(() => {});
  }
}

export function destroy(client: Client): void {
  (client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy();
}

const FAREWELL_MS = 2_000;

/** Says goodbye; a server or a pooler that does not hang up then is not waited for. */
export async function closeClient(client: Client): Promise<void> {
  await Promise.race([client.end(), sleep(FAREWELL_MS, undefined, { ref: false })]);
  destroy(client);
}

const isSocket = ({ host }: Host) => host.startsWith("/");

/** The order of attempts on one host: with TLS or without. */
function attemptsOn(host: Host, { mode }: TlsSettings): boolean[] {
  if (isSocket(host) || mode === "disable") return [false];
  if (mode === "allow") return [false, true];
  return mode === "prefer" ? [true, false] : [true];
}

/** libpq's words: `require` encrypts without checking who is there, unless there are authorities to check with. */
function tlsOptions(host: Host, tls: TlsSettings): ClientConfig["ssl"] {
  const isChecked = tls.mode.startsWith("verify") || tls.ca !== undefined;
  const { mode, direct: _direct, ...files } = tls;
  return {
    rejectUnauthorized: isChecked,
    // verify-ca checks the certificate, but not that it is this host's
    ...(mode === "verify-full" ? {} : { checkServerIdentity: () => undefined }),
    ...(host.address !== undefined && isIP(host.host) === 0 ? { servername: host.host } : {}),
    ...files,
  };
}

function clientConfig(settings: ConnectionSettings, host: Host, withTls: boolean): ClientConfig {
  const { user, database, passfile, tls } = settings;
  const place = { host: host.host, port: host.port, database, user };
  const password = settings.password ?? (passfile && passwordIn(passfile.path, passfile.given, place));
  const config: ClientConfig & { sslnegotiation?: string } = {
    user,
    database,
    host: host.address ?? host.host,
    port: host.port,
    // a function, since without a password the driver would look for one by itself
    password: password ?? (() => undefined as unknown as string),
    ssl: withTls ? tlsOptions(host, tls) : false,
    ...(withTls && tls.direct ? { sslnegotiation: "direct" } : {}),
    application_name: settings.applicationName,
    ...(settings.options === undefined ? {} : { options: settings.options }),
    connectionTimeoutMillis: settings.timeoutMs ?? 0,
    keepAlive: settings.keepAlive,
    keepAliveInitialDelayMillis: settings.keepAliveIdleMs,
  };
  return config;
}

const lost = new WeakMap<Client, Error>();

/** What the server said when it ended a connection on which nothing was running. */
export function lostBy(client: Client): Error | undefined {
  const error = lost.get(client);
  return error !== undefined && "code" in error ? error : undefined;
}

async function attempt(config: ClientConfig, signal: AbortSignal): Promise<Client> {
  const client = new Client(config);
  // a connection lost between two reads is told by the next read
  client.on("error", error => lost.has(client) || lost.set(client, error));
  try {
    await orAbort(signal, client.connect());
    return client;
  } catch (error) {
    destroy(client);
    throw error;
  }
}

const NO_TLS = /does not support SSL|error establishing an SSL connection/;

/** A server that refuses by its rules, or whose TLS does not work, may take the other way; a wrong password does not help there. */
function mayTryOtherWay(error: unknown): boolean {
  const { code = "", message = "" } = error as { code?: string; message?: string };
  return (
    code === "28000" ||
    NO_TLS.test(message) ||
    /^(ERR_SSL|ERR_TLS|EPROTO|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO|CERT_)/.test(code)
  );
}

async function connectTo(settings: ConnectionSettings, host: Host, signal: AbortSignal): Promise<Client> {
  const [first, second] = attemptsOn(host, settings.tls);
  try {
    return await attempt(clientConfig(settings, host, first!), signal);
  } catch (error) {
    if (second === undefined || signal.aborted || !mayTryOtherWay(error)) throw error;
    try {
      return await attempt(clientConfig(settings, host, second), signal);
    } catch (other) {
      // the way that the server has is the one whose answer counts
      const ofOther = NO_TLS.test((error as Error).message) || settings.tls.mode === "allow";
      throw ofOther ? other : error;
    }
  }
}

const SESSION =
  "SELECT pg_is_in_recovery() AS standby, current_setting('default_transaction_read_only') AS read_only";

interface Session {
  standby: boolean;
  readOnly: boolean;
}

async function sessionOf(client: Client, signal: AbortSignal): Promise<Session> {
  const { rows } = await orAbort(signal, client.query(SESSION), client);
  const { standby, read_only } = rows[0] as { standby: boolean; read_only: string };
  return { standby, readOnly: standby || read_only === "on" };
}

const FITS: { [attributes: string]: (session: Session) => boolean } = {
  "read-write": ({ readOnly }) => !readOnly,
  "read-only": ({ readOnly }) => readOnly,
  primary: ({ standby }) => !standby,
  standby: ({ standby }) => standby,
  "prefer-standby": ({ standby }) => standby,
};

function shuffled(hosts: readonly Host[]): Host[] {
  return hosts
    .map(host => ({ host, place: Math.random() }))
    .sort((a, b) => a.place - b.place)
    .map(({ host }) => host);
}

const STARTING_UP = "57P03";

/** A server that answered with a refusal is the one that was meant: libpq asks no other host then. */
function isAnswer(error: unknown): boolean {
  const { code, message } = error as { code?: unknown; message?: string };
  if (code === undefined && /^SASL/.test(message ?? "")) return true;
  return (
    typeof code === "string" &&
    /^[0-9A-Z]{5}$/.test(code) &&
    code !== STARTING_UP &&
    !/^E[A-Z]{4}$/.test(code)
  );
}

async function firstThatFits(
  settings: ConnectionSettings,
  hosts: readonly Host[],
  fits: ((session: Session) => boolean) | undefined,
  signal: AbortSignal,
  problems: Problem[],
): Promise<Client | undefined> {
  for (const host of hosts) {
    let client: Client;
    try {
      client = await connectTo(settings, host, signal);
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      if (error instanceof TidemarkError || isAnswer(error)) throw error;
      problems.push({ host, error });
      continue;
    }
    try {
      if (fits === undefined || fits(await sessionOf(client, signal))) return client;
    } catch (error) {
      destroy(client);
      throw error;
    }
    problems.push({ host, session: settings.session });
    await closeClient(client);
  }
  return undefined;
}

/**
 * @param where what for, e.g. `resource "customers"`
 * @throws TidemarkError SQL_SETTINGS, SQL_CONNECTION; the driver's error when a server refused; the signal's reason
 */
export async function openClient(
  settings: ConnectionSettings,
  signal: AbortSignal,
  where: string,
): Promise<Client> {
  const hosts = settings.shuffled ? shuffled(settings.hosts) : settings.hosts;
  const problems: Problem[] = [];
  const client = await firstThatFits(settings, hosts, FITS[settings.session], signal, problems);
  if (client !== undefined) return client;
  if (settings.session === "prefer-standby") {
    const any = await firstThatFits(settings, hosts, undefined, signal, []);
    if (any !== undefined) return any;
  }
  throw connectionProblem(problems, where);
}
