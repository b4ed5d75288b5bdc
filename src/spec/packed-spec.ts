/**
 * A long spec on its way through history. Temporal refuses a payload of 2 MB and a message of 4, and the resolved spec
 * crosses several times in a run: as what `resolveRun` found, as the load child's input, as the input of the steps
 * that read it. Above a size it crosses compressed, beside the few fields that the workflow routes by, so that workflow
 * code, which has no zlib, needs no other; workers on any host unpack it. Below, it stays readable. Pure.
 */
import { createHash } from "node:crypto";
import { gunzipSync, gzipSync } from "node:zlib";
import { TidemarkError } from "../pipeline/errors";
import type { ResolvedPipeline } from "../pipeline/spec";

/** Bytes of JSON up to which a spec crosses as it is. */
export const PLAIN_LIMIT = 256 * 1024;
/** Bytes of the compressed form that may cross: half of Temporal's limit, as it is not alone in its payload. */
export const PACKED_LIMIT = 1024 * 1024;

/** The same spec in the form that may cross. @throws TidemarkError SPEC_INVALID with the size where it is too long */
export function packSpec(spec: ResolvedPipeline): ResolvedPipeline {
  const json = JSON.stringify(spec);
  const bytes = Buffer.byteLength(json);
  if (bytes <= PLAIN_LIMIT) return spec;
  const gzip_base64 = gzipSync(json).toString("base64");
  if (gzip_base64.length > PACKED_LIMIT) throw tooLong(spec, bytes, gzip_base64.length);
  const {
    pipeline_name,
    dataset_name,
    destination,
    source,
    transform,
    gate,
    retry,
    parallel,
    on_busy,
    notify,
  } = spec;
  return {
    pipeline_name,
    dataset_name,
    destination: { type: destination.type } as ResolvedPipeline["destination"],
    source: { type: source.type, name: source.name },
    ...(transform === undefined ? {} : { transform: { dbt: { ...transform.dbt, vars: undefined } } }),
    ...(gate === undefined ? {} : { gate: { ...gate, metrics: [] } }),
    retry,
    ...(parallel === undefined ? {} : { parallel }),
    ...(on_busy === undefined ? {} : { on_busy }),
    ...(notify === undefined ? {} : { notify: notify.map(({ on }) => ({ on })) }),
    packed: { gzip_base64, bytes, sha256: hashOf(json) },
  };
}

/** The whole spec again; one that crossed as it is comes back unchanged. @throws TidemarkError INTERNAL */
export function unpackSpec(spec: ResolvedPipeline): ResolvedPipeline {
  if (spec.packed === undefined) return spec;
  const { gzip_base64, bytes, sha256 } = spec.packed;
  const json = gunzipSync(Buffer.from(gzip_base64, "base64"), { maxOutputLength: bytes }).toString("utf8");
  if (hashOf(json) !== sha256) {
    throw new TidemarkError(
      "INTERNAL",
      `The spec of ${spec.pipeline_name} was changed on its way through history.`,
    );
  }
  return JSON.parse(json) as ResolvedPipeline;
}

/** @throws TidemarkError SPEC_INVALID with the size, before anything is started */
export function assertSpecCrosses(spec: ResolvedPipeline): void {
  packSpec(spec);
}

function tooLong(spec: ResolvedPipeline, bytes: number, packed: number): TidemarkError {
  const limit = `${PACKED_LIMIT / 1024 / 1024} MB`;
  return new TidemarkError(
    "SPEC_INVALID",
    `The spec of ${spec.pipeline_name} is too long: ${megabytes(bytes)} of JSON with its defaults filled in, ` +
      `${megabytes(packed)} compressed, and a run can carry ${limit} of that. Split its resources over several ` +
      "pipelines, say what they share once in resource_defaults, or leave out descriptions of columns.",
    { step: "resolve" },
  );
}

const megabytes = (bytes: number) => `${(bytes / 1024 / 1024).toFixed(1)} MB`;
const hashOf = (json: string) => createHash("sha256").update(json).digest("hex");
