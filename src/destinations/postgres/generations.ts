/**
 * PostgreSQL's part of generations: publishers take turns by an advisory lock, and never wait long for readers while they
 * hold what readers want.
 */
import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { TidemarkError } from "../../pipeline/errors";
import type { Generations } from "../generations";
import { type GenerationsVendor, generationsOf, type SchemaObject } from "../one-transaction/generations";
import { quoteName, quoteNames } from "../one-transaction/sql-text";
import type { PostgresDatabase } from "./database";
import { stateSaid } from "./errors";
import { type Locking, Publication } from "./publication";
import { holderOf } from "./relations";

/** PostgreSQL cuts longer names. */
const LONGEST_NAME = 63;
/** How long a step waits for readers before its attempt ends; Temporal begins others. */
const PATIENCE_MS = 60_000;
const PAUSES_MS = [100, 2_000] as const;
/** No statement waits longer, whatever the server's deadlock_timeout is: readers queue behind who waits. */
const LONGEST_WAIT_MS = 2_000;

export interface GenerationsOptions {
  patience_ms?: number;
}

export function postgresGenerations(
  db: PostgresDatabase,
  { patience_ms = PATIENCE_MS }: GenerationsOptions = {},
): Generations {
  /**
   * A session that waits for a lock looks for a deadlock once, after deadlock_timeout, and ends itself if it is in one.
   * Whoever publishes stops waiting earlier, so that this is never a reader.
   */
  let waitMs: Promise<number> | undefined;
  const longestWait = async () => {
    waitMs ??= db
      .count("SELECT setting AS n FROM pg_settings WHERE name = 'deadlock_timeout'")
      .then(n => Math.min(LONGEST_WAIT_MS, Math.max(1, Math.floor(n * 0.8))));
    return await waitMs;
  };
  let publication: Publication | undefined;
  let way: Locking["way"] = "probe";

  async function once<T>(schema: string, doing: string, work: () => Promise<T>): Promise<T> {
    const wait = await longestWait();
    publication = undefined;
    return await db.transaction(doing, async () => {
      await db.run(`SET LOCAL lock_timeout = ${wait}`);
      await db.run("SELECT pg_advisory_xact_lock($1)", [lockKey(schema)], "waiting for another publisher");
      return await work();
    });
  }

  async function alone<T>(schema: string, doing: string, work: () => Promise<T>): Promise<T> {
    const until = performance.now() + patience_ms;
    let pause: number = PAUSES_MS[0];
    for (way = "probe"; ; way = way === "probe" ? "queue" : "probe") {
      try {
        return await once(schema, doing, work);
      } catch (error) {
        if (!isInTheWay(error)) throw error;
        const holder = await holderOf(db, publication?.wanted ?? []);
        const who = holder ?? `another session that works on ${schema}`;
        if (performance.now() + pause > until) throw busy(db.name, doing, who, patience_ms);
        db.onProgress({
          step: "publish",
          phase: "waiting for readers",
          subject: schema,
          message: `${doing} waits for ${who}`,
        });
        if (way === "probe" && publication !== undefined) continue;
        // An aborted sleep rejects with its own error; the next statement throws the signal's reason.
        await sleep(pause * (0.5 + Math.random()), undefined, { signal: db.signal }).catch(() => undefined);
        pause = Math.min(pause * 2, PAUSES_MS[1]);
      }
    }
  }

  async function aloneOrNot<T>(schema: string, doing: string, work: () => Promise<T>) {
    try {
      return await once(schema, doing, work);
    } catch (error) {
      if (isInTheWay(error)) return undefined;
      throw error;
    }
  }

  /** From the catalog itself: information_schema leaves out what others own. */
  async function objectsOf(schema: string): Promise<SchemaObject[]> {
    const rows = await db.rows(
      "SELECT c.relname AS name, c.relkind = 'v' AS view FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace " +
        "WHERE n.nspname = $1 AND c.relkind IN ('r', 'p', 'v', 'm', 'f')",
      [schema],
      "looking at a generation",
    );
    return rows.map(({ name, view }) => ({ name: String(name), view: view === true }));
  }

  async function hasSchema(schema: string): Promise<boolean> {
    return (await db.count("SELECT count(*) AS n FROM pg_namespace WHERE nspname = $1", [schema])) > 0;
  }

  async function schemasWith(table: string): Promise<string[]> {
    const rows = await db.rows(
      "SELECT n.nspname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace " +
        "WHERE c.relname = $1 AND c.relkind = 'r' AND has_schema_privilege(n.oid, 'USAGE') ORDER BY 1",
      [table],
    );
    return rows.map(({ name }) => String(name));
  }

  /** dbt gives a table its constraints, indexes and comments when it makes it, and not when it goes on with it. */
  async function copy(from: string, into: string, doing: string): Promise<void> {
    await db.run(`CREATE TABLE ${into} (LIKE ${from} INCLUDING ALL)`, [], doing);
    const columns = await db.rows(
      "SELECT attname AS name FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = '' ORDER BY attnum",
      [into],
    );
    const names = quoteNames(columns.map(({ name }) => String(name)));
    await db.run(
      `INSERT INTO ${into} (${names}) OVERRIDING SYSTEM VALUE SELECT ${names} FROM ${from}`,
      [],
      doing,
    );
  }

  /** CASCADE would also take what others have built on it. */
  async function drop(schemas: readonly string[]): Promise<boolean> {
    const built = await db.rows(
      "SELECT DISTINCT vn.nspname || '.' || v.relname AS name FROM pg_depend d " +
        "JOIN pg_rewrite w ON w.oid = d.objid AND d.classid = 'pg_rewrite'::regclass " +
        "JOIN pg_class v ON v.oid = w.ev_class JOIN pg_namespace vn ON vn.oid = v.relnamespace " +
        "JOIN pg_class c ON c.oid = d.refobjid AND d.refclassid = 'pg_class'::regclass " +
        "JOIN pg_namespace n ON n.oid = c.relnamespace " +
        "WHERE n.nspname IN (SELECT json_array_elements_text($1)) AND vn.nspname NOT IN (SELECT json_array_elements_text($1)) " +
        // A selection's candidate shows what is live beside it: that goes with what it shows.
        "AND vn.nspname !~ '__candidate_[0-9]+$' ORDER BY 1",
      [JSON.stringify(schemas)],
    );
    if (built.length > 0) {
      db.onProgress({
        step: "publish",
        phase: "sweeping",
        message: `${schemas[0]} stays: ${built[0]!.name} is built on it`,
      });
      return false;
    }
    for (const schema of schemas) {
      await db.run(`DROP SCHEMA IF EXISTS ${quoteName(schema)} CASCADE`, [], "dropping a generation");
    }
    return true;
  }

  const swap: GenerationsVendor["swap"] = async (before, after) => {
    publication = new Publication(db, before, after);
    await publication.make({ way, ms: await longestWait() });
  };

  return generationsOf({
    db,
    longestName: LONGEST_NAME,
    ...{ alone, aloneOrNot, objectsOf, hasSchema, schemasWith, copy, swap, drop },
  });
}

/** Advisory locks have a number of 64 bits. */
function lockKey(schema: string): bigint {
  const hash = createHash("sha256")
    .update(JSON.stringify(["tidemark", "generations", schema]))
    .digest();
  return hash.readBigInt64BE(0);
}

/** lock_not_available, query_canceled by a time-out, deadlock_detected. */
function isInTheWay(error: unknown): boolean {
  return ["55P03", "57014", "40P01"].includes(stateSaid(error) ?? "");
}

function busy(name: string, doing: string, who: string, patience: number): TidemarkError {
  return new TidemarkError(
    "DESTINATION_BUSY",
    `${name}, ${doing}: gave up after ${Math.round(patience / 1000)} s of waiting for ${who}. Readers see what they saw. End that transaction, or let it end: the step is tried again, and \`tidemark publish <pipeline>\` does it later.`,
    { step: "publish" },
  );
}
