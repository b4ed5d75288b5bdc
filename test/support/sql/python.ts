/** What dlt's own parts make of connection strings: SQLAlchemy takes them apart, psycopg2 (libpq) connects. */
import { execFileSync } from "node:child_process";
import { toolPaths } from "../../../src/tools";

function run<T>(script: string, input: unknown, env?: { HOME: string }): T {
  const python = toolPaths(process.env).parityPython;
  if (python === undefined) throw new Error("The tests need dlt: run `node setup/main.mjs --parity`.");
  const out = execFileSync(python, ["-c", script], { input: JSON.stringify(input), ...(env ? { env } : {}) });
  return JSON.parse(out.toString()) as T;
}

type Parts = [
  user?: string,
  password?: string,
  host?: string,
  port?: number,
  database?: string,
  query?: { [name: string]: string },
];

export function makeUrls(dsns: readonly string[]): Parts[] {
  return run(
    `import json, sys
from sqlalchemy.engine import make_url
print(json.dumps([[u.username, u.password, u.host, u.port, u.database, dict(u.query)] for u in map(make_url, json.load(sys.stdin))]))`,
    dsns,
  );
}

/** "TLS", "plain" or "refused" for each. */
export function askPsycopg2(dsns: readonly string[], home: string): string[] {
  return run(
    `import json, sys, psycopg2
def ask(dsn):
    try:
        with psycopg2.connect(dsn) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
            return "TLS" if cursor.fetchone()[0] else "plain"
    except Exception:
        return "refused"
print(json.dumps([ask(dsn) for dsn in json.load(sys.stdin)]))`,
    dsns,
    { HOME: home },
  );
}
