/**
 * libpq's connection parameters (PostgreSQL manual: "Parameter Key Words"), one row each: what it may be, the
 * environment variable that stands in for it, and what is done here. What is not done is refused by name.
 */

export interface Parameter {
  /** The variable that libpq reads when the parameter is given nowhere else. */
  env?: string;
  /** Why a value is not taken, or undefined when it is. */
  problem: (value: string) => string | undefined;
  /** For the documentation: what it does. Undefined: nothing here does what it asks for. */
  does?: string;
}

type Check = Parameter["problem"];

const any: Check = () => undefined;

function oneOf(...values: string[]): Check {
  return value => (values.includes(value) ? undefined : `must be ${values.join(", ")}`);
}

/** Of libpq's values some have no effect here that could be kept. */
function only(values: string[], why: string): Check {
  return value =>
    values.includes(value) ? undefined : `is supported as ${values.join(" or ")} only: ${why}`;
}

const whole: Check = value => (/^\s*\d+\s*$/.test(value) ? undefined : "must be a whole number");
const ports: Check = value =>
  value
    .split(",")
    .every(port => port === "" || (/^\d+$/.test(port) && Number(port) < 65_536 && Number(port) > 0))
    ? undefined
    : "must be a number from 1 to 65535, or one for each host with commas between";

function unsupported(why: string): Parameter {
  return { problem: () => `is not supported: ${why}` };
}

const TLS_VERSIONS = oneOf("TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3");

export const SSL_MODES = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"] as const;
export type SslMode = (typeof SSL_MODES)[number];

export const SESSION_ATTRIBUTES = [
  "any",
  "read-write",
  "read-only",
  "primary",
  "standby",
  "prefer-standby",
] as const;
export type SessionAttributes = (typeof SESSION_ATTRIBUTES)[number];

const NO_GSS = "this client has no GSSAPI";

export const PARAMETERS: { [name: string]: Parameter } = {
  host: {
    env: "PGHOST",
    problem: any,
    does: "a name, an address, the folder of a Unix socket (begins with `/`), or several with commas between, tried in order",
  },
  hostaddr: {
    env: "PGHOSTADDR",
    problem: any,
    does: "the address to connect to; `host` is then only what the certificate is checked for",
  },
  port: { env: "PGPORT", problem: ports, does: "5432 by default; one for all hosts, or one for each" },
  dbname: { env: "PGDATABASE", problem: any, does: "default: the user's name" },
  user: { env: "PGUSER", problem: any, does: "default: the name of the system's user" },
  password: { env: "PGPASSWORD", problem: any, does: "blanks around it are cut off, as dlt does" },
  passfile: {
    env: "PGPASSFILE",
    problem: any,
    does: "where the password is looked up when none is given; default: `~/.pgpass`. Others must not be able to read it",
  },
  service: {
    env: "PGSERVICE",
    problem: any,
    does: "a section of the service file, for all that is not given itself",
  },
  servicefile: {
    env: "PGSERVICEFILE",
    problem: any,
    does: "default: `~/.pg_service.conf`, then `pg_service.conf` in `PGSYSCONFDIR`",
  },
  connect_timeout: {
    env: "PGCONNECT_TIMEOUT",
    problem: whole,
    does: "seconds for each host, at least 2; 0: no limit; default: 15",
  },
  application_name: { env: "PGAPPNAME", problem: any, does: "default: `tidemark`" },
  fallback_application_name: { problem: any, does: "when there is no `application_name`" },
  options: {
    env: "PGOPTIONS",
    problem: any,
    does: "settings of the session, such as `-c statement_timeout=0`",
  },
  client_encoding: {
    env: "PGCLIENTENCODING",
    problem: value =>
      ["utf8", "utf-8", "unicode", "auto"].includes(value.toLowerCase())
        ? undefined
        : "is supported as UTF8 only: the server converts every text to it",
    does: "`UTF8` or `auto`: texts always come as UTF-8",
  },
  keepalives: { problem: oneOf("0", "1"), does: "1 by default" },
  keepalives_idle: { problem: whole, does: "seconds" },
  keepalives_interval: {
    problem: whole,
    does: "taken, but fixed: after `keepalives_idle` the runtime probes every second",
  },
  keepalives_count: {
    problem: whole,
    does: "taken, but fixed: ten probes without an answer end the connection",
  },
  tcp_user_timeout: {
    problem: only(["0"], "the runtime cannot set it; use keepalives_idle"),
    does: "only 0",
  },
  target_session_attrs: {
    env: "PGTARGETSESSIONATTRS",
    problem: oneOf(...SESSION_ATTRIBUTES),
    does: "the first host that is so: `any`, `read-write`, `read-only`, `primary`, `standby`, `prefer-standby`",
  },
  load_balance_hosts: {
    env: "PGLOADBALANCEHOSTS",
    problem: oneOf("disable", "random"),
    does: "`random`: the hosts in any order",
  },
  sslmode: {
    env: "PGSSLMODE",
    problem: oneOf(...SSL_MODES),
    does: "`prefer` by default, as libpq: TLS where the server has it. A Unix socket never has",
  },
  sslnegotiation: {
    env: "PGSSLNEGOTIATION",
    problem: oneOf("postgres", "direct"),
    does: "`direct` spares a round trip (PostgreSQL 17)",
  },
  sslrootcert: {
    env: "PGSSLROOTCERT",
    problem: any,
    does: "file of authorities; `system`: those of the runtime, and then `verify-full`. With it `require` checks as `verify-ca` does. Default: `~/.postgresql/root.crt` where it exists, for `verify-…` else the runtime's",
  },
  sslcert: {
    env: "PGSSLCERT",
    problem: any,
    does: "client certificate; default: `~/.postgresql/postgresql.crt`",
  },
  sslkey: {
    env: "PGSSLKEY",
    problem: any,
    does: "its key, which others must not be able to read; default: `~/.postgresql/postgresql.key`",
  },
  sslpassword: { problem: any, does: "of an encrypted key" },
  sslcertmode: {
    env: "PGSSLCERTMODE",
    problem: only(["disable", "allow"], "whether the server asked is not known here"),
    does: "`allow` by default; `disable`: no client certificate",
  },
  sslcrl: { env: "PGSSLCRL", problem: any, does: "file of revoked certificates" },
  ssl_min_protocol_version: {
    env: "PGSSLMINPROTOCOLVERSION",
    problem: TLS_VERSIONS,
    does: "default: TLSv1.2",
  },
  ssl_max_protocol_version: {
    env: "PGSSLMAXPROTOCOLVERSION",
    problem: TLS_VERSIONS,
    does: "default: the newest",
  },
  sslcompression: {
    env: "PGSSLCOMPRESSION",
    problem: only(["0"], "no server has it any more"),
    does: "only 0",
  },
  sslsni: { env: "PGSSLSNI", problem: only(["1"], "the host's name is always sent"), does: "only 1" },
  gssencmode: {
    env: "PGGSSENCMODE",
    problem: only(["disable", "prefer"], NO_GSS),
    does: "`disable` or `prefer`, which are the same here",
  },
  channel_binding: {
    env: "PGCHANNELBINDING",
    problem: only(["disable", "prefer"], "verify-full says who is there"),
    does: "`disable` or `prefer`, which are the same here",
  },
  sslcrldir: { env: "PGSSLCRLDIR", ...unsupported("name one file in sslcrl") },
  requiressl: { env: "PGREQUIRESSL", ...unsupported("say sslmode=require") },
  requirepeer: { env: "PGREQUIREPEER", ...unsupported("the owner of a socket is not known here") },
  require_auth: { env: "PGREQUIREAUTH", ...unsupported("the server chooses; verify-full says who is there") },
  krbsrvname: { env: "PGKRBSRVNAME", ...unsupported(NO_GSS) },
  gsslib: { env: "PGGSSLIB", ...unsupported(NO_GSS) },
  gssdelegation: { env: "PGGSSDELEGATION", ...unsupported(NO_GSS) },
  replication: unsupported("tables are read by queries"),
  min_protocol_version: { env: "PGMINPROTOCOLVERSION", ...unsupported("this client speaks version 3.0") },
  max_protocol_version: { env: "PGMAXPROTOCOLVERSION", ...unsupported("this client speaks version 3.0") },
  scram_client_key: unsupported("give the password"),
  scram_server_key: unsupported("give the password"),
  oauth_issuer: unsupported("there is no way to log in by a browser"),
  oauth_client_id: unsupported("there is no way to log in by a browser"),
  oauth_client_secret: unsupported("there is no way to log in by a browser"),
  oauth_scope: unsupported("there is no way to log in by a browser"),
  sslkeylogfile: unsupported("keys of connections are not written down"),
};

/** dlt's (SQLAlchemy's) names of the same. */
export const ALIASES: { [name: string]: string } = { username: "user", database: "dbname" };

/** The table of docs/sql-sources.md. */
export function printParameters(): string {
  const rows = Object.entries(PARAMETERS).map(([name, { env, does, problem }]) => {
    const what = does ?? `refused: ${problem("")?.replace("is not supported: ", "")}`;
    return `| \`${name}\` | ${env === undefined ? "" : `\`${env}\``} | ${what} |`;
  });
  return ["| parameter | variable | |", "|---|---|---|", ...rows].join("\n");
}
