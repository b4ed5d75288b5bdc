/** Reads a stored schema back from `_dlt_version`, for every destination. */
import { inflateSync } from "node:zlib";
import { TidemarkError } from "../pipeline/errors";
import { SCHEMA_ENGINE_VERSION, type StoredSchema } from "../schema/types";
import { VERSION_TABLE } from "./table-chains";

/**
 * dlt stores plain JSON, or base64 of zlib where a destination limits the length of text.
 * @throws TidemarkError ENGINE_TOO_OLD for a schema of a newer engine, DESTINATION_REFUSED for a broken one
 */
export function decodeSchema(name: string, text: string): StoredSchema {
  let schema: StoredSchema;
  try {
    schema = JSON.parse(
      text.startsWith("{") ? text : inflateSync(Buffer.from(text, "base64")).toString("utf8"),
    ) as StoredSchema;
  } catch {
    throw new TidemarkError(
      "DESTINATION_REFUSED",
      `The stored version of schema "${name}" in ${VERSION_TABLE} is not readable. Delete its newest row to fall back ` +
        "to an older version.",
    );
  }
  if (schema.engine_version > SCHEMA_ENGINE_VERSION) {
    throw new TidemarkError(
      "ENGINE_TOO_OLD",
      `Schema "${name}" was stored by engine version ${schema.engine_version}; this program reads up to ` +
        `${SCHEMA_ENGINE_VERSION}. Update tidemark.`,
    );
  }
  return schema;
}
