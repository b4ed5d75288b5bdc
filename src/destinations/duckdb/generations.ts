/** Generations on DuckDB: views in the live schema, swapped with their bookkeeping in one transaction. */
import { TidemarkError } from "../../pipeline/errors";
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
  schemasOfGeneration,
  suffixOf,
} from "../generations";
import { quoteName, quoteText } from "../one-transaction/sql-text";
import type { Database, ResultRow } from "./database";

/** What dbt leaves beside a model while it replaces it. */
const LEFT_BY_DBT = /__dbt_(tmp|backup|intermediate|new|snapshot)/;
/** Records of generations that are gone. */
const RECORDS_KEPT = 200;

export function duckdbGenerations(db: Database): Generations {
  const bookkeeping = (schema: string) => `${quoteName(schema)}.${quoteName(BOOKKEEPING)}`;
  const inTransaction = <T>(doing: string, work: () => Promise<T>) => db.transaction(doing, work);

  const exists = async (schema: string): Promise<boolean> =>
    (await objectsOf(schema)).some(({ name }) => name === BOOKKEEPING);

  /** Tables and views of a schema; undefined: there is no such schema. */
  async function objectsOf(schema: string): Promise<{ name: string; view: boolean }[]> {
    const rows = await db.rows(
      "SELECT table_name AS name, table_type AS kind FROM information_schema.tables WHERE table_catalog = current_database() AND lower(table_schema) = lower(?)",
      [schema],
      "looking at a generation",
    );
    return rows.map(({ name, kind }) => ({ name: String(name), view: kind === "VIEW" }));
  }

  async function hasSchema(schema: string): Promise<boolean> {
    const found = await db.count(
      "SELECT count(*) AS n FROM information_schema.schemata WHERE catalog_name = current_database() AND lower(schema_name) = lower(?)",
      [schema],
    );
    return found > 0;
  }

  async function list(schema: string): Promise<Generation[]> {
    if (!(await exists(schema))) return [];
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

  async function dropSchemas(
    one: Pick<Generation, "objects" | "other_schemas" | "generation">,
  ): Promise<void> {
    for (const schema of schemasOfGeneration(one)) {
      await db.run(
        `DROP SCHEMA IF EXISTS ${quoteName(schema + suffixOf(one.generation))} CASCADE`,
        [],
        "dropping a generation",
      );
    }
  }

  async function requireOurs(plan: CandidatePlan, generation: number): Promise<void> {
    for (const schema of schemasOfGeneration(plan)) {
      const sister = schema + suffixOf(generation);
      if (await hasSchema(sister)) {
        throw refused(
          `Schema ${sister} is there already, and no generation of ours: the candidate would be built in it. Look at it, drop or rename it, and run again.`,
        );
      }
    }
  }

  async function begin(plan: CandidatePlan, owner: GenerationOwner): Promise<Generation> {
    return await inTransaction("beginning a generation", async () => {
      await db.run(`CREATE SCHEMA IF NOT EXISTS ${quoteName(plan.schema)}`);
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
      if (own !== undefined) {
        await dropSchemas(own);
        await db.run(`DELETE FROM ${bookkeeping(plan.schema)} WHERE generation = ?`, [generation]);
      }
      await requireOurs(plan, generation);
      for (const schema of schemasOfGeneration(plan)) {
        await db.run(`CREATE SCHEMA ${quoteName(schema + suffixOf(generation))}`);
      }
      const live = liveOf(all)?.live ?? [];
      await copyContinued(plan, generation, live);
      if (!plan.complete) await showOthers(plan, generation, live);
      await db.run(
        `INSERT INTO ${bookkeeping(plan.schema)} VALUES (?, 'building', ?, ?, ?, ?, now(), NULL, 0, ?, ?, ?, '[]')`,
        [
          BigInt(generation),
          ...[owner.pipeline, plan.project, owner.workflow, owner.run],
          String(plan.complete),
          JSON.stringify(plan.objects),
          JSON.stringify(plan.other_schemas),
        ],
        "recording a generation",
      );
      const begun = (await list(plan.schema)).find(one => one.generation === generation);
      return begun!;
    });
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
      if (!(await objectsOf(from)).some(object => object.name === name && !object.view)) continue;
      const into = `${quoteName(schema + suffixOf(generation))}.${quoteName(name)}`;
      await db.run(
        `CREATE TABLE ${into} AS FROM ${quoteName(from)}.${quoteName(name)}`,
        [],
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
      const from = `${quoteName(object.schema + suffixOf(object.generation))}.${quoteName(object.name)}`;
      await db.run(`CREATE VIEW ${at} AS FROM ${from}`, [], "beginning a generation");
    }
  }

  async function settle(schema: string, generation: number, state: "review" | "blocked"): Promise<void> {
    await db.run(
      `UPDATE ${bookkeeping(schema)} SET state = ? WHERE generation = ? AND publication = 0 AND state <> 'dropped'`,
      [state, BigInt(generation)],
      "recording a decision",
    );
  }

  async function publish(schema: string, generation: number, byHand = false) {
    return await inTransaction("publishing", async () => {
      const [chosen, all] = await required(schema, generation);
      const before = liveOf(all);
      // Live, or an attempt that comes after somebody has rolled back: what was published once is not published again.
      if (before?.generation === generation || (chosen.publication > 0 && !byHand)) {
        return { objects: before?.live.length ?? 0 };
      }
      const problem = publishProblem(chosen, all, byHand);
      if (problem !== undefined)
        throw refused(`${problem}. \`tidemark publish <pipeline>\` lists what there is.`);
      const shown = chosen.complete ? [] : all.flatMap(one => one.live.map(({ name }) => name.toLowerCase()));
      if (chosen.publication === 0) await requireWhole(chosen, shown);
      const after = chosen.publication > 0 ? chosen.live : liveAfter(chosen, before?.live ?? []);
      await swap(before?.live ?? [], after);
      const publication = Math.max(0, ...all.map(one => one.publication)) + 1;
      await db.run(
        `UPDATE ${bookkeeping(schema)} SET state = 'live', publication = ?, published_at = now(), live = ? WHERE generation = ?`,
        [BigInt(publication), JSON.stringify(after), BigInt(generation)],
        "recording a publication",
      );
      return { objects: after.length, ...(before === undefined ? {} : { previous: before.generation }) };
    });
  }

  /** Everything that dbt was to build is there, and nothing that it did not build. */
  async function requireWhole({ generation, objects }: Generation, shown: string[]): Promise<void> {
    for (const schema of new Set(objects.map(object => object.schema))) {
      const sister = schema + suffixOf(generation);
      const built = objects.filter(object => object.schema === schema).map(({ name }) => name.toLowerCase());
      const there = (await objectsOf(sister)).map(({ name }) => name.toLowerCase());
      const missing = built.filter(name => !there.includes(name));
      if (missing.length > 0) {
        throw refused(
          `Candidate ${sister} lacks ${some(missing)}: a generation is published whole or not at all. Run the pipeline again.`,
        );
      }
      const strange = there.filter(
        name => !built.includes(name) && !shown.includes(name) && !LEFT_BY_DBT.test(name),
      );
      if (strange.length > 0) {
        throw refused(
          `Candidate ${sister} holds ${some(strange)}, which dbt did not build in this run: somebody else uses the schema. Move it elsewhere, then \`tidemark publish\`.`,
        );
      }
    }
  }

  async function swap(before: PublishedObject[], after: PublishedObject[]): Promise<void> {
    const key = ({ schema, name }: PublishedObject) => `${schema}\0${name}`;
    const stays = new Set(after.map(key));
    for (const object of before.filter(one => !stays.has(key(one)))) {
      await db.run(
        `DROP VIEW IF EXISTS ${quoteName(object.schema)}.${quoteName(object.name)}`,
        [],
        "publishing",
      );
    }
    const now = new Map(before.map(object => [key(object), object.generation]));
    for (const schema of new Set(after.map(object => object.schema))) {
      await db.run(`CREATE SCHEMA IF NOT EXISTS ${quoteName(schema)}`, [], "publishing");
      const tables = new Set((await objectsOf(schema)).filter(({ view }) => !view).map(({ name }) => name));
      for (const object of after.filter(one => one.schema === schema)) {
        const { name, generation } = object;
        // What dbt built here before it published: the candidate began with a copy of what it continues.
        if (tables.has(name))
          await db.run(`DROP TABLE ${quoteName(schema)}.${quoteName(name)}`, [], "publishing");
        else if (now.get(key(object)) === generation) continue;
        const from = `${quoteName(schema + suffixOf(generation))}.${quoteName(name)}`;
        await db.run(
          `CREATE OR REPLACE VIEW ${quoteName(schema)}.${quoteName(name)} AS FROM ${from}`,
          [],
          `publishing ${schema}.${name}`,
        );
      }
    }
  }

  async function sweep(schema: string, keep: number): Promise<number[]> {
    return await inTransaction("sweeping generations", async () => {
      const all = await list(schema);
      const dropped = generationsToSweep(all, keep, Date.now());
      for (const one of dropped) {
        await dropSchemas(one);
        await db.run(`UPDATE ${bookkeeping(schema)} SET state = 'dropped' WHERE generation = ?`, [
          BigInt(one.generation),
        ]);
      }
      if (all.length > RECORDS_KEPT) {
        const oldest = all[RECORDS_KEPT]!.generation;
        await db.run(`DELETE FROM ${bookkeeping(schema)} WHERE state = 'dropped' AND generation <= ?`, [
          BigInt(oldest),
        ]);
      }
      return dropped.map(one => one.generation);
    });
  }

  async function schemasOf(pipeline: string): Promise<string[]> {
    const rows = await db.rows(
      `SELECT table_schema AS name FROM information_schema.tables WHERE table_catalog = current_database() AND table_name = ${quoteText(BOOKKEEPING)} ORDER BY 1`,
    );
    const found: string[] = [];
    for (const { name } of rows) {
      if ((await list(String(name))).some(one => one.pipeline === pipeline)) found.push(String(name));
    }
    return found;
  }

  return { list, schemasOf, begin, settle, publish, sweep };
}

function toGeneration(row: ResultRow): Generation {
  const time = (value: unknown) => (value instanceof Date ? value.toISOString() : String(value));
  return {
    generation: Number(row.generation),
    state: String(row.state) as Generation["state"],
    pipeline: String(row.pipeline),
    project: String(row.project),
    workflow: String(row.workflow),
    run: String(row.run),
    begun_at: time(row.begun_at),
    ...(row.published_at === null ? {} : { published_at: time(row.published_at) }),
    publication: Number(row.publication),
    complete: row.complete === true,
    objects: JSON.parse(String(row.objects)),
    other_schemas: JSON.parse(String(row.other_schemas)),
    live: JSON.parse(String(row.live)),
  };
}

function some(names: string[]): string {
  return names.length <= 3
    ? names.join(", ")
    : `${names.slice(0, 3).join(", ")} and ${names.length - 3} more`;
}

function refused(message: string): TidemarkError {
  return new TidemarkError("PUBLISH_REFUSED", message, { step: "transform" });
}
