/**
 * The text of dlt's pipeline state as it stands in `_dlt_pipeline_state.state`: base64 of zlib of typed JSON.
 *
 * The state is kept in memory as it is written: values that JSON has no form for stay strings with their tag (see
 * cursor-state.ts). So whatever other engines and users keep in it comes out unharmed, and equal content gives an
 * equal hash.
 */
import { deflateSync, inflateSync } from "node:zlib";
import { parseJson } from "../json/parse";
import { orjsonText } from "../json/print";
import type { Value } from "../json/values";
import { TidemarkError } from "../pipeline/errors";
import type { StateRef } from "../pipeline/infos";
import type { PipelineState } from "./pipeline-state";

/** dlt: PIPELINE_STATE_ENGINE_VERSION. */
export const STATE_ENGINE_VERSION = 4;

/** State texts above this stay out of histories (design law 1). */
const MAX_BLOB_IN_HISTORY = 32 * 1024;

const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

/** dlt: compress_state. */
export function encodeStateBlob(state: PipelineState): string {
  return deflateSync(Buffer.from(orjsonText(state as Value)), { level: 9 }).toString("base64");
}

/**
 * dlt: decompress_state; a bare JSON text is taken too.
 * @throws TidemarkError ENGINE_TOO_OLD when a newer engine wrote it, DESTINATION_REFUSED when it cannot be read
 */
export function decodeStateBlob(blob: string): PipelineState {
  const state = parseState(blob);
  const engine = state._state_engine_version;
  if (engine > STATE_ENGINE_VERSION) {
    throw new TidemarkError(
      "ENGINE_TOO_OLD",
      `The pipeline state in the destination has engine version ${engine}; this Tidemark reads up to ${STATE_ENGINE_VERSION}. Use a newer Tidemark.`,
    );
  }
  if (engine < 2) state._state_engine_version = 2;
  if (state._state_engine_version < STATE_ENGINE_VERSION) renameDestination(state);
  state._state_engine_version = STATE_ENGINE_VERSION;
  return state;
}

/** dlt: migrate_pipeline_state, engine 3 to 4: one `destination` became a type and a name. */
function renameDestination(state: PipelineState): void {
  for (const kind of ["destination", "staging"] as const) {
    const type = state[kind];
    if (typeof type === "string" && type !== "") {
      state[`${kind}_type`] = type;
      // dlt drops a name that equals the type's own.
      state[`${kind}_name`] = null;
    }
    delete state[kind];
  }
}

function parseState(blob: string): PipelineState {
  try {
    const text = BASE64.test(blob) ? inflateSync(Buffer.from(blob, "base64")).toString("utf8") : blob;
    const state = parseJson(text);
    if (
      state !== null &&
      typeof state === "object" &&
      typeof (state as PipelineState)._state_version === "number"
    ) {
      return state as PipelineState;
    }
  } catch (error) {
    throw unreadable(error);
  }
  throw unreadable();
}

function unreadable(cause?: unknown): TidemarkError {
  return new TidemarkError(
    "DESTINATION_REFUSED",
    "The newest row of _dlt_pipeline_state cannot be read: its state is no text that dlt or Tidemark wrote. Delete that row; the run then goes on from the one before.",
    { cause },
  );
}

/** The state as histories carry it. */
export function stateRef(state: PipelineState): StateRef {
  const blob = encodeStateBlob(state);
  return {
    version: state._state_version,
    version_hash: state._version_hash ?? "",
    ...(Buffer.byteLength(blob) <= MAX_BLOB_IN_HISTORY ? { blob } : {}),
  };
}
