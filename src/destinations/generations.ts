/**
 * Generations of what dbt builds: each in schemas of its own, `<schema>__candidate_<n>`, while readers look at views in
 * `<schema>` that point at the live one. Bookkeeping stands in the destination, in a table beside those views, so that it
 * survives workers and hosts. Rules that destinations share; how they are written down is each destination's own.
 */

import { TidemarkError } from "../pipeline/errors";

export const BOOKKEEPING = "_tidemark_generations";

/** Something that readers find under this schema and name. */
export interface LiveObject {
  schema: string;
  name: string;
  /** The dbt project that builds it: what another one builds stays when this one publishes. */
  project: string;
}

/** An object of a candidate. */
export interface BuiltObject extends LiveObject {
  /** Built on what is live: incremental models and snapshots. The candidate begins with a copy. */
  continues: boolean;
}

/** Where a live view points. */
export interface PublishedObject extends LiveObject {
  generation: number;
}

/**
 * "building" until it is judged; "review" waits for a person; "live" was published, now or once; "blocked" did not pass;
 * "dropped": its objects are gone, only the record is left.
 */
export type GenerationState = "building" | "review" | "live" | "blocked" | "dropped";

export interface Generation {
  generation: number;
  state: GenerationState;
  pipeline: string;
  project: string;
  /** Workflow id and run id. */
  workflow: string;
  run: string;
  /** ISO. */
  begun_at: string;
  published_at?: string;
  /** Counts publications and rollbacks; the greatest one is what readers see. 0: never published. */
  publication: number;
  /** Everything that the project has, as opposed to a selection: what is not in it any more leaves the live schema. */
  complete: boolean;
  objects: BuiltObject[];
  /** Schemas that dbt writes beside those of the objects (failures of tests). */
  other_schemas: string[];
  /** All that readers saw after its publication. */
  live: PublishedObject[];
}

/** What dbt is about to build. */
export interface CandidatePlan {
  /** The target's schema: where the bookkeeping stands. */
  schema: string;
  project: string;
  complete: boolean;
  objects: BuiltObject[];
  other_schemas: string[];
}

export interface GenerationOwner {
  pipeline: string;
  workflow: string;
  run: string;
}

/** What a destination can do with generations; every verb may be called twice. */
export interface Generations {
  /** Of the bookkeeping in this schema, the newest first; none where there is no bookkeeping. */
  list(schema: string): Promise<Generation[]>;
  /** Schemas that hold bookkeeping of this pipeline. */
  schemasOf(pipeline: string): Promise<string[]>;
  /**
   * A generation for this run, empty but for copies of what continues: the run's own of an earlier attempt, emptied, else a
   * new one.
   * @throws TidemarkError PUBLISH_REFUSED: a schema of its name is there and not ours
   */
  begin(plan: CandidatePlan, owner: GenerationOwner): Promise<Generation>;
  /** Marks what is not published. A generation that was published stays what it is. */
  settle(schema: string, generation: number, state: "review" | "blocked"): Promise<void>;
  /**
   * Makes it what readers see, all of it at once or, where the destination cannot, object by object in an order that can be
   * repeated. One that is live already changes nothing.
   * @param byHand somebody chose it: an older generation may come back, with all that readers saw then
   * @throws TidemarkError PUBLISH_REFUSED
   */
  publish(schema: string, generation: number, byHand?: boolean): Promise<Published>;
  /** Drops what nobody needs; `generationsToSweep` says which. */
  sweep(schema: string, keep: number): Promise<number[]>;
}

export interface Published {
  objects: number;
  previous?: number;
}

export function suffixOf(generation: number): string {
  return `__candidate_${generation}`;
}

export function liveOf(generations: readonly Generation[]): Generation | undefined {
  return generations.reduce<Generation | undefined>(
    (live, one) => (one.publication > (live?.publication ?? 0) ? one : live),
    undefined,
  );
}

export function schemasOfGeneration({
  objects,
  other_schemas,
}: Pick<Generation, "objects" | "other_schemas">): string[] {
  return [...new Set([...objects.map(({ schema }) => schema), ...other_schemas])].sort();
}

/** Also what happened to it in the meantime: a review is decided days later. @returns why it may not be published */
export function publishProblem(
  chosen: Generation,
  all: readonly Generation[],
  byHand: boolean,
): string | undefined {
  const n = chosen.generation;
  if (chosen.state === "dropped") return `generation ${n} is gone: only its record is left`;
  if (chosen.state === "building" && byHand) return `generation ${n} was not finished`;
  const gone = chosen.live.find(
    ({ generation }) => all.find(one => one.generation === generation)?.state === "dropped",
  );
  if (gone !== undefined)
    return `${gone.schema}.${gone.name} of generation ${gone.generation}, which ${n} needs, is gone`;
  const newer = all.find(one => one.generation > n && one.publication > 0 && one.project === chosen.project);
  if (newer !== undefined && !byHand) {
    return `generation ${newer.generation} was published since it was begun, and what is newer is not set back unasked`;
  }
  return undefined;
}

/** What readers see once it is published: its own objects, and of others what it does not replace. */
export function liveAfter(chosen: Generation, before: readonly PublishedObject[]): PublishedObject[] {
  const key = ({ schema, name }: LiveObject) => `${schema.toLowerCase()}\0${name.toLowerCase()}`;
  const own = new Set(chosen.objects.map(key));
  const stays = before.filter(
    object => !own.has(key(object)) && !(chosen.complete && object.project === chosen.project),
  );
  const built = chosen.objects.map(({ schema, name, project }) => ({
    schema,
    name,
    project,
    generation: chosen.generation,
  }));
  return [...stays, ...built];
}

/** What dbt leaves beside a model while it replaces it. */
const LEFT_BY_DBT = /__dbt_(tmp|backup|intermediate|new|snapshot)/;

/** Names that a candidate holds beside its own: a selection's shows what is live. */
export function shownBeside(chosen: Generation, all: readonly Generation[]): string[] {
  return chosen.complete ? [] : all.flatMap(one => one.live.map(({ name }) => name));
}

/**
 * Everything that dbt was to build must be there, and nothing that it did not build.
 * @param there names in the sister of `schema`
 */
export function wholeProblem(
  { generation, objects }: Generation,
  schema: string,
  there: readonly string[],
  shown: readonly string[],
): string | undefined {
  const sister = schema + suffixOf(generation);
  const lower = (names: readonly string[]) => names.map(name => name.toLowerCase());
  const built = lower(objects.filter(object => object.schema === schema).map(({ name }) => name));
  const found = lower(there);
  const missing = built.filter(name => !found.includes(name));
  if (missing.length > 0)
    return `Candidate ${sister} lacks ${some(missing)}: a generation is published whole or not at all. Run the pipeline again.`;
  const known = new Set([...built, ...lower(shown)]);
  const strange = found.filter(name => !known.has(name) && !LEFT_BY_DBT.test(name));
  if (strange.length > 0)
    return `Candidate ${sister} holds ${some(strange)}, which dbt did not build in this run: somebody else uses the schema. Move it elsewhere, then \`tidemark publish\`.`;
  return undefined;
}

/** Records of generations that are gone. */
export const RECORDS_KEPT = 200;
/** Candidates that did not pass are kept to be looked at. */
const LOOKED_AT = 2;
/** A run may build for this long; after that its candidate is nobody's. */
const BUILDING_MS = 24 * 3600 * 1000;

/**
 * Kept: the newest `keep` publications and what they point at, what waits for a person, what is being built, the newest two
 * that did not pass. A run that was begun anew has left its earlier run's candidate.
 */
export function generationsToSweep(all: readonly Generation[], keep: number, now: number): Generation[] {
  const published = all.filter(one => one.publication > 0).sort((a, b) => b.publication - a.publication);
  const kept = new Set<number>();
  for (const one of published.filter(one => one.state !== "dropped").slice(0, Math.max(1, keep))) {
    kept.add(one.generation);
    for (const { generation } of one.live) kept.add(generation);
  }
  const live = published[0];
  const newest = (workflow: string) =>
    Math.max(...all.filter(one => one.workflow === workflow).map(one => one.generation));
  for (const one of all) {
    const overtaken = live !== undefined && live.project === one.project && one.generation < live.generation;
    if (one.state === "review" && !overtaken) kept.add(one.generation);
    if (one.state !== "building") continue;
    const young = now - new Date(one.begun_at).getTime() < BUILDING_MS;
    if (young && newest(one.workflow) === one.generation) kept.add(one.generation);
  }
  const failed = all.filter(
    one => !kept.has(one.generation) && one.publication === 0 && one.state !== "dropped",
  );
  for (const one of failed.sort((a, b) => b.generation - a.generation).slice(0, LOOKED_AT))
    kept.add(one.generation);
  return all.filter(one => one.state !== "dropped" && !kept.has(one.generation));
}

/** A row of the bookkeeping. */
export function toGeneration(row: { [column: string]: unknown }): Generation {
  return {
    generation: Number(row.generation),
    state: String(row.state) as Generation["state"],
    pipeline: String(row.pipeline),
    project: String(row.project),
    workflow: String(row.workflow),
    run: String(row.run),
    begun_at: isoTime(row.begun_at),
    ...(row.published_at === null ? {} : { published_at: isoTime(row.published_at) }),
    publication: Number(row.publication),
    complete: row.complete === true,
    objects: JSON.parse(String(row.objects)),
    other_schemas: JSON.parse(String(row.other_schemas)),
    live: JSON.parse(String(row.live)),
  };
}

/** PostgreSQL's text says the offset by hours alone. */
function isoTime(value: unknown): string {
  const time = value instanceof Date ? value : new Date(String(value).replace(/([+-]\d\d)$/, "$1:00"));
  return time.toISOString();
}

export function some(names: readonly string[]): string {
  return names.length <= 3
    ? names.join(", ")
    : `${names.slice(0, 3).join(", ")} and ${names.length - 3} more`;
}

export function refused(message: string): TidemarkError {
  return new TidemarkError("PUBLISH_REFUSED", message, { step: "transform" });
}
