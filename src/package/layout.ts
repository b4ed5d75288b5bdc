/** Where things lie in a load package: `<root>/<pipeline>/<load id>/…`. */
import { join } from "node:path";
import { safeName } from "./safe-name";

export interface PackageRef {
  /** Package root, absolute. */
  root: string;
  pipeline_name: string;
  load_id: string;
}

export const pipelineFolder = (root: string, pipeline: string) => join(root, safeName(pipeline));
export const packageFolder = (ref: PackageRef) =>
  join(pipelineFolder(ref.root, ref.pipeline_name), safeName(ref.load_id));
export const recordPath = (ref: PackageRef) => join(packageFolder(ref), "package.json");
export const specPath = (ref: PackageRef) => join(packageFolder(ref), "spec.json");
/** Says that the extraction failed in a way that repeating cannot help: no later run goes on with it. */
export const failedPath = (ref: PackageRef) => join(packageFolder(ref), "failed");
export const schemaPath = (ref: PackageRef) => join(packageFolder(ref), "schema.json");
export const statePath = (ref: PackageRef) => join(packageFolder(ref), "state.json");
/** What extract found, as one step's result: schema with hints, new state, which attempts count. */
export const extractedPath = (ref: PackageRef) => join(packageFolder(ref), "extracted.json");
export const resourceFolder = (ref: PackageRef, resource: string) =>
  join(packageFolder(ref), "extract", safeName(resource));
export const extractAttemptFolder = (ref: PackageRef, resource: string, attempt: string) =>
  join(resourceFolder(ref, resource), safeName(attempt));
export const normalizeAttemptFolder = (ref: PackageRef, attempt: string) =>
  join(packageFolder(ref), "normalize", safeName(attempt));
export const normalizedPath = (ref: PackageRef) => join(packageFolder(ref), "normalize", "normalized.json");
