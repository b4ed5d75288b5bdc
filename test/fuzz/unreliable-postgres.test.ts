/**
 * A PostgreSQL that cancels statements, ends connections and restarts at random while it is read: every row comes once,
 * statements and memory stay bounded. FUZZ_SECONDS lets it run as long as wanted (a soak), FUZZ_SEED chooses the faults.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { Client } from "pg";
import { pageRows } from "../../src/columns/column-values";
import { TidemarkError } from "../../src/pipeline/errors";
import type { Json, SourceSpec } from "../../src/pipeline/spec";
import type { Resource, SourceType } from "../../src/sources/source";
import { postgresSource, sqlTableSource } from "../../src/sources/sql/sql-source";
import { execute } from "../support/postgres";
import { dsnOf, type RuledServer, startRuledServer } from "../support/sql/servers";
import { SteadyMemory } from "../support/steady-memory";

const SEED = Number(process.env.FUZZ_SEED ?? 20260101);
const SECONDS = Number(process.env.FUZZ_SECONDS ?? 20);
const KEYED_ROWS = 100_000;
const KEYLESS_ROWS = 2_000;
/** Attempts without a single new row. */
const MOST_IN_VAIN = 40;

let server: RuledServer;
beforeAll(async () => {
  server = await startRuledServer();
  await execute(server.adminDsn, [
    "CREATE ROLE reader LOGIN PASSWORD 'reader'",
    "CREATE TABLE keyed (id int PRIMARY KEY, v text, n numeric(12,2), at timestamp)",
    `INSERT INTO keyed SELECT i, repeat(md5(i::text), 4), i / 4.0, timestamp '2026-01-01' + i * interval '1 second'
       FROM generate_series(1, ${KEYED_ROWS}) i`,
    `CREATE VIEW keyless AS SELECT id, v FROM keyed WHERE id <= ${KEYLESS_ROWS}`,
    "GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader",
  ]);
});
afterAll(() => server?.stop());

function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

type Fault = "cancel" | "terminate" | "restart" | "refuse";
const FAULTS: Fault[] = ["cancel", "cancel", "cancel", "terminate", "terminate", "refuse", "restart"];
const KINDS = [...new Set(FAULTS)];

async function strike(fault: Fault): Promise<void> {
  if (fault === "restart") return await server.restart();
  const admin = new Client({ connectionString: server.adminDsn });
  await admin.connect();
  try {
    if (fault === "refuse") {
      // Nobody new comes in for a moment, and who is there goes.
      await admin.query("ALTER ROLE reader CONNECTION LIMIT 0");
      await admin.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'reader'");
      await sleep(200);
      await admin.query("ALTER ROLE reader CONNECTION LIMIT -1");
    } else {
      const end = fault === "cancel" ? "pg_cancel_backend" : "pg_terminate_backend";
      await admin.query(`SELECT ${end}(pid) FROM pg_stat_activity WHERE usename = 'reader'`);
    }
  } finally {
    await admin.end();
  }
}

async function resource(type: SourceType, part: object): Promise<Resource> {
  const spec = { type: type.type, name: "db", credentials: dsnOf(server, "reader"), ...part };
  return (await type.create(spec as unknown as SourceSpec)).resources[0]!;
}

interface Read {
  rows: number;
  /** Rows that came twice. */
  doubled: number;
  statements: number;
  attempts: number;
}

/** As the activity does: what a transient error cut goes on at the last place, or from the start where there is none. */
async function readAll(make: () => Promise<Resource>, most: number): Promise<Read> {
  const seen = new Uint8Array(most + 1);
  const read: Read = { rows: 0, doubled: 0, statements: 0, attempts: 0 };
  let resume: Json | undefined;
  for (let inVain = 0; ; inVain++) {
    read.attempts++;
    try {
      const pages = (await make()).open({
        signal: new AbortController().signal,
        attempts: 1,
        onRequest: () => read.statements++,
        ...(resume === undefined ? {} : { resume }),
      });
      for await (const page of pages) {
        for (const row of page.columns ? pageRows(page.columns) : page.rows) {
          const id = Number(row.id);
          if (seen[id]! > 0) read.doubled++;
          else read.rows++;
          seen[id] = 1;
        }
        if (page.resume !== undefined) {
          resume = page.resume;
          inVain = 0;
        }
      }
      return read;
    } catch (error) {
      if (!(error instanceof TidemarkError) || error.kind === "terminal" || inVain === MOST_IN_VAIN)
        throw error;
      // What cannot be gone on after is thrown away by the step.
      if (resume === undefined) {
        seen.fill(0);
        read.rows = 0;
        read.doubled = 0;
      }
      // A server that restarts on a busy machine needs seconds; the pause grows as that of the step does.
      await sleep(50 * Math.min(inVain + 1, 20));
    }
  }
}

test(
  "every row once, whatever the server does",
  async () => {
    const started = Date.now();
    const met = new Map<Fault, number>();
    const memory = new SteadyMemory();
    const isOver = () => Date.now() - started >= SECONDS * 1000 && KINDS.every(kind => met.has(kind));
    for (let round = 0; round < 2 || !isOver(); round++) {
      const next = random(SEED + round);
      let done = false;
      let faults = 0;
      const striking = (async () => {
        while (!done) {
          await sleep(200 + next() * 1_500);
          if (done) break;
          const fault = FAULTS[Math.floor(next() * FAULTS.length)]!;
          await strike(fault);
          met.set(fault, (met.get(fault) ?? 0) + 1);
          faults++;
        }
      })();
      const reads = await Promise.all([
        readAll(() => resource(sqlTableSource, { table: "keyed", backend: "pyarrow" }), KEYED_ROWS),
        readAll(() => resource(sqlTableSource, { table: "keyed", chunk_size: 5_000 }), KEYED_ROWS),
        readAll(() => resource(sqlTableSource, { table: "keyless" }), KEYLESS_ROWS),
        readAll(
          () => resource(postgresSource, { resources: [{ name: "q", query: "SELECT id, v FROM keyless" }] }),
          KEYLESS_ROWS,
        ),
      ]).finally(() => {
        done = true;
      });
      await striking;
      const [arrow, rows, view, query] = reads;
      for (const read of [arrow, rows]) expect(read).toMatchObject({ rows: KEYED_ROWS, doubled: 0 });
      for (const read of [view, query]) expect(read).toMatchObject({ rows: KEYLESS_ROWS, doubled: 0 });
      // After a cut statements grow from 64 rows by eight times each: a dozen are a whole table.
      for (const read of reads) expect(read!.statements).toBeLessThanOrEqual((faults + 1) * 30);
      const now = memory.check();
      if (process.env.SHOW) {
        const each = reads.map(one => `${one.statements}/${one.attempts}`).join(" ");
        process.stderr.write(`round ${round}: ${faults} faults, statements/attempts ${each}, ${now}\n`);
      }
    }
  },
  (SECONDS + 240) * 1000,
);
