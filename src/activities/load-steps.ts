/** Steps of workflow `load`: thin functions over src/load; each may run twice, even at the same time (design law 2). */
import { randomUUID } from "node:crypto";
import { mkdir } from "node:fs/promises";
import type { Config } from "../config";
import type { Destination } from "../destinations/destination";
import { createDestination } from "../destinations/registry";
import { beginLoad } from "../load/begin-load";
import { extractStep } from "../load/extract-step";
import { finishExtract } from "../load/finish-extract";
import {
  type CommittedPackage,
  commitStep,
  completeStep,
  loadStep,
  type Migrated,
  migrateStep,
  type Staged,
  stageStep,
} from "../load/load-steps";
import { normalizeStep } from "../load/normalize-step";
import { readSpec } from "../load/plan-files";
import { writeFileOnce } from "../package/files";
import { failedPath, type PackageRef as PackagePlace } from "../package/layout";
import { type CompletedLoad, findPackage } from "../package/package-record";
import { listPackages, removePackage } from "../package/packages";
import { TidemarkError } from "../pipeline/errors";
import type {
  ExtractResourceInfo,
  FinishedExtract,
  LoadedTable,
  LoadRequest,
  NormalizeInfo,
  OpenedLoad,
  PackageRef,
} from "../pipeline/infos";
import type { ResolvedPipeline } from "../pipeline/spec";
import type { Source } from "../sources/source";
import { openSource, withDestinationSecrets } from "../spec/open-source";
import { unpackSpec } from "../spec/packed-spec";
import { asStep, type StepContext, type StepOptions } from "./heartbeats";
import { ownQueues, requirePlace, runOfThisTask } from "./hosts";
import { reservationOf, reservedPlace, withReservation } from "./load-reservation";
import { measure, measureCompleted, measureExtracted, measureLoaded } from "./measure";

/** A parquet file is closed at either bound; both keep memory bounded and files worth a COPY. */
const FILE_LIMITS = { rows_per_file: 1_000_000, bytes_per_file: 64 * 1024 * 1024 };

export function loadActivities(config: Config, options: StepOptions & { servesHost: boolean }) {
  const root = config.packageRoot;

  return {
    openLoad: ({ spec: crossed, place, history, backfill, drop }: LoadRequest): Promise<OpenedLoad> =>
      asStep({ step: "extract", pipeline: crossed.pipeline_name }, options, async step => {
        const spec = unpackSpec(crossed);
        await requirePlace(spec, place);
        const { source, destination } = await parts(spec, step, config);
        await mkdir(root, { recursive: true });
        const owner = await runOfThisTask();
        const reservation = reservedPlace(spec, destination);
        const begin = async (alone: boolean): Promise<OpenedLoad> => {
          if (drop !== undefined)
            await removePackage({ root, pipeline_name: spec.pipeline_name, load_id: drop });
          const now = () => performance.timeOrigin + performance.now();
          const { ref, ...begun } = await beginLoad({
            ...step,
            spec,
            source,
            destination,
            root,
            history,
            backfill,
            ...(owner === undefined ? {} : { owner }),
            alone,
            now,
          });
          const host = await ownQueues(config, options.servesHost);
          return {
            ...begun,
            ref: { pipeline_name: ref.pipeline_name, load_id: ref.load_id },
            queue: host.disk,
            host,
            ...(reservation === undefined ? {} : { reservation }),
          };
        };
        if (!owner || !reservation || !destination.reservations) return await begin(false);
        return await withReservation(
          destination.reservations,
          reservationOf(reservation, owner),
          spec,
          step,
          () => begin(true),
        );
      }),

    extractResource: ({
      ref,
      resource,
    }: {
      ref: PackageRef;
      resource: string;
    }): Promise<ExtractResourceInfo> =>
      asStep({ step: "extract", ...ofPackage(ref), resource }, options, async step => {
        if (await isLoaded(ref, config)) return { ...EXTRACTED_BEFORE, resource };
        const loaded = await open(ref, step, config);
        try {
          const info = await extractStep({
            ...step,
            ...loaded,
            resource,
            attempt: attemptName(step),
            ahead: { identity: loaded.destination.identity, limits: FILE_LIMITS },
          });
          measureExtracted(ref.pipeline_name, info);
          return info;
        } catch (error) {
          // A later run does not go on where repeating cannot help.
          if (error instanceof TidemarkError && error.kind === "terminal") {
            await writeFileOnce(failedPath(loaded.ref), `${error.code}\n`);
          }
          throw error;
        }
      }),

    finishExtract: ({ ref }: { ref: PackageRef }): Promise<FinishedExtract> =>
      asStep({ step: "extract", ...ofPackage(ref) }, options, async step => {
        const before = await findPackage(placeOf(ref, config));
        if (before?.finished !== undefined) return before.finished;
        const loaded = await open(ref, step, config);
        const finished = await finishExtract({
          ...loaded,
          identity: loaded.destination.identity,
          now: () => performance.timeOrigin + performance.now(),
        });
        await measurePending(loaded.ref);
        return finished;
      }),

    normalizePackage: ({ ref }: { ref: PackageRef }): Promise<NormalizeInfo> =>
      asStep({ step: "normalize", ...ofPackage(ref) }, options, async step => {
        if (await isLoaded(ref, config)) return NORMALIZED_BEFORE;
        const { place, capabilities } = await openDestination(ref, step, config);
        const info = await normalizeStep({
          ...step,
          ref: place,
          capabilities,
          attempt: attemptName(step),
          limits: FILE_LIMITS,
        });
        measure("tidemark_package_bytes", info.bytes, { pipeline: ref.pipeline_name });
        return info;
      }),

    migrateSchema: ({ ref }: { ref: PackageRef }): Promise<Migrated> =>
      asStep({ step: "load", ...ofPackage(ref) }, options, async step => {
        if (await isLoaded(ref, config)) return { roots: [], created: [], added: [] };
        const { place, spec, destination } = await openDestination(ref, step, config);
        return await migrateStep({ ...step, ref: place, spec, destination });
      }),

    stagePackage: ({ ref }: { ref: PackageRef }): Promise<Staged> =>
      asStep({ step: "stage", ...ofPackage(ref) }, options, async step => {
        if (await isLoaded(ref, config)) return { files: 0, bytes: 0, resumed: 0 };
        const { place, spec, destination } = await openDestination(ref, step, config);
        return await stageStep({ ...step, ref: place, spec, destination });
      }),

    loadChains: ({ ref, roots }: { ref: PackageRef; roots: string[] }): Promise<LoadedTable[]> =>
      asStep({ step: "load", ...ofPackage(ref) }, options, async step => {
        if (await isLoaded(ref, config)) return [];
        const { place, spec, destination } = await openDestination(ref, step, config);
        const tables = await loadStep({ ...step, ref: place, spec, destination }, roots);
        measureLoaded(ref.pipeline_name, tables);
        return tables;
      }),

    commitPackage: ({ ref }: { ref: PackageRef }): Promise<CommittedPackage> =>
      asStep({ step: "load", ...ofPackage(ref) }, options, async step => {
        const before = await findPackage(placeOf(ref, config));
        if (before?.loaded !== undefined) return { ...COMMITTED_BEFORE, completed: before.loaded };
        const { place, spec, destination } = await openDestination(ref, step, config);
        const committed = await commitStep({ ...step, ref: place, spec, destination });
        measureLoaded(ref.pipeline_name, committed.tables);
        await measureEnd(place, spec, committed.completed);
        return committed;
      }),

    completeLoad: ({ ref }: { ref: PackageRef }): Promise<CompletedLoad> =>
      asStep({ step: "load", ...ofPackage(ref) }, options, async step => {
        // The package is reduced to its record at the end: an attempt after that finds the answer there.
        const before = await findPackage(placeOf(ref, config));
        if (before?.loaded !== undefined) return before.loaded;
        const { place, spec, destination } = await openDestination(ref, step, config);
        const completed = await completeStep({ ...step, ref: place, spec, destination });
        await measureEnd(place, spec, completed);
        return completed;
      }),
  };
}

/**
 * A workflow that was put back (`temporal workflow reset`) asks again for steps of a package that is loaded and reduced
 * to its record. There is nothing left to do for them.
 */
async function isLoaded(ref: PackageRef, config: Config): Promise<boolean> {
  return (await findPackage(placeOf(ref, config)))?.loaded !== undefined;
}

const EXTRACTED_BEFORE = { attempt: "", rows: 0, bytes: 0, pages: 0, requests: 0 } as const;
const COMMITTED_BEFORE = {
  migrated: { created: [], added: [] },
  tables: [],
  seconds: { migrate: 0, load: 0, complete: 0 },
};
const NORMALIZED_BEFORE: NormalizeInfo = {
  attempt: "",
  tables: [],
  files: 0,
  bytes: 0,
  schema_version: 0,
  schema_version_hash: "",
  schema_changes: [],
};

interface Parts {
  spec: ResolvedPipeline;
  source: Source;
  destination: Destination;
}

async function parts(spec: ResolvedPipeline, step: StepContext, config: Config): Promise<Parts> {
  const destination = destinationOf(spec, step, config);
  return { spec, source: await sourceOf(spec, step, config), destination };
}

async function open(ref: PackageRef, step: StepContext, config: Config) {
  const { place, spec, destination, capabilities } = await openDestination(ref, step, config);
  return {
    ref: place,
    spec,
    source: await sourceOf(spec, step, config, ref.load_id),
    destination,
    capabilities,
  };
}

/** What the package was made for, without its source. */
async function openDestination(ref: PackageRef, step: StepContext, config: Config) {
  const place = placeOf(ref, config);
  const spec = await readSpec(place);
  const destination = destinationOf(spec, step, config);
  return { place, spec, destination, capabilities: destination.capabilities };
}

async function sourceOf(
  spec: ResolvedPipeline,
  step: StepContext,
  config: Config,
  load?: string,
): Promise<Source> {
  const { source, secrets } = await openSource(spec, config, load);
  step.secrets.push(...secrets);
  return source;
}

function destinationOf(spec: ResolvedPipeline, step: StepContext, config: Config): Destination {
  const { destination, secrets } = withDestinationSecrets(spec.destination, config);
  step.secrets.push(...secrets);
  return createDestination(destination);
}

/** History names a package; the folder is this worker's. */
function placeOf(ref: PackageRef, config: Config): PackagePlace {
  return { ...ref, root: config.packageRoot };
}

async function measureEnd(
  place: PackagePlace,
  { dataset_name: dataset }: ResolvedPipeline,
  { cursors }: CompletedLoad,
): Promise<void> {
  measureCompleted({ pipeline: place.pipeline_name, dataset }, cursors, Date.now());
  await measurePending(place);
}

/** Of the pipeline, in all its datasets. Trouble with a number is no trouble of the load. */
async function measurePending({ root, pipeline_name: pipeline }: PackagePlace): Promise<void> {
  const records = await listPackages(root, pipeline).catch(() => undefined);
  const pending = records?.filter(({ state }) => state === "extracted" || state === "normalized");
  if (pending !== undefined) measure("tidemark_pending_packages", pending.length, { pipeline });
}

const ofPackage = ({ pipeline_name: pipeline, load_id }: PackageRef) => ({ pipeline, load_id });

/** Each attempt writes a folder of its own (design law 2). */
function attemptName(step: StepContext): string {
  return `a${step.attempt}-${randomUUID().slice(0, 8)}`;
}
