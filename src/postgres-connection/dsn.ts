/**
 * Connection strings as parameters. A URL is taken apart as SQLAlchemy's `make_url` does, so that in a password only
 * "@" must be escaped; hosts may be several, as in libpq's URLs. No problem that is told holds a part of the text.
 */
import { ALIASES, PARAMETERS } from "../postgres-connection/connection-parameters";

export type Given = { [parameter: string]: string };

/** What is wrong with a text; never with a part of it. */
export class UnreadableDsn extends Error {}

const URL_PARTS = /^([\w+]+):\/\/(?:([^:/]*)(?::([^@]*))?@)?([^/?]*)(?:\/([^?]*))?(?:\?(.*))?$/s;
const DRIVER = /^postgres(ql)?(\+\w+)?$/;
const AT =
  'an "@" too many: write the one of user or password as %40 (and in a user ":" as %3A, "/" as %2F), so that it is not taken for the end of the password';

/** Python's `unquote`: what is no escape stays as it is. */
export function unquote(text: string): string {
  return text.replace(/(?:%[0-9a-fA-F]{2})+/g, escapes =>
    Buffer.from(escapes.replaceAll("%", ""), "hex").toString("utf8"),
  );
}

/** @throws UnreadableDsn */
export function checkDriver(name: string): void {
  if (!DRIVER.test(name)) throw new UnreadableDsn("name a driver other than postgresql");
}

/**
 * `postgresql://user:password@host:port/database?parameter=value` or `host=… dbname=…`
 * @throws UnreadableDsn
 */
export function readDsn(text: string): Given {
  const dsn = text.trim();
  if (dsn.includes("://")) return fromUrl(dsn);
  if (/^\w+\s*=/.test(dsn)) return fromKeywords(dsn);
  throw new UnreadableDsn("are no DSN");
}

function fromUrl(dsn: string): Given {
  const parts = URL_PARTS.exec(dsn);
  if (parts === null) throw new UnreadableDsn("are no DSN");
  const [, driver, user, password, authority = "", database, query] = parts;
  checkDriver(driver!);
  const inQuery = query === undefined ? {} : fromQuery(query);
  // a password may go on behind its "@": then host, database and names of parameters hold a part of it
  const isTorn =
    `${authority}${database ?? ""}`.includes("@") ||
    (user !== undefined && query?.includes("@") && !areKnown(inQuery));
  if (isTorn) throw new UnreadableDsn(`hold ${AT}`);
  const given: Given = {};
  if (user) given.user = unquote(user);
  if (password) given.password = unquote(password);
  Object.assign(given, hostsOf(authority));
  if (database) given.dbname = unquote(database);
  return { ...given, ...inQuery };
}

const areKnown = (given: Given) => Object.keys(given).every(name => Object.hasOwn(PARAMETERS, name));

const HOST = /^(?:\[([^\]]+)\]|([^:]*))(?::(\d*))?$/;

/** `a:1,b` as host `a,b` and port `1,`. */
function hostsOf(authority: string): Given {
  if (authority === "") return {};
  const hosts: string[] = [];
  const ports: string[] = [];
  for (const one of authority.split(",")) {
    const match = HOST.exec(one);
    if (match === null) {
      throw new UnreadableDsn(
        'hold a port that is no number; in user or password "@" must be written as %40, in a user ":" as %3A and "/" as %2F',
      );
    }
    hosts.push(unquote(match[1] ?? match[2]!));
    ports.push(match[3] ?? "");
  }
  const given: Given = {};
  if (hosts.some(host => host !== "")) given.host = hosts.join(",");
  if (ports.some(port => port !== "")) given.port = ports.join(",");
  return given;
}

/** SQLAlchemy lists several hosts as `host=a:1&host=b:2`, libpq as `host=a,b&port=1,2`. */
function fromQuery(query: string): Given {
  const given: Given = {};
  const hosts: string[] = [];
  for (const [key, value] of new URLSearchParams(query)) {
    const name = ALIASES[key] ?? key;
    if (name === "host") hosts.push(value);
    else given[name] = value;
  }
  if (hosts.length === 0) return given;
  const isSocket = hosts.every(host => host.startsWith("/"));
  const own = isSocket || (hosts.length === 1 && hosts[0]!.includes(","));
  return { ...given, ...(own ? { host: hosts.join(",") } : hostsOf(hosts.join(","))) };
}

/** libpq's `keyword = 'value'`; a backslash takes the next character as it is. */
function fromKeywords(text: string): Given {
  const given: Given = {};
  const pair = /\s*(\w+)\s*=\s*(?:'((?:[^'\\]|\\.)*)'|((?:[^\s'\\]|\\.)(?:[^\s\\]|\\.)*|))(?=\s|$)/suy;
  while (pair.lastIndex < text.length && text.slice(pair.lastIndex).trim() !== "") {
    const match = pair.exec(text);
    if (match === null) {
      throw new UnreadableDsn(
        'are no DSN: after a "keyword=" a value with blanks stands in single quotes, and "\'" and "\\" follow a backslash',
      );
    }
    const [, key, quoted, plain] = match;
    given[ALIASES[key!] ?? key!] = (quoted ?? plain ?? "").replace(/\\(.)/gs, "$1");
  }
  return given;
}
