/** From a normalized package to what the destination is asked to do. */
import { join } from "node:path";
import { datasetNames } from "../destinations/dataset-names";
import type { LoadPlan, StateRow } from "../destinations/destination";
import { normalizeAttemptFolder, type PackageRef } from "../package/layout";
import { type PackageRecord, readPackage } from "../package/package-record";
import { TidemarkError } from "../pipeline/errors";
import type { ResolvedPipeline } from "../pipeline/spec";
import { rowDigest } from "../schema/hashing";
import { rootOf } from "../schema/table-chain";
import type { PipelineState } from "../state/pipeline-state";
import { encodeStateBlob, STATE_ENGINE_VERSION } from "../state/state-blob";
import { hasMainWork } from "./finish-extract";
import { type Extracted, findNormalized, readBegun, readExtracted } from "./plan-files";

export interface PackagePlans {
  record: PackageRecord;
  extracted: Extracted;
  /** One package in the destination's eyes each, in the order they must be loaded. */
  plans: LoadPlan[];
}

/** @throws TidemarkError PACKAGE_LOST when the package is gone or was never normalized */
export async function packagePlans(ref: PackageRef, spec: ResolvedPipeline): Promise<PackagePlans> {
  const record = await readPackage(ref);
  const normalized = await findNormalized(ref);
  if (normalized === null) {
    throw new TidemarkError("PACKAGE_LOST", `Load package ${ref.load_id} has no normalized files to load.`);
  }
  const folder = normalizeAttemptFolder(ref, normalized.attempt);
  const [begun, extracted] = await Promise.all([readBegun(ref), readExtracted(ref)]);
  const common = {
    ...datasetNames(spec),
    pipeline_name: spec.pipeline_name,
    created_at: record.created_at,
    ...(begun.dataset_missing ? { dataset_missing: true } : {}),
    ...(record.base === undefined ? {} : { base: record.base }),
    own_load_ids: [
      ref.load_id,
      ...(extracted.state_package === undefined ? [] : [extracted.state_package.load_id]),
    ],
  };
  const plans: LoadPlan[] = [];
  if (hasMainWork(begun, extracted)) {
    const { schema } = normalized;
    const written = normalized.files.map(file => rootOf(schema.tables, file.table).name);
    plans.push({
      ...common,
      load_id: ref.load_id,
      schema,
      files: normalized.files.map(file => ({ ...file, path: join(folder, file.path) })),
      roots: [...new Set([...written, ...extracted.emptied])],
      ...(extracted.state_due && extracted.state_package === undefined
        ? { state: stateRow(extracted.state, ref.load_id, record.created_at) }
        : {}),
      ...(begun.stored_version_hash === schema.version_hash ? { version_known: true } : {}),
      ...(begun.refresh === undefined ? {} : { refresh: begun.refresh }),
    });
  }
  if (extracted.state_package !== undefined && normalized.state_schema !== undefined) {
    const { load_id } = extracted.state_package;
    plans.push({
      ...common,
      load_id,
      schema: normalized.state_schema,
      files: [],
      roots: [],
      state: stateRow(extracted.state, load_id, record.created_at),
    });
  }
  return { record, extracted, plans };
}

/** The same row in every attempt: its id is derived from the load id. */
function stateRow(state: PipelineState, loadId: string, createdAt: string): StateRow {
  return {
    version: state._state_version,
    engine_version: STATE_ENGINE_VERSION,
    pipeline_name: state.pipeline_name,
    blob: encodeStateBlob(state),
    created_at: createdAt,
    version_hash: state._version_hash ?? "",
    dlt_id: rowDigest(`${loadId}_state`),
  };
}
