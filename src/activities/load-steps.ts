/** Steps of workflow `load`: thin functions over src/load; each may run twice, even at the same time (design law 2). */
import { randomUUID } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Config } from "../config";
import type { Destination } from "../destinations/destination";
import { createDestination } from "../destinations/registry";
import { beginLoad } from "../load/begin-load";
import { extractStep } from "../load/extract-step";
import { finishExtract } from "../load/finish-extract";
import {
  completeStep,
  loadStep,
  type Migrated,
  migrateStep,
  type Staged,
  stageStep,
} from "../load/load-steps";
import { normalizeStep } from "../load/normalize-step";
import { diskQueueName } from "../package/disk-queue";
import { readText, writeFileAtomic } from "../package/files";
import { type PackageRef as PackagePlace, packageFolder } from "../package/layout";
import { type CompletedLoad, findPackage } from "../package/package-record";
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
import { asStep, type Observe, type StepContext } from "./heartbeats";

/** A parquet file is closed at either bound; both keep memory bounded and files worth a COPY. */
const FILE_LIMITS = { rows_per_file: 1_000_000, bytes_per_file: 64 * 1024 * 1024 };

export function loadActivities(config: Config, observe: Observe | undefined) {
  const root = config.packageRoot;

  return {
    openLoad: ({ spec, history, backfill }: LoadRequest): Promise<OpenedLoad> =>
      asStep("extract", observe, async step => {
        const { source, destination } = await parts(spec, step, config);
        await mkdir(root, { recursive: true });
        const now = () => performance.timeOrigin + performance.now();
        const { ref, ...begun } = await beginLoad({
          ...step,
          spec,
          source,
          destination,
          root,
          history,
          backfill,
          now,
        });
        if (begun.outcome === "opened") await writeFileAtomic(specPath(ref), JSON.stringify(spec));
        return {
          ...begun,
          ref: { pipeline_name: ref.pipeline_name, load_id: ref.load_id },
          queue: await diskQueueName(root),
        };
      }),

    extractResource: ({
      ref,
      resource,
    }: {
      ref: PackageRef;
      resource: string;
    }): Promise<ExtractResourceInfo> =>
      asStep("extract", observe, async step => {
        const loaded = await open(ref, step, config);
        return await extractStep({ ...step, ...loaded, resource, attempt: attemptName(step) });
      }),

    finishExtract: ({ ref }: { ref: PackageRef }): Promise<FinishedExtract> =>
      asStep("extract", observe, async step => {
        const loaded = await open(ref, step, config);
        return await finishExtract({
          ...loaded,
          identity: loaded.destination.identity,
          now: () => performance.timeOrigin + performance.now(),
        });
      }),

    normalizePackage: ({ ref }: { ref: PackageRef }): Promise<NormalizeInfo> =>
      asStep("normalize", observe, async step => {
        const { place, capabilities } = await openDestination(ref, step, config);
        return await normalizeStep({
          ...step,
          ref: place,
          capabilities,
          attempt: attemptName(step),
          limits: FILE_LIMITS,
        });
      }),

    migrateSchema: ({ ref }: { ref: PackageRef }): Promise<Migrated> =>
      asStep("load", observe, async step => {
        const { place, spec, destination } = await openDestination(ref, step, config);
        return await migrateStep({ ...step, ref: place, spec, destination });
      }),

    stagePackage: ({ ref }: { ref: PackageRef }): Promise<Staged> =>
      asStep("stage", observe, async step => {
        const { place, spec, destination } = await openDestination(ref, step, config);
        return await stageStep({ ...step, ref: place, spec, destination });
      }),

    loadChains: ({ ref, roots }: { ref: PackageRef; roots: string[] }): Promise<LoadedTable[]> =>
      asStep("load", observe, async step => {
        const { place, spec, destination } = await openDestination(ref, step, config);
        return await loadStep({ ...step, ref: place, spec, destination }, roots);
      }),

    completeLoad: ({ ref }: { ref: PackageRef }): Promise<CompletedLoad> =>
      asStep("load", observe, async step => {
        // The package is reduced to its record at the end: an attempt after that finds the answer there.
        const before = await findPackage(placeOf(ref, config));
        if (before?.loaded !== undefined) return before.loaded;
        const { place, spec, destination } = await openDestination(ref, step, config);
        return await completeStep({ ...step, ref: place, spec, destination });
      }),
  };
}

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
  const spec = JSON.parse(await readText(specPath(place))) as ResolvedPipeline;
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

/** The run's pinned spec, beside the package, so that history holds it once. */
const specPath = (place: PackagePlace) => join(packageFolder(place), "spec.json");

/** Each attempt writes a folder of its own (design law 2). */
function attemptName(step: StepContext): string {
  return `a${step.attempt}-${randomUUID().slice(0, 8)}`;
}
