/** The SQL sources beside dlt's on one PostgreSQL: same tables, columns, types, rows, schemas, and same refusals. */
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { inflateSync } from "node:zlib";
import { DuckDBInstance } from "@duckdb/node-api";
import type { PostgresServer } from "../../demo/postgres-server";
import { TidemarkError } from "../../src/pipeline/errors";
import type { SourceSpec } from "../../src/pipeline/spec";
import { sqlDatabaseSource, sqlTableSource } from "../../src/sources/sql/sql-source";
import { toolPaths } from "../../src/tools";
import { Engine } from "../support/engine";
import { execute, startTestPostgres } from "../support/postgres";
import { casesOf } from "../support/whole";
import { CASES as ALL, createCursorTables, type ParityCase, type Phase, TABLES } from "./sql-parity/cases";
import { DIFFERENCES } from "./sql-parity/differences";
import { createTypes } from "./sql-parity/type-tables";

/** Types are held by test/contract/sql-types too, so two thirds will do for pull requests. */
const CASES = casesOf(ALL, (_, index) => index % 3 !== 1);

interface Failure {
  step: string;
  classes?: string[];
  code?: string;
}

let server: PostgresServer;
let folder: string;
let dltFailures: { [name: string]: Failure[] };

beforeAll(async () => {
  const python = toolPaths(process.env).parityPython;
  if (python === undefined) throw new Error("The tests need dlt: run `node setup/main.mjs --parity`.");
  folder = mkdtempSync(join(tmpdir(), "tidemark-sql-parity-"));
  server = await startTestPostgres();
  await execute(server.adminDsn, [...createTypes(), ...TABLES, ...createCursorTables()]);
  // two processes, as many as small machines have cores
  const parts = [0, 1].map(part => CASES.filter((_, index) => index % 2 === part));
  const results = await Promise.all(parts.map((cases, part) => runDlt(python, cases, part)));
  dltFailures = Object.assign({}, ...results);
}, 600_000);
afterAll(async () => {
  await server?.stop();
  if (folder) rmSync(folder, { recursive: true, force: true });
});

async function runDlt(
  python: string,
  cases: ParityCase[],
  part: number,
): Promise<{ [name: string]: Failure[] }> {
  const plan = join(folder, `plan-${part}.json`);
  mkdirSync(join(folder, "dlt"), { recursive: true });
  writeFileSync(plan, JSON.stringify({ dsn: server.adminDsn, folder: join(folder, "dlt"), cases }));
  const script = join(__dirname, "sql-parity", "dlt_sql.py");
  const { stdout } = await promisify(execFile)(python, [script, plan], { maxBuffer: 1 << 26, cwd: folder });
  return JSON.parse(stdout.slice(stdout.lastIndexOf("\n") + 1));
}

async function runOurs({ phases }: ParityCase, engine: Engine): Promise<Failure[]> {
  const failures: Failure[] = [];
  for (const phase of phases) {
    try {
      await runPhase(phase, engine);
    } catch (error) {
      if (!(error instanceof TidemarkError)) throw error;
      failures.push({ step: error.step ?? "create", code: error.code });
      rmSync(engine.root, { recursive: true, force: true });
    }
  }
  return failures;
}

async function runPhase({ source: type, args }: Phase, engine: Engine): Promise<void> {
  const kind = type === "sql_table" ? sqlTableSource : sqlDatabaseSource;
  const name = type === "sql_table" ? "parity" : "sql_database";
  const part = { type, name, credentials: server.adminDsn, ...args } as unknown as SourceSpec;
  expect(kind.check(part)).toEqual([]);
  const spec = engine.spec({ pipeline_name: "parity", source: { type, name } as SourceSpec });
  await engine.run(spec, await kind.create(part));
}

interface Dump {
  columns: { [table: string]: string[] };
  rows: { [table: string]: string[] };
  schemas: { [schema: string]: unknown };
  /** Of the last state, by schema: resources with their incremental. */
  cursors: unknown;
}

const LAST_STATE = "SELECT state FROM raw._dlt_pipeline_state ORDER BY version DESC LIMIT 1";

/** A spec writes times as texts; dlt marks that its initial value was a time. */
const MARKED_START = /"initial_value": *"(?:\\uf027|\uf027)/g;

function cursorsIn(blob: string): unknown {
  const text = inflateSync(Buffer.from(blob, "base64")).toString().replace(MARKED_START, '"initial_value":"');
  return (JSON.parse(text) as { sources?: unknown }).sources ?? {};
}

const STEPS = ["create", "extract", "normalize", "load"];
const SYSTEM = /^_dlt/;

async function dump(path: string): Promise<Dump> {
  const instance = await DuckDBInstance.create(path, { access_mode: "READ_ONLY" });
  const connection = await instance.connect();
  const query = async (sql: string) => (await connection.runAndReadAll(sql)).getRowObjectsJson();
  try {
    const columns: Dump["columns"] = {};
    const found = await query(
      "SELECT table_name AS t, column_name AS c, data_type || CASE WHEN is_nullable THEN '' ELSE ' NOT NULL' END AS type FROM duckdb_columns() WHERE schema_name = 'raw' ORDER BY table_name, column_index",
    );
    for (const { t, c, type } of found) {
      if (SYSTEM.test(String(t))) continue;
      columns[String(t)] ??= [];
      columns[String(t)]!.push(`${c} ${type}`);
    }
    const rows: Dump["rows"] = {};
    for (const table of Object.keys(columns)) {
      const some = await query(`SELECT COLUMNS(c -> NOT starts_with(c, '_dlt')) FROM raw."${table}"`);
      rows[table] = some.map(row => JSON.stringify(row)).sort();
    }
    const schemas: Dump["schemas"] = {};
    const has = await query("SELECT 1 FROM duckdb_tables() WHERE table_name = '_dlt_version'");
    for (const { schema } of has.length === 0
      ? []
      : await query("SELECT schema FROM raw._dlt_version ORDER BY inserted_at")) {
      const stored = JSON.parse(String(schema)) as { name: string; tables: { [table: string]: unknown } };
      schemas[stored.name] = Object.fromEntries(
        Object.entries(stored.tables).filter(([name]) => !SYSTEM.test(name)),
      );
    }
    const [state] = has.length === 0 ? [] : await query(LAST_STATE);
    return { columns, rows, schemas, cursors: state === undefined ? {} : cursorsIn(String(state.state)) };
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

describe.each(CASES)("$name", parityCase => {
  const { name } = parityCase;
  test("same outcome", async () => {
    const engine = new Engine();
    try {
      const failures = await runOurs(parityCase, engine);
      const difference = DIFFERENCES[name];
      if (difference) {
        const ours = failures.length > 0 ? { failures } : { ...(await dump(engine.databasePath)) };
        expect(ours).toMatchObject(difference.ours);
        return;
      }
      const theirs = dltFailures[name] ?? [];
      expect({ theirs, count: failures.length }).toEqual({ theirs, count: theirs.length });
      // in the same step or an earlier one
      for (const [index, { step }] of failures.entries())
        expect(STEPS.indexOf(step)).toBeLessThanOrEqual(STEPS.indexOf(theirs[index]!.step));
      if (theirs.length > 0) {
        expect(name).toMatch(/_type_|_cursor_raise$/);
        return;
      }
      const dlt = await dump(join(folder, "dlt", `${name}.duckdb`));
      expect(Object.values(dlt.columns).length).toBeGreaterThan(0);
      expect(await dump(engine.databasePath)).toEqual(dlt);
    } finally {
      engine.remove();
    }
  });
});
