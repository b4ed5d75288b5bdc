/** The project's own Temporal data converter: a codec that encrypts, a converter of other types. */
import type { DataConverter } from "@temporalio/common";
import type { Config } from "./config";
import { exportOf } from "./project-file";

/**
 * What client and workers are made with; undefined: Temporal's own.
 * @throws TidemarkError PROJECT_FILE_INVALID
 */
export function dataConverterOf({ dataConverter: given }: Config): DataConverter | undefined {
  if (typeof given !== "string") return given as DataConverter | undefined;
  return exportOf(given, ["dataConverter", "default"], "The data converter") as DataConverter;
}
