/** dlt's pipeline state (engine version 4): what it holds, its hash, and when its version goes up. */
import { createHash } from "node:crypto";
import { parseJson } from "../json/parse";
import { orjsonText } from "../json/print";
import type { Value } from "../json/values";
import type { Json } from "../pipeline/spec";

/** Kept as written: see state-blob.ts. Order of keys has no meaning. */
export interface PipelineState {
  _state_version: number;
  _state_engine_version: number;
  _version_hash?: string;
  pipeline_name: string;
  dataset_name: string;
  default_schema_name?: string | null;
  schema_names?: string[];
  destination_type?: string | null;
  destination_name?: string | null;
  sources?: { [source: string]: SourceState };
  [key: string]: unknown;
}

export interface SourceState {
  resources?: { [resource: string]: ResourceState };
  [key: string]: unknown;
}

export interface ResourceState {
  incremental?: { [cursorPath: string]: StoredIncremental };
  [key: string]: unknown;
}

/** One cursor as stored; the three values in their tagged form. */
export interface StoredIncremental {
  initial_value?: Json;
  last_value?: Json;
  unique_hashes?: string[];
  /** Written by dlt since 1.2x; older states lack it. */
  start_value?: Json;
}

/** What a run always writes into its state (dlt: Pipeline._props_to_state). */
export interface StateProps {
  pipeline_name: string;
  dataset_name: string;
  default_schema_name: string;
  schema_names: string[];
  destination_type: string;
  destination_name: string | null;
}

const NOT_HASHED = ["_state_version", "_state_engine_version", "_version_hash", "_local"];

/** base64 of sha3-256 over the sorted typed JSON, without versions and local parts (dlt: generate_state_version_hash). */
export function stateHash(state: PipelineState): string {
  const content = Object.fromEntries(Object.entries(state).filter(([key]) => !NOT_HASHED.includes(key)));
  return createHash("sha3-256")
    .update(orjsonText(content as Value, { sortKeys: true }))
    .digest("base64");
}

/** State before the first load. Its first stored form gets version 1, as in dlt. */
export function emptyState(pipeline: string, dataset: string): PipelineState {
  return {
    _state_version: 0,
    _state_engine_version: 4,
    _version_hash: "",
    pipeline_name: pipeline,
    dataset_name: dataset,
  };
}

/**
 * A copy with the run's properties, hash and version (dlt: bump_state_version_if_modified). `changed` says whether
 * the content differs from the one whose hash `previous` carries, so whether a state row is due.
 */
export function finishState(
  previous: PipelineState,
  props: StateProps,
): { state: PipelineState; changed: boolean } {
  const state: PipelineState = { ...previous, ...props };
  delete state._local;
  const hash = stateHash(state);
  const changed = hash !== previous._version_hash;
  state._version_hash = hash;
  if (changed) state._state_version = previous._state_version + 1;
  return { state, changed };
}

/** A copy that shares nothing, by way of its text: structuredClone would lose the difference of `1` and `1.0`. */
export const copyState = (state: PipelineState): PipelineState => readState(stateText(state));

/** The state as JSON text, with all numbers exact; the form it has in package files. */
export const stateText = (state: PipelineState): string => orjsonText(state as Value);
export const readState = (text: string): PipelineState => parseJson(text) as PipelineState;

/** The resource's own part, made when it is missing. */
export function resourceState(state: PipelineState, source: string, resource: string): ResourceState {
  state.sources ??= {};
  state.sources[source] ??= {};
  const own = state.sources[source];
  own.resources ??= {};
  own.resources[resource] ??= {};
  return own.resources[resource];
}

export function getIncremental(
  state: PipelineState,
  source: string,
  resource: string,
  cursorPath: string,
): StoredIncremental | undefined {
  return state.sources?.[source]?.resources?.[resource]?.incremental?.[cursorPath];
}

export function setIncremental(
  state: PipelineState,
  at: { source: string; resource: string; cursor_path: string },
  value: StoredIncremental,
): void {
  const own = resourceState(state, at.source, at.resource);
  own.incremental ??= {};
  own.incremental[at.cursor_path] = value;
}

/**
 * dlt: reset_resource_state, done to every resource with disposition `replace` at the start of a run. Asking for the
 * source's state makes it, so an empty object is stored even when there was nothing to reset: it is hashed.
 */
export function resetResource(state: PipelineState, source: string, resource: string): void {
  state.sources ??= {};
  state.sources[source] ??= {};
  delete state.sources[source].resources?.[resource];
}
