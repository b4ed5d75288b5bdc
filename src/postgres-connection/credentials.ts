/**
 * Where and how to connect, from all the places that libpq looks at: what was given (a DSN, keywords, or an object with
 * dlt's or libpq's names), then a service, then PG… variables, then defaults.
 */
import { existsSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { TidemarkError } from "../pipeline/errors";
import { nearestName } from "../pipeline/nearest-name";
import type { Json } from "../pipeline/spec";
import {
  ALIASES,
  PARAMETERS,
  type SessionAttributes,
  SSL_MODES,
  type SslMode,
} from "../postgres-connection/connection-parameters";
import {
  inHome,
  readDefault,
  readKey,
  readNamed,
  readService,
} from "../postgres-connection/credential-files";
import { checkDriver, type Given, readDsn, UnreadableDsn } from "./dsn";

/** dlt: ConnectionStringCredentials. */
export const CREDENTIAL_FIELDS = ["drivername", "username", "password", "host", "port", "database", "query"];
/** What an object of credentials may hold: dlt's fields, or libpq's names. */
export const CREDENTIAL_KEYS = [...CREDENTIAL_FIELDS, ...Object.keys(PARAMETERS)];

const CONNECT_TIMEOUT_S = 15;
/** libpq's, since a name may have several addresses. */
const LEAST_TIMEOUT_S = 2;
/** Folders of servers' sockets: Debian's and Red Hat's, then PostgreSQL's own. */
const SOCKET_FOLDERS = ["/var/run/postgresql", tmpdir()];
/** The variable that names the folder of services of the whole system. */
const SYSTEM_FOLDER = "PGSYSCONFDIR";

export type Environment = { readonly [name: string]: string | undefined };

export interface Host {
  /** A name or an address, or the folder of a Unix socket. */
  host: string;
  port: number;
  /** libpq's hostaddr. */
  address?: string;
}

export interface TlsSettings {
  mode: SslMode;
  direct: boolean;
  /** The runtime's own authorities when it is not there and the mode checks. */
  ca?: string;
  cert?: string;
  key?: string;
  passphrase?: string;
  crl?: string;
  minVersion?: TlsVersion;
  maxVersion?: TlsVersion;
}

type TlsVersion = "TLSv1" | "TLSv1.1" | "TLSv1.2" | "TLSv1.3";

export interface ConnectionSettings {
  hosts: Host[];
  user: string;
  database: string;
  password?: string;
  /** Looked at for each host when there is no password. */
  passfile?: { path: string; given: boolean };
  tls: TlsSettings;
  session: SessionAttributes;
  /** Hosts in any order. */
  shuffled: boolean;
  applicationName: string;
  options?: string;
  /** Of one host; undefined: no limit. */
  timeoutMs?: number;
  keepAlive: boolean;
  keepAliveIdleMs: number;
}

function refused(why: string): TidemarkError {
  return new TidemarkError(
    "SQL_UNAUTHORIZED",
    `The PostgreSQL credentials ${why}. A DSN is expected, postgresql://user:password@host:5432/database, or an object with ${CREDENTIAL_FIELDS.join(", ")}.`,
  );
}

function settingsError(message: string): TidemarkError {
  return new TidemarkError("SQL_SETTINGS", message, { step: "extract" });
}

function textOf(value: Json | undefined): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === "boolean") return value ? "1" : "0";
  return typeof value === "object" ? undefined : String(value);
}

function fromDict(dict: { [field: string]: Json }): Given {
  checkDriver(textOf(dict.drivername) ?? "postgresql");
  const given: Given = {};
  const add = (fields: { [field: string]: Json }) => {
    for (const [field, value] of Object.entries(fields)) {
      const text = textOf(value);
      if (text !== undefined && text !== "") given[ALIASES[field] ?? field] = text;
    }
  };
  const { drivername: _driver, query, ...fields } = dict;
  add(fields);
  if (query !== null && typeof query === "object" && !Array.isArray(query)) add(query);
  return given;
}

function givenIn(credentials: Json | undefined): Given {
  if (credentials === undefined || credentials === null || Array.isArray(credentials))
    throw refused("are missing");
  try {
    return typeof credentials === "object" ? fromDict(credentials) : readDsn(String(credentials));
  } catch (error) {
    if (error instanceof UnreadableDsn) throw refused(error.message);
    throw error;
  }
}

/** A word is a name that somebody meant; anything else may be a piece of a password. */
const WORD = /^[a-z][a-z_]{1,30}$/i;

/** @param from of a variable: its name */
function checkParameter(name: string, value: string, from?: string): void {
  const parameter = PARAMETERS[name];
  if (parameter === undefined) {
    const near = nearestName(name, Object.keys(PARAMETERS));
    const what = WORD.test(name) ? ` "${name}"` : "";
    throw settingsError(
      `The PostgreSQL credentials hold an unknown connection parameter${what}${near && what ? `; did you mean "${near}"?` : '. libpq\'s names are valid; in a password "@" must be written as %40.'}`,
    );
  }
  const problem = parameter.problem(value);
  if (problem === undefined) return;
  throw settingsError(`Connection parameter "${name}"${from === undefined ? "" : ` (${from})`} ${problem}.`);
}

/** Everything that is set anywhere, the nearest place first. */
function gathered(given: Given, env: Environment): Given {
  for (const [name, value] of Object.entries(given)) checkParameter(name, value);
  const all: Given = { ...given };
  const { service: ofService, servicefile: ofFile } = PARAMETERS;
  const service = all.service ?? env[ofService!.env!];
  if (service !== undefined && service !== "") {
    const own = all.servicefile ?? env[ofFile!.env!] ?? inHome(env.HOME ?? "", ".pg_service.conf");
    const shared = inHome(env[SYSTEM_FOLDER] ?? "/etc/postgresql-common", "pg_service.conf");
    for (const [name, value] of Object.entries(readService(service, [own, shared]))) {
      checkParameter(name, value, `service "${service}"`);
      all[name] ??= value;
    }
  }
  for (const [name, { env: variable }] of Object.entries(PARAMETERS)) {
    const value = variable === undefined ? undefined : env[variable];
    if (value === undefined || value === "" || all[name] !== undefined) continue;
    checkParameter(name, value, variable);
    all[name] = value;
  }
  return all;
}

function hostsOf(all: Given): Host[] {
  const names = all.host?.split(",") ?? [];
  const addresses = all.hostaddr?.split(",") ?? [];
  const ports = all.port?.split(",") ?? [];
  const count = Math.max(names.length, addresses.length, 1);
  if (names.length > 0 && addresses.length > 0 && names.length !== addresses.length)
    throw settingsError('Connection parameters "host" and "hostaddr" must list as many hosts as each other.');
  if (ports.length > 1 && ports.length !== count)
    throw settingsError('Connection parameter "port" must be one number, or one for each host.');
  return Array.from({ length: count }, (_, index) => {
    const port = Number((ports.length === 1 ? ports[0] : ports[index]) || 5432);
    const address = addresses[index] || undefined;
    const host = names[index] || address || defaultHost(port);
    return { host, port, ...(address === undefined ? {} : { address }) };
  });
}

/** As libpq: the server's socket where there is one. */
function defaultHost(port: number): string {
  return SOCKET_FOLDERS.find(folder => existsSync(`${folder}/.s.PGSQL.${port}`)) ?? "localhost";
}

function tlsOf(all: Given, home: string | undefined): TlsSettings {
  const inPostgresql = (name: string) => (home === undefined ? undefined : inHome(home, ".postgresql", name));
  const isSystem = all.sslrootcert === "system";
  const mode = (all.sslmode ?? (isSystem ? "verify-full" : "prefer")) as SslMode;
  if (isSystem && mode !== "verify-full")
    throw settingsError('Connection parameter "sslrootcert" can be "system" with sslmode=verify-full only.');
  const direct = all.sslnegotiation === "direct";
  if (direct && SSL_MODES.indexOf(mode) < SSL_MODES.indexOf("require"))
    throw settingsError(
      'Connection parameter "sslnegotiation" can be "direct" with sslmode=require or stricter only.',
    );
  const tls: TlsSettings = {
    mode,
    direct,
    ...(all.ssl_min_protocol_version ? { minVersion: all.ssl_min_protocol_version as TlsVersion } : {}),
    ...(all.ssl_max_protocol_version ? { maxVersion: all.ssl_max_protocol_version as TlsVersion } : {}),
  };
  if (mode === "disable") return tls;
  const named = (parameter: string) => all[parameter] && readNamed(parameter, all[parameter]);
  const byDefault = (name: string) => {
    const path = inPostgresql(name);
    return path === undefined ? undefined : readDefault(path);
  };
  const ca = isSystem ? undefined : named("sslrootcert") || byDefault("root.crt");
  const crl = named("sslcrl") || byDefault("root.crl");
  if (ca) tls.ca = ca;
  if (crl && ca) tls.crl = crl;
  if (all.sslcertmode !== "disable") Object.assign(tls, clientCertificate(all, inPostgresql));
  return tls;
}

function clientCertificate(
  all: Given,
  inPostgresql: (name: string) => string | undefined,
): Pick<TlsSettings, "cert" | "key" | "passphrase"> {
  const defaultCert = inPostgresql("postgresql.crt");
  const cert = all.sslcert ? readNamed("sslcert", all.sslcert) : defaultCert && readDefault(defaultCert);
  const keyPath = all.sslkey ?? (cert ? inPostgresql("postgresql.key") : undefined);
  if (!cert) {
    if (all.sslkey)
      throw settingsError('Connection parameter "sslkey" needs "sslcert", the certificate of the key.');
    return {};
  }
  if (keyPath === undefined)
    throw settingsError('Connection parameter "sslcert" needs "sslkey", the key of the certificate.');
  return { cert, key: readKey(keyPath), ...(all.sslpassword ? { passphrase: all.sslpassword } : {}) };
}

/**
 * @param env PG… variables and HOME count; none: as if nothing were set
 * @throws TidemarkError SQL_UNAUTHORIZED when they cannot be read, SQL_SETTINGS for a parameter that cannot be used;
 * the message holds no part of a DSN but the names of parameters
 */
export function readCredentials(credentials: Json | undefined, env: Environment = {}): ConnectionSettings {
  const all = gathered(givenIn(credentials), env);
  const user = all.user || userInfo().username;
  // dlt: on_resolved
  const password = all.password?.trim();
  const home = env.HOME;
  const passfile = all.passfile ?? (home === undefined ? undefined : inHome(home, ".pgpass"));
  const timeout = all.connect_timeout === undefined ? CONNECT_TIMEOUT_S : Number(all.connect_timeout);
  return {
    hosts: hostsOf(all),
    user,
    database: all.dbname || user,
    ...(password ? { password } : {}),
    ...(password || passfile === undefined
      ? {}
      : { passfile: { path: passfile, given: all.passfile !== undefined } }),
    tls: tlsOf(all, home),
    session: (all.target_session_attrs ?? "any") as SessionAttributes,
    shuffled: all.load_balance_hosts === "random",
    applicationName: all.application_name || all.fallback_application_name || "tidemark",
    ...(all.options ? { options: all.options } : {}),
    ...(timeout > 0 ? { timeoutMs: Math.max(timeout, LEAST_TIMEOUT_S) * 1000 } : {}),
    keepAlive: all.keepalives !== "0",
    keepAliveIdleMs: Number(all.keepalives_idle ?? 0) * 1000,
  };
}
