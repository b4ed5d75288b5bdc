/**
 * Generations where no transaction holds several tables: docs/databricks.md tells what readers can see in between. Each
 * verb goes statement by statement, and each statement may be repeated, alone or with all that came before.
 */
import { setTimeout as sleep } from "node:timers/promises";
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
  refused,
  schemasOfGeneration,
  shownBeside,
  suffixOf,
  toGeneration,
  wholeProblem,
} from "../generations";
import type { ResultRow, Warehouse } from "./client";
import { handOn, keyOf } from "./handed-on";
import { inParallel } from "./parallel";
import { ifThere } from "./restore";
import {
  bridgeOf,
  type Column,
  copyTable,
  createBookkeeping,
  insertGeneration,
  makePublication,
  selectAll,
  viewOf,
} from "./sql-generations";
import { type Place, qualifiedDataset, qualifiedTable, quoteText } from "./sql-text";

const PUBLISHING = "publishing";
const TOGETHER = 8;
/** Others may begin or publish at the same moment; Delta lets one of them commit. */
const ATTEMPTS = 5;
/**
 * A query that has looked up one view as it was before a publication is to look up its other views before they change
 * once more.
 */
const LOOKED_UP_MS = 1_000;

interface Standing {
  view: boolean;
  columns: Column[];
}

/** Where an object is that readers see as a view. */
const behind = ({ schema, name, generation }: PublishedObject) => ({
  schema: schema + suffixOf(generation),
  name,
});

export function databricksGenerations(db: Warehouse, catalog: string): Generations {
  const place = (dataset: string): Place => ({ catalog, dataset });
  const at = ({ schema, name }: { schema: string; name: string }) => qualifiedTable(place(schema), name);
  const bookkeeping = (schema: string) => at({ schema, name: BOOKKEEPING });

  async function list(schema: string): Promise<Generation[]> {
    const rows = await ifThere(db.run(selectAll(bookkeeping(schema)), "reading generations"));
    return (rows ?? []).map(toGeneration);
  }

  /** Tables and views by keyOf, with their columns. */
  async function standing(schemas: readonly string[]): Promise<Map<string, Standing>> {
    const found = new Map<string, Standing>();
    if (schemas.length === 0) return found;
    const of = `IN (${[...new Set(schemas.map(one => one.toLowerCase()))].map(quoteText).join(", ")})`;
    const from = (view: string) => `${qualifiedDataset(place("information_schema"))}.\`${view}\``;
    const [objects, columns] = await Promise.all([
      db.run(
        `SELECT table_schema AS schema, table_name AS name, table_type AS kind FROM ${from("tables")} WHERE table_schema ${of}`,
        "looking at generations",
      ),
      db.run(
        `SELECT table_schema AS schema, table_name AS name, column_name AS column, full_data_type AS type FROM ${from("columns")} WHERE table_schema ${of} ORDER BY ordinal_position`,
        "looking at generations",
      ),
    ]);
    const named = (row: ResultRow) => keyOf({ schema: String(row.schema), name: String(row.name) });
    for (const row of objects) found.set(named(row), { view: row.kind === "VIEW", columns: [] });
    for (const row of columns)
      found.get(named(row))?.columns.push({ name: String(row.column), type: String(row.type) });
    return found;
  }

  async function schemasThere(schemas: readonly string[]): Promise<string[]> {
    const names = schemas.map(one => quoteText(one.toLowerCase())).join(", ");
    const rows = await db.run(
      `SELECT schema_name AS name FROM ${qualifiedDataset(place("information_schema"))}.schemata WHERE schema_name IN (${names})`,
      "looking at generations",
    );
    return rows.map(({ name }) => String(name));
  }

  const sistersOf = (one: Pick<Generation, "objects" | "other_schemas">, generation: number) =>
    schemasOfGeneration(one).map(schema => schema + suffixOf(generation));

  async function drop(schemas: readonly string[]): Promise<void> {
    for (const schema of schemas) {
      await db.run(
        `DROP SCHEMA IF EXISTS ${qualifiedDataset(place(schema))} CASCADE`,
        "dropping a generation",
      );
    }
  }

  /** The schemas may be there already, made by an administrator; a principal that may not make any finds them then. */
  async function makeSchemas(schemas: readonly string[]): Promise<void> {
    if (schemas.length === 0) return;
    const there = new Set(await schemasThere(schemas));
    for (const schema of schemas.filter(one => !there.has(one.toLowerCase()))) {
      await db.run(
        `CREATE SCHEMA IF NOT EXISTS ${qualifiedDataset(place(schema))}`,
        "beginning a generation",
      );
    }
  }

  async function begin(plan: CandidatePlan, owner: GenerationOwner): Promise<Generation> {
    await makeSchemas([plan.schema]);
    await db.run(createBookkeeping(bookkeeping(plan.schema)), "beginning a generation");
    const begun = await claim(plan, owner);
    const { generation } = begun;
    // What an earlier attempt of this run has left, by its own plan and by this one.
    await drop([...new Set([...sistersOf(begun, generation), ...sistersOf(plan, generation)])]);
    await makeSchemas(sistersOf(plan, generation));
    const live = liveOf(await list(plan.schema))?.live ?? [];
    await copyContinued(plan, generation, live);
    if (!plan.complete) await showOthers(plan, generation, live);
    return begun;
  }

  /** A number that is this run's, once its row is there. */
  async function claim(plan: CandidatePlan, owner: GenerationOwner): Promise<Generation> {
    for (let attempt = 1; ; attempt++) {
      const all = await list(plan.schema);
      const own = all.find(
        one => one.run === owner.run && one.workflow === owner.workflow && one.state === "building",
      );
      if (own !== undefined) return own;
      if (attempt > ATTEMPTS) throw refused(`Schema ${plan.schema}: others begin generations all the time.`);
      const generation = Math.max(0, ...all.map(one => one.generation)) + 1;
      const [foreign] = await schemasThere(sistersOf(plan, generation));
      if (foreign !== undefined) {
        throw refused(
          `Schema ${foreign} is there already, and no generation of ours: the candidate would be built in it. Look at it, drop or rename it, and run again.`,
        );
      }
      await db.run(
        insertGeneration(bookkeeping(plan.schema), generation, plan, owner, new Date().toISOString()),
        "recording a generation",
      );
    }
  }

  async function copyContinued(
    plan: CandidatePlan,
    generation: number,
    live: PublishedObject[],
  ): Promise<void> {
    const continued = plan.objects.filter(object => object.continues);
    const from = continued.map(({ schema, name }) => {
      const seen = live.find(object => keyOf(object) === keyOf({ schema, name }));
      return seen === undefined ? { schema, name } : behind(seen);
    });
    const there = await standing(from.map(({ schema }) => schema));
    await inParallel(continued, TOGETHER, async object => {
      const source = from[continued.indexOf(object)]!;
      if (there.get(keyOf(source))?.view !== false) return;
      const into = { schema: object.schema + suffixOf(generation), name: object.name };
      await db.run(
        copyTable(at(source), at(into)),
        `copying ${object.schema}.${object.name} into a candidate`,
      );
    });
  }

  /** Beside a selection: what is not selected is looked at as it is live, so that a gate can judge the whole. */
  async function showOthers(plan: CandidatePlan, generation: number, live: PublishedObject[]): Promise<void> {
    const schemas = schemasOfGeneration(plan);
    const built = new Set(plan.objects.map(keyOf));
    const others = live.filter(one => schemas.includes(one.schema) && !built.has(keyOf(one)));
    await inParallel(others, TOGETHER, async ({ schema, name, generation: of }) => {
      const here = at({ schema: schema + suffixOf(generation), name });
      await db.run(
        `CREATE OR REPLACE VIEW ${here} AS ${viewOf(at({ schema: schema + suffixOf(of), name }))}`,
        "beginning a generation",
      );
    });
  }

  async function settle(schema: string, generation: number, state: "review" | "blocked"): Promise<void> {
    await db.run(
      `UPDATE ${bookkeeping(schema)} SET state = '${state}' WHERE generation = ${generation} AND publication = 0 AND state <> 'dropped'`,
      "recording a decision",
    );
  }

  async function publish(schema: string, generation: number, byHand = false) {
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      const all = await list(schema);
      const chosen = all.find(one => one.generation === generation);
      if (chosen === undefined) throw refused(`There is no generation ${generation} in schema ${schema}.`);
      const before = liveOf(all);
      if (before?.generation === generation) {
        // An attempt may have ended behind the publication itself.
        const previous = publishedBefore(all, chosen);
        await straighten(chosen.live, leaving(previous, chosen.live));
        await handOver(chosen.live, previous);
        return { objects: before.live.length };
      }
      if (chosen.publication > 0 && !byHand) return { objects: before?.live.length ?? 0 };
      const problem = publishProblem(chosen, all, byHand);
      if (problem !== undefined)
        throw refused(`${problem}. \`tidemark publish <pipeline>\` lists what there is.`);
      if (chosen.publication === 0) await requireWhole(chosen, shownBeside(chosen, all));
      const after = chosen.publication > 0 ? chosen.live : liveAfter(chosen, before?.live ?? []);
      await prepare(schema, chosen, before?.live ?? [], after);
      const newest = Math.max(0, ...all.map(one => one.publication));
      await db.run(
        makePublication(bookkeeping(schema), chosen, newest, after, new Date().toISOString()),
        PUBLISHING,
      );
      // Read again: the answer may have been lost, and somebody else may have been faster.
      const now = await list(schema);
      if (liveOf(now)?.generation !== generation) continue;
      await sleep(LOOKED_UP_MS, undefined, { signal: db.signal });
      await straighten(after, leaving(before?.live ?? [], after));
      await handOver(after, before?.live ?? []);
      return { objects: after.length, ...(before === undefined ? {} : { previous: before.generation }) };
    }
    throw refused(`Schema ${schema}: others publish all the time. \`tidemark publish\` does it later.`);
  }

  async function requireWhole(chosen: Generation, shown: readonly string[]): Promise<void> {
    for (const schema of new Set(chosen.objects.map(object => object.schema))) {
      const sister = (schema + suffixOf(chosen.generation)).toLowerCase();
      const there = await standing([sister]);
      const names = [...there.keys()].map(key => key.split("\0")[1]!);
      const problem = wholeProblem(chosen, schema, names, shown);
      if (problem !== undefined) throw refused(problem);
    }
  }

  /** Views that show the old generation until the publication, and from then on the new one. */
  async function prepare(
    schema: string,
    chosen: Generation,
    before: readonly PublishedObject[],
    after: readonly PublishedObject[],
  ): Promise<void> {
    const now = new Map(before.map(object => [keyOf(object), object]));
    const changing = changed(before, after);
    const old = changing.flatMap(object => now.get(keyOf(object)) ?? []);
    const there = await standing([...changing, ...[...changing, ...old].map(behind)].map(one => one.schema));
    const lacking = changing.find(object => !there.has(keyOf(behind(object))));
    if (lacking !== undefined)
      throw refused(
        `${behind(lacking).schema}.${lacking.name} is gone: generation ${chosen.generation} cannot be shown whole.`,
      );
    await inParallel(changing, TOGETHER, async object => {
      const was = now.get(keyOf(object));
      if (was === undefined || there.get(keyOf(object))?.view !== true) return;
      const bridge = bridgeOf(
        { table: at(behind(was)), columns: there.get(keyOf(behind(was)))?.columns ?? [] },
        { table: at(behind(object)), columns: there.get(keyOf(behind(object)))!.columns },
        { bookkeeping: bookkeeping(schema), generation: chosen.generation, publication: chosen.publication },
      );
      if (bridge === undefined) return;
      await db.run(`ALTER VIEW ${at(object)} AS ${bridge}`, `publishing ${object.schema}.${object.name}`);
    });
  }

  /** Every view shows one generation and names no other. ALTER keeps what others were granted on it. */
  async function straighten(
    live: readonly PublishedObject[],
    leaving: readonly PublishedObject[],
  ): Promise<void> {
    const there = await standing([...live, ...leaving].map(({ schema }) => schema));
    await makeSchemas([...new Set(live.map(({ schema }) => schema))]);
    await inParallel(live, TOGETHER, async object => {
      const seen = there.get(keyOf(object));
      const select = viewOf(at(behind(object)));
      const doing = `publishing ${object.schema}.${object.name}`;
      // What dbt built here before it published: the candidate began with a copy of what it continues.
      if (seen?.view === false) await db.run(`DROP TABLE IF EXISTS ${at(object)}`, doing);
      if (seen?.view === true) await db.run(`ALTER VIEW ${at(object)} AS ${select}`, doing);
      else await db.run(`CREATE OR REPLACE VIEW ${at(object)} AS ${select}`, doing);
    });
    await inParallel(leaving, TOGETHER, async object => {
      if (there.get(keyOf(object))?.view === true)
        await db.run(`DROP VIEW IF EXISTS ${at(object)}`, PUBLISHING);
    });
  }

  async function handOver(live: readonly PublishedObject[], before: readonly PublishedObject[]) {
    const was = new Map(before.map(object => [keyOf(object), behind(object)]));
    const handings = changed(before, live).map(object => ({
      view: object,
      built: behind(object),
      before: was.get(keyOf(object)),
    }));
    await handOn(db, catalog, handings);
  }

  async function sweep(schema: string, keep: number): Promise<number[]> {
    const all = await list(schema);
    const due = generationsToSweep(all, keep, Date.now());
    const live = liveOf(all);
    // A publication that ended half-way may have left views that still name what is dropped now.
    if (due.length > 0 && live !== undefined) await straightenNaming(live, due);
    for (const one of due) {
      await drop(sistersOf(one, one.generation));
      await db.run(
        `UPDATE ${bookkeeping(schema)} SET state = 'dropped' WHERE generation = ${one.generation}`,
        "dropping a generation",
      );
    }
    return due.map(one => one.generation);
  }

  async function straightenNaming(live: Generation, due: readonly Generation[]): Promise<void> {
    const schemas = [...new Set(live.live.map(({ schema }) => quoteText(schema.toLowerCase())))];
    if (schemas.length === 0) return;
    const rows = await db.run(
      `SELECT table_schema AS schema, table_name AS name, view_definition AS text FROM ${qualifiedDataset(place("information_schema"))}.views WHERE table_schema IN (${schemas.join(", ")})`,
      "looking at generations",
    );
    const names = due.map(({ generation }) => new RegExp(`${suffixOf(generation)}(?![0-9])`, "i"));
    const naming = new Set(
      rows
        .filter(({ text }) => names.some(name => name.test(String(text))))
        .map(row => keyOf({ schema: String(row.schema), name: String(row.name) })),
    );
    await straighten(
      live.live.filter(object => naming.has(keyOf(object))),
      [],
    );
  }

  async function schemasOf(pipeline: string): Promise<string[]> {
    const rows = await db.run(
      `SELECT table_schema AS name FROM ${qualifiedDataset(place("information_schema"))}.tables WHERE table_name = ${quoteText(BOOKKEEPING)} ORDER BY 1`,
      "looking for generations",
    );
    const found: string[] = [];
    for (const { name } of rows) {
      if ((await list(String(name))).some(one => one.pipeline === pipeline)) found.push(String(name));
    }
    return found;
  }

  return { list, schemasOf, begin, settle, publish, sweep };
}

function changed(before: readonly PublishedObject[], after: readonly PublishedObject[]): PublishedObject[] {
  const now = new Map(before.map(object => [keyOf(object), object.generation]));
  return after.filter(object => now.get(keyOf(object)) !== object.generation);
}

/** What readers saw before this publication. */
function publishedBefore(all: readonly Generation[], live: Generation): PublishedObject[] {
  const before = all
    .filter(one => one.publication > 0 && one.publication < live.publication)
    .sort((a, b) => b.publication - a.publication)[0];
  return before?.live ?? [];
}

/** What they must not see any more. */
function leaving(before: readonly PublishedObject[], after: readonly PublishedObject[]): PublishedObject[] {
  const stays = new Set(after.map(keyOf));
  return before.filter(object => !stays.has(keyOf(object)));
}
