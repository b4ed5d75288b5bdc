/**
 * Views of the live schema, from one generation to the next. A view keeps what people gave it: grants, comments, options,
 * and the views of others that read it; what dbt gave the object behind it (its grants, its comments) passes over to it.
 */
import { type PublishedObject, refused, some, suffixOf } from "../generations";
import { builtAt, seenAt } from "../one-transaction/generations";
import { quoteName, quoteText } from "../one-transaction/sql-text";
import type { PostgresDatabase } from "./database";
import { dependentsOf, type Grant, keyOf, type Named, type Relation, relationsOf } from "./relations";

const TABLES = ["r", "p"];
const DOING = "publishing";
/** One probe waits this long for a lock, and probes go on for this long. */
const PROBE_MS = 10;
const PROBING_MS = 1_000;

/**
 * "probe": looks again and again for a moment without readers; nobody waits for us. "queue": readers queue behind us until
 * those who were first have ended, where there is no such moment. `ms`: the longest wait while others may wait for us.
 */
export interface Locking {
  way: "probe" | "queue";
  ms: number;
}

export class Publication {
  /** What must not be read while it changes. */
  wanted: Named[] = [];

  constructor(
    private readonly db: PostgresDatabase,
    private readonly before: readonly PublishedObject[],
    private readonly after: readonly PublishedObject[],
  ) {}

  /** Inside a transaction. */
  async make(locking: Locking): Promise<void> {
    const { db } = this;
    const stays = new Set(this.after.map(keyOf));
    const now = new Map(this.before.map(object => [keyOf(object), object]));
    const leaving = this.before.filter(object => !stays.has(keyOf(object)));
    const all = await relationsOf(db, [...this.after, ...leaving]);
    const changing = this.after.filter(
      object =>
        all.get(keyOf(object))?.kind !== "v" || now.get(keyOf(object))?.generation !== object.generation,
    );
    requireReplaceable(changing.flatMap(object => all.get(keyOf(object)) ?? []));

    this.wanted = [...changing, ...leaving].filter(object => all.has(keyOf(object)));
    await this.lock([...all.values()], locking);
    const live = await relationsOf(db, this.wanted);
    const built = await relationsOf(db, [...this.before, ...changing].map(behind));
    const of = (object: PublishedObject | undefined) => object && built.get(keyOf(behind(object)));

    const kept = changing.filter(object => keepsView(live.get(keyOf(object)), of(object)));
    for (const object of kept)
      await this.createView(object, live.get(keyOf(object)), "CREATE OR REPLACE VIEW");
    const renewed = changing.filter(object => !kept.includes(object));
    await this.drop([...leaving, ...renewed].flatMap(object => live.get(keyOf(object)) ?? []));
    for (const object of renewed) await this.createView(object, live.get(keyOf(object)), "CREATE VIEW");
    const seen = await relationsOf(db, changing);
    for (const object of changing) {
      const key = keyOf(object);
      await this.hand(seen.get(key)!, live.get(key), of(now.get(key)), of(object)!);
    }
  }

  /**
   * All of them before anything is changed: a reader that holds one and waits for another would be in a deadlock with us,
   * and the server might end the reader. LOCK TABLE would also lock the tables that a view reads; an owner that stays the
   * same changes nothing, and asks for the same lock.
   */
  private async lock(relations: readonly Relation[], { way, ms }: Locking): Promise<void> {
    const wanted = new Set(this.wanted.map(keyOf));
    const locks = relations
      .filter(relation => wanted.has(keyOf(relation)))
      .map(relation => `ALTER TABLE ${seenAt(relation)} OWNER TO ${quoteName(relation.owner)};`)
      .sort();
    if (locks.length === 0) return;
    if (way === "queue") {
      // One time-out for all of them together.
      await this.db.run(`SET LOCAL statement_timeout = ${ms}`);
      await this.db.run(`DO ${quoteText(`BEGIN ${locks.join(" ")} END`)}`, [], DOING);
      await this.db.run("SET LOCAL statement_timeout TO DEFAULT");
      return;
    }
    const each = Math.max(1, Math.min(PROBE_MS, Math.floor(ms / locks.length)));
    // A block that ends in an exception gives its locks back.
    const probes = `DECLARE began timestamptz := clock_timestamp();
      BEGIN LOOP
        BEGIN ${locks.join(" ")} RETURN;
        EXCEPTION WHEN lock_not_available THEN
          IF clock_timestamp() - began > interval '${PROBING_MS} milliseconds' THEN RAISE; END IF;
        END;
        PERFORM pg_sleep(0.01 + random() * 0.03);
      END LOOP; END`;
    await this.db.run(`SET LOCAL lock_timeout = ${each}`);
    await this.db.run(`DO ${quoteText(probes)}`, [], DOING);
    await this.db.run(`SET LOCAL lock_timeout = ${ms}`);
  }

  private async createView(object: PublishedObject, was: Relation | undefined, verb: string): Promise<void> {
    // Options that are not said again would be lost.
    const options = was?.kind === "v" && was.options.length > 0 ? ` WITH (${was.options.join(", ")})` : "";
    const { schema, name } = object;
    await this.db.run(
      `${verb} ${seenAt(object)}${options} AS SELECT * FROM ${builtAt(object)}`,
      [],
      `publishing ${schema}.${name}`,
    );
  }

  private async drop(gone: readonly Relation[]): Promise<void> {
    const dependents = await dependentsOf(this.db, gone);
    if (dependents.length > 0) {
      throw refused(
        `${some(dependents)} would be lost: built on ${some(gone.map(({ schema, name }) => `${schema}.${name}`))}, of which columns change or go, or which was a table until now. Drop it, \`tidemark publish\`, and make it again.`,
      );
    }
    // Views before tables, all of a kind at once: they may need one another.
    for (const [kind, of] of [
      ["VIEW", gone.filter(({ kind }) => !TABLES.includes(kind))],
      ["TABLE", gone.filter(({ kind }) => TABLES.includes(kind))],
    ] as const) {
      if (of.length > 0) await this.db.run(`DROP ${kind} ${of.map(seenAt).join(", ")}`, [], DOING);
    }
  }

  /**
   * @param view as it is now
   * @param was what readers saw under its name
   * @param left behind it until now
   * @param next behind it from now on
   */
  private async hand(
    view: Relation,
    was: Relation | undefined,
    left: Relation | undefined,
    next: Relation,
  ): Promise<void> {
    const has = (grants: readonly Grant[] | undefined, one: Grant) =>
      grants?.some(other => grantKey(other) === grantKey(one)) === true;
    const columns = new Set(view.columns.map(({ name }) => name));
    // What dbt had granted and grants no more goes.
    const wanted = [...(was?.grants ?? []).filter(one => !has(left?.grants, one)), ...next.grants];
    const revoked = view.grants.filter(one => has(left?.grants, one) && !has(next.grants, one));
    const granted = wanted.filter(
      one => !has(view.grants, one) && (one.column === null || columns.has(one.column)),
    );
    for (const one of revoked) await this.db.run(`REVOKE ${grantText(one, view, "FROM")}`, [], DOING);
    for (const one of granted) {
      const option = one.grantable ? " WITH GRANT OPTION" : "";
      await this.db.run(`GRANT ${grantText(one, view, "TO")}${option}`, [], DOING);
    }
    for (const [column, text] of Object.entries({ ...was?.comments, ...next.comments })) {
      if (view.comments[column] === text || (column !== "" && !columns.has(column))) continue;
      const of = column === "" ? `VIEW ${seenAt(view)}` : `COLUMN ${seenAt(view)}.${quoteName(column)}`;
      await this.db.run(`COMMENT ON ${of} IS ${quoteText(text)}`, [], DOING);
    }
  }
}

const behind = ({ schema, name, generation }: PublishedObject): Named => ({
  schema: schema + suffixOf(generation),
  name,
});

/** CREATE OR REPLACE VIEW may add columns at the end, and nothing else. */
function keepsView(view: Relation | undefined, next: Relation | undefined): boolean {
  if (view?.kind !== "v" || next === undefined) return false;
  return view.columns.every(
    ({ name, type }, i) => next.columns[i]?.name === name && next.columns[i]?.type === type,
  );
}

function requireReplaceable(relations: readonly Relation[]): void {
  for (const { schema, name, kind, row_security } of relations) {
    if (kind !== "v" && !TABLES.includes(kind)) {
      throw refused(
        `${schema}.${name} is there, and neither a view nor a table that dbt builds. Move it elsewhere, then \`tidemark publish\`.`,
      );
    }
    if (row_security) {
      throw refused(
        `${schema}.${name} has row security, which a view in its place would not have: rows would be shown that are not meant to be. Disable it or rename the table, then \`tidemark publish\`.`,
      );
    }
  }
}

function grantKey({ role, privilege, column, grantable }: Grant): string {
  return JSON.stringify([role, privilege, column, grantable]);
}

function grantText({ role, privilege, column }: Grant, view: Relation, word: "TO" | "FROM"): string {
  const of = column === null ? "" : ` (${quoteName(column)})`;
  return `${privilege}${of} ON ${seenAt(view)} ${word} ${role === null ? "PUBLIC" : quoteName(role)}`;
}
