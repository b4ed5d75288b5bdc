/** Step load: schema migration, table chains, completion. Each may be repeated (design laws 2 and 3). */
import type { DestinationSession, LoadPlan, MigrationInfo } from "../destinations/destination";
import type { PackageRef } from "../package/layout";
import {
  type CompletedLoad,
  type PackageRecord,
  readPackage,
  updatePackage,
} from "../package/package-record";
import { reducePackage } from "../package/packages";
import type { LoadedTable } from "../pipeline/infos";
import type { ResolvedPipeline } from "../pipeline/spec";
import { stateRef } from "../state/state-blob";
import { packagePlans } from "./load-plans";
import { type DestinationUse, withSession } from "./with-session";

export interface LoadStepArgs extends DestinationUse {
  ref: PackageRef;
  spec: ResolvedPipeline;
}

export interface Migrated {
  /** Root tables to load; with `commits: "chain"` one step may take each. */
  roots: string[];
  created: string[];
  /** "table.column" */
  added: string[];
}

/** Tables, columns and `_dlt_version`, for the package and for the state's own package where there is one. */
export async function migrateStep(args: LoadStepArgs): Promise<Migrated> {
  const { plans } = await packagePlans(args.ref, args.spec);
  return withSession(args, session => migrateAll(session, plans));
}

async function migrateAll(session: DestinationSession, plans: readonly LoadPlan[]): Promise<Migrated> {
  const done: MigrationInfo[] = [];
  for (const plan of plans) done.push(await session.migrate(plan));
  return {
    roots: plans.flatMap(plan => plan.roots),
    created: done.flatMap(one => one.created),
    added: done.flatMap(one => one.added),
  };
}

export interface Staged {
  files: number;
  bytes: number;
  /** Files that an earlier attempt had staged. */
  resumed: number;
}

/** Brings the files to where the destination reads them; after migrate, which makes the place for them. */
export async function stageStep(args: LoadStepArgs): Promise<Staged> {
  const { plans } = await packagePlans(args.ref, args.spec);
  return withSession(args, async session => {
    const staged = [];
    for (const plan of plans) staged.push(...((await session.stage?.(plan)) ?? []));
    return {
      files: staged.length,
      bytes: staged.reduce((sum, file) => sum + file.bytes, 0),
      resumed: staged.filter(file => file.resumed).length,
    };
  });
}

/**
 * Loads table chains. Where the destination commits the package as a whole, all of it, state and `_dlt_loads`
 * included, whatever `roots` says.
 */
export async function loadStep(args: LoadStepArgs, roots: string[]): Promise<LoadedTable[]> {
  const { plans, record } = await packagePlans(args.ref, args.spec);
  if (args.destination.capabilities.commits === "chain") await markLoading(args.ref, record, plans);
  return withSession(args, session => session.loadChains(plans, roots));
}

export interface CommittedPackage {
  migrated: Omit<Migrated, "roots">;
  tables: LoadedTable[];
  completed: CompletedLoad;
  seconds: { migrate: number; load: number; complete: number };
}

/**
 * Migrate, load and complete in one step and one session, where the destination commits the package as a whole: opening
 * and closing it costs more than a small load itself.
 */
export async function commitStep(args: LoadStepArgs): Promise<CommittedPackage> {
  const { plans } = await packagePlans(args.ref, args.spec);
  const start = performance.now();
  let loading = start;
  const [{ created, added }, tables] = await withSession(args, async session => {
    const migrated = await migrateAll(session, plans);
    loading = performance.now();
    return [migrated, await session.loadChains(plans, migrated.roots)] as const;
  });
  const completing = performance.now();
  const completed = await completeStep(args);
  return {
    migrated: { created, added },
    tables,
    completed,
    seconds: {
      migrate: (loading - start) / 1000,
      load: (completing - loading) / 1000,
      complete: (performance.now() - completing) / 1000,
    },
  };
}

/** From now on some tables may hold part of the package: dropping it could load appended rows twice. */
async function markLoading(
  ref: PackageRef,
  record: PackageRecord,
  plans: readonly LoadPlan[],
): Promise<void> {
  if (record.loading !== undefined) return;
  const loading: { [disposition: string]: string[] } = {};
  for (const { schema, roots } of plans) {
    for (const root of roots) {
      const disposition = schema.tables[root]?.write_disposition ?? "append";
      loading[disposition] = [...(loading[disposition] ?? []), root];
    }
  }
  await updatePackage(ref, { loading });
}

/**
 * Closes the load: state row and `_dlt_loads` row where they are not committed yet, then the package is reduced to
 * a small record unless `keep` is asked.
 */
export async function completeStep(
  args: LoadStepArgs,
  options: { keep?: boolean } = {},
): Promise<CompletedLoad> {
  const before = await readPackage(args.ref);
  if (before.loaded !== undefined) return before.loaded;
  const { plans, extracted, record } = await packagePlans(args.ref, args.spec);
  // Where a package is committed as a whole there is nothing left to do there: no need to open it once more.
  if (args.destination.capabilities.commits === "chain") {
    await withSession(args, async session => {
      for (const plan of plans) await session.completeLoad(plan);
    });
  }
  const { backfill } = record;
  const completed: CompletedLoad = {
    schema_name: record.schema_name,
    cursors: extracted.cursors,
    state: stateRef(extracted.state),
    state_load_id: plans.find(plan => plan.state !== undefined)?.load_id ?? record.finished?.state_load_id,
    schema_version_hash: ownHash(plans, args.ref.load_id),
    notes: [],
    ...(backfill === undefined
      ? {}
      : {
          backfill: {
            resource: backfill.resource,
            from: String(backfill.from),
            ...(backfill.to === undefined ? {} : { to: String(backfill.to) }),
            tables: extracted.tables
              .filter(({ resource }) => resource === backfill.resource)
              .map(({ table }) => table),
          },
        }),
  };
  const schema_version = plans.find(plan => plan.load_id === args.ref.load_id)?.schema.version;
  const rows: { [table: string]: number } = {};
  for (const { table, rows: n } of plans.flatMap(plan => plan.files)) rows[table] = (rows[table] ?? 0) + n;
  await updatePackage(args.ref, { state: "loaded", loaded: completed, schema_version, rows });
  if (!options.keep) await reducePackage(args.ref);
  return completed;
}

const ownHash = (plans: LoadPlan[], loadId: string): string | undefined =>
  plans.find(plan => plan.load_id === loadId)?.schema.version_hash;
