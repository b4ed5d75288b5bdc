/** Generations where one transaction holds them: views in the live schema, swapped together with their bookkeeping. */
import {
  BOOKKEEPING,
  type CandidatePlan,
  type Generation,
  type GenerationOwner,
  type Generations,
  generationsToSweep,
  liveAfter,
  liveOf,
  type PublishedObject,
  publishProblem,
  RECORDS_KEPT,
  refused,
  schemasOfGeneration,
  shownBeside,
  suffixOf,
  toGeneration,
  wholeProblem,
} from "../generations";
import { quoteName } from "./sql-text";
import type { SqlDatabase } from "./sql-vendor";

export interface SchemaObject {
  name: string;
  view: boolean;
}

/** What DuckDB and PostgreSQL do differently. */
export interface GenerationsVendor {
  readonly db: Pick<SqlDatabase, "run" | "rows" | "transaction">;
  /** Longer names would be cut, in bytes. */
  readonly longestName?: number;
  /**
   * One transaction, in which nobody else changes the bookkeeping of the schema. It is tried anew where others are in the
   * way, so `work` may run several times.
   * @throws TidemarkError DESTINATION_BUSY
   */
  alone<T>(schema: string, doing: string, work: () => Promise<T>): Promise<T>;
  /** The same, but where others are in the way it is left: undefined. */
  aloneOrNot<T>(schema: string, doing: string, work: () => Promise<T>): Promise<T | undefined>;
  /** Tables, views and what else is found under a name; none where there is no such schema. */
  objectsOf(schema: string): Promise<SchemaObject[]>;
  hasSchema(schema: string): Promise<boolean>;
  /** Schemas that hold a table of this name. */
  schemasWith(table: string): Promise<string[]>;
  /** A table that dbt goes on with: rows, and what dbt gives a table only when it makes it. */
  copy(from: string, into: string, doing: string): Promise<void>;
  /** What readers see, from one state to the other; in the transaction of `alone`. @throws TidemarkError PUBLISH_REFUSED */
  swap(before: readonly PublishedObject[], after: readonly PublishedObject[]): Promise<void>;
  /** Drops these schemas with all that is in them. False: somebody has built on it, and it stays. */
  drop(schemas: readonly string[]): Promise<boolean>;
}

export function generationsOf(vendor: GenerationsVendor): Generations {
  const { db } = vendor;
  const bookkeeping = (schema: string) => `${quoteName(schema)}.${quoteName(BOOKKEEPING)}`;

  async function list(schema: string): Promise<Generation[]> {
    if (!(await vendor.objectsOf(schema)).some(({ name }) => name === BOOKKEEPING)) return [];
    const rows = await db.rows(
      `SELECT * FROM ${bookkeeping(schema)} ORDER BY generation DESC`,
      [],
      "reading generations",
    );
    return rows.map(toGeneration);
  }

  async function required(schema: string, generation: number): Promise<[Generation, Generation[]]> {
    const all = await list(schema);
    const chosen = all.find(one => one.generation === generation);
    if (chosen === undefined) throw refused(`There is no generation ${generation} in schema ${schema}.`);
    return [chosen, all];
  }

  const sistersOf = (one: Pick<Generation, "objects" | "other_schemas">, generation: number) =>
    schemasOfGeneration(one).map(schema => schema + suffixOf(generation));

  async function requireOurs(sisters: readonly string[]): Promise<void> {
    for (const sister of sisters) {
      const bytes = Buffer.byteLength(sister);
      if (vendor.longestName !== undefined && bytes > vendor.longestName) {
        throw refused(
          `The candidate's schema ${sister} would have a name of ${bytes} bytes, and ${vendor.longestName} is the most. Give dbt's schema a shorter name.`,
        );
      }
      if (await vendor.hasSchema(sister)) {
        throw refused(
          `Schema ${sister} is there already, and no generation of ours: the candidate would be built in it. Look at it, drop or rename it, and run again.`,
        );
      }
    }
  }

  async function begin(plan: CandidatePlan, owner: GenerationOwner): Promise<Generation> {
    const begun = await vendor.alone(plan.schema, "beginning a generation", () => record(plan, owner));
    // Apart, as copies take their time: others may publish meanwhile.
    for (;;) {
      const live = liveOf(await list(plan.schema));
      try {
        await db.transaction("copying what is live", async () => {
          await copyContinued(plan, begun.generation, live?.live ?? []);
          if (!plan.complete) await showOthers(plan, begun.generation, live?.live ?? []);
        });
        return begun;
      } catch (error) {
        // What was live may have been swept in between; then there is another one to begin with.
        if (liveOf(await list(plan.schema))?.publication === live?.publication) throw error;
      }
    }
  }

  async function record(plan: CandidatePlan, owner: GenerationOwner): Promise<Generation> {
    if (!(await vendor.hasSchema(plan.schema))) await db.run(`CREATE SCHEMA ${quoteName(plan.schema)}`);
    await db.run(
      `CREATE TABLE IF NOT EXISTS ${bookkeeping(plan.schema)} (generation BIGINT PRIMARY KEY, state VARCHAR NOT NULL, pipeline VARCHAR NOT NULL, ` +
        "project VARCHAR NOT NULL, workflow VARCHAR NOT NULL, run VARCHAR NOT NULL, begun_at TIMESTAMPTZ NOT NULL, published_at TIMESTAMPTZ, " +
        "publication BIGINT NOT NULL, complete BOOLEAN NOT NULL, objects VARCHAR NOT NULL, other_schemas VARCHAR NOT NULL, live VARCHAR NOT NULL)",
    );
    const all = await list(plan.schema);
    const own = all.find(
      one => one.run === owner.run && one.workflow === owner.workflow && one.state === "building",
    );
    const generation = own?.generation ?? Math.max(0, ...all.map(one => one.generation)) + 1;
    const sisters = sistersOf(plan, generation);
    if (own !== undefined) {
      await vendor.drop(sistersOf(own, generation));
      await db.run(`DELETE FROM ${bookkeeping(plan.schema)} WHERE generation = $1`, [BigInt(generation)]);
    }
    await requireOurs(sisters);
    for (const sister of sisters) await db.run(`CREATE SCHEMA ${quoteName(sister)}`);
    await db.run(
      `INSERT INTO ${bookkeeping(plan.schema)} VALUES ($1, 'building', $2, $3, $4, $5, now(), NULL, 0, $6, $7, $8, '[]')`,
      [
        BigInt(generation),
        ...[owner.pipeline, plan.project, owner.workflow, owner.run],
        String(plan.complete),
        JSON.stringify(plan.objects),
        JSON.stringify(plan.other_schemas),
      ],
      "recording a generation",
    );
    return (await list(plan.schema)).find(one => one.generation === generation)!;
  }

  /** From the generation that is live, else from the table that dbt built there before it published. */
  async function copyContinued(
    plan: CandidatePlan,
    generation: number,
    live: PublishedObject[],
  ): Promise<void> {
    for (const { schema, name } of plan.objects.filter(object => object.continues)) {
      const at = live.find(object => object.schema === schema && object.name === name);
      const from = at === undefined ? schema : schema + suffixOf(at.generation);
      if (!(await vendor.objectsOf(from)).some(object => object.name === name && !object.view)) continue;
      await vendor.copy(
        `${quoteName(from)}.${quoteName(name)}`,
        `${quoteName(schema + suffixOf(generation))}.${quoteName(name)}`,
        `copying ${schema}.${name} into a candidate`,
      );
    }
  }

  /** Beside a selection: what is not selected is looked at as it is live, so that a gate can judge the whole. */
  async function showOthers(plan: CandidatePlan, generation: number, live: PublishedObject[]): Promise<void> {
    const schemas = schemasOfGeneration(plan);
    const built = new Set(plan.objects.map(({ schema, name }) => `${schema}\0${name}`));
    for (const object of live.filter(one => schemas.includes(one.schema))) {
      if (built.has(`${object.schema}\0${object.name}`)) continue;
      const at = `${quoteName(object.schema + suffixOf(generation))}.${quoteName(object.name)}`;
      await db.run(`CREATE VIEW ${at} AS SELECT * FROM ${builtAt(object)}`, [], "beginning a generation");
    }
  }

  async function settle(schema: string, generation: number, state: "review" | "blocked"): Promise<void> {
    await db.run(
      `UPDATE ${bookkeeping(schema)} SET state = $1 WHERE generation = $2 AND publication = 0 AND state <> 'dropped'`,
      [state, BigInt(generation)],
      "recording a decision",
    );
  }

  async function publish(schema: string, generation: number, byHand = false) {
    return await vendor.alone(schema, "publishing", async () => {
      const [chosen, all] = await required(schema, generation);
      const before = liveOf(all);
      // Live, or an attempt that comes after somebody has rolled back: what was published once is not published again.
      if (before?.generation === generation || (chosen.publication > 0 && !byHand)) {
        return { objects: before?.live.length ?? 0 };
      }
      const problem = publishProblem(chosen, all, byHand);
      if (problem !== undefined)
        throw refused(`${problem}. \`tidemark publish <pipeline>\` lists what there is.`);
      if (chosen.publication === 0) await requireWhole(chosen, shownBeside(chosen, all));
      const after = chosen.publication > 0 ? chosen.live : liveAfter(chosen, before?.live ?? []);
      for (const one of new Set(after.map(object => object.schema))) {
        if (!(await vendor.hasSchema(one))) await db.run(`CREATE SCHEMA ${quoteName(one)}`, [], "publishing");
      }
      await vendor.swap(before?.live ?? [], after);
      const publication = Math.max(0, ...all.map(one => one.publication)) + 1;
      await db.run(
        `UPDATE ${bookkeeping(schema)} SET state = 'live', publication = $1, published_at = now(), live = $2 WHERE generation = $3`,
        [BigInt(publication), JSON.stringify(after), BigInt(generation)],
        "recording a publication",
      );
      return { objects: after.length, ...(before === undefined ? {} : { previous: before.generation }) };
    });
  }

  async function requireWhole(chosen: Generation, shown: readonly string[]): Promise<void> {
    for (const schema of new Set(chosen.objects.map(object => object.schema))) {
      const there = await vendor.objectsOf(schema + suffixOf(chosen.generation));
      const problem = wholeProblem(
        chosen,
        schema,
        there.map(({ name }) => name),
        shown,
      );
      if (problem !== undefined) throw refused(problem);
    }
  }

  /** One by one: what cannot be dropped now, because it is read or built on, is left for the next time. */
  async function sweep(schema: string, keep: number): Promise<number[]> {
    const tried = new Set<number>();
    const dropped: number[] = [];
    for (let due = true; due; ) {
      due = false;
      const gone = await vendor.aloneOrNot(schema, "sweeping generations", async () => {
        const next = generationsToSweep(await list(schema), keep, Date.now())
          .filter(one => !tried.has(one.generation))
          .at(-1);
        if (next === undefined) return undefined;
        due = true;
        tried.add(next.generation);
        if (!(await vendor.drop(sistersOf(next, next.generation)))) return undefined;
        await db.run(`UPDATE ${bookkeeping(schema)} SET state = 'dropped' WHERE generation = $1`, [
          BigInt(next.generation),
        ]);
        return next.generation;
      });
      if (gone !== undefined) dropped.push(gone);
    }
    const oldest = (await list(schema))[RECORDS_KEPT];
    if (oldest !== undefined) {
      await db.run(`DELETE FROM ${bookkeeping(schema)} WHERE state = 'dropped' AND generation <= $1`, [
        BigInt(oldest.generation),
      ]);
    }
    return dropped.sort((a, b) => b - a);
  }

  async function schemasOf(pipeline: string): Promise<string[]> {
    const found: string[] = [];
    for (const schema of await vendor.schemasWith(BOOKKEEPING)) {
      if ((await list(schema)).some(one => one.pipeline === pipeline)) found.push(schema);
    }
    return found;
  }

  return { list, schemasOf, begin, settle, publish, sweep };
}

/** Where an object stands that readers see as a view, quoted. */
export function builtAt({ schema, name, generation }: PublishedObject): string {
  return `${quoteName(schema + suffixOf(generation))}.${quoteName(name)}`;
}

/** Where readers find it, quoted. */
export function seenAt({ schema, name }: Pick<PublishedObject, "schema" | "name">): string {
  return `${quoteName(schema)}.${quoteName(name)}`;
}
