/** dlt's two forms of credentials, a DSN or a dict of its fields, as settings of the driver. */
import { readFileSync } from "node:fs";
import type { ClientConfig } from "pg";
import { TidemarkError } from "../../pipeline/errors";
import type { Json } from "../../pipeline/spec";

/** dlt: ConnectionStringCredentials. */
export const CREDENTIAL_FIELDS = ["drivername", "username", "password", "host", "port", "database", "query"];
const DRIVER = /^postgres(ql)?(\+\w+)?$/;
const CONNECT_TIMEOUT_MS = 15_000;

interface Fields {
  drivername: string;
  username?: string;
  password?: string;
  host?: string;
  port?: number;
  database?: string;
  query: { [name: string]: string };
}

function refused(why: string): TidemarkError {
  return new TidemarkError(
    "SQL_UNAUTHORIZED",
    `The credentials of the SQL source ${why}. A DSN is expected, postgresql://user:password@host:5432/database, or an object with ${CREDENTIAL_FIELDS.join(", ")}.`,
  );
}

function decoded(text: string): string | undefined {
  if (text === "") return undefined;
  try {
    return decodeURIComponent(text);
  } catch {
    throw refused('hold a "%" that is not part of an escape (write it as %25)');
  }
}

/** SQLAlchemy takes a password with "@", ":" or "/" only when it is escaped; so does this. */
function fromDsn(dsn: string): Fields {
  let url: URL;
  try {
    url = new URL(dsn.trim());
  } catch {
    throw refused("are no DSN");
  }
  return {
    drivername: url.protocol.slice(0, -1),
    username: decoded(url.username),
    password: decoded(url.password),
    host: decoded(url.hostname)?.replace(/^\[|\]$/g, ""),
    port: url.port === "" ? undefined : Number(url.port),
    database: decoded(url.pathname.slice(1)),
    query: Object.fromEntries(url.searchParams),
  };
}

function fromDict(dict: { [field: string]: Json }): Fields {
  const text = (field: string) =>
    dict[field] === undefined || dict[field] === null ? undefined : String(dict[field]);
  const query = (dict.query ?? {}) as { [name: string]: Json };
  return {
    drivername: text("drivername") ?? "postgresql",
    username: text("username"),
    password: text("password"),
    host: text("host"),
    port: dict.port === undefined || dict.port === null ? undefined : Number(dict.port),
    database: text("database"),
    query: Object.fromEntries(Object.entries(query).map(([name, value]) => [name, String(value)])),
  };
}

/**
 * libpq's words: `require` encrypts without checking who is there, `verify-*` checks. `allow` and `prefer` let the
 * choice to the client: none.
 */
function sslSettings(query: Fields["query"]): ClientConfig["ssl"] {
  const mode = query.sslmode ?? "prefer";
  if (["disable", "allow", "prefer"].includes(mode)) return false;
  const ca =
    query.sslrootcert && query.sslrootcert !== "system" ? readFileSync(query.sslrootcert, "utf8") : undefined;
  if (mode === "require" && ca === undefined) return { rejectUnauthorized: false };
  // verify-ca checks the certificate, but not that it is this host's
  const anyHost = mode === "verify-full" ? {} : { checkServerIdentity: () => undefined };
  return { rejectUnauthorized: true, ...(ca === undefined ? {} : { ca }), ...anyHost };
}

/** @throws TidemarkError SQL_UNAUTHORIZED when they cannot be read; the message holds no part of them */
export function readCredentials(credentials: Json | undefined): ClientConfig {
  if (credentials === undefined || credentials === null || Array.isArray(credentials))
    throw refused("are missing");
  const fields = typeof credentials === "object" ? fromDict(credentials) : fromDsn(String(credentials));
  if (!DRIVER.test(fields.drivername)) throw refused("name a driver other than postgresql");
  const seconds = Number(fields.query.connect_timeout);
  return {
    user: fields.username,
    password: fields.password,
    host: fields.host ?? fields.query.host ?? "localhost",
    port: fields.port ?? 5432,
    database: fields.database,
    ssl: sslSettings(fields.query),
    application_name: fields.query.application_name ?? "tidemark",
    ...(fields.query.options ? { options: fields.query.options } : {}),
    connectionTimeoutMillis: seconds > 0 ? seconds * 1000 : CONNECT_TIMEOUT_MS,
    keepAlive: true,
  };
}
