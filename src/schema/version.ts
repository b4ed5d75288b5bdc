/** The schema's hash and version (dlt: generate_version_hash, bump_version_if_modified). */
import { byCodePoint, orjsonText } from "../json/print";
import type { Value } from "../json/values";
import { sha3Base64 } from "./hashing";
import type { StoredSchema } from "./types";

const HISTORY = 10;

/** Base64 of sha3-256 over the content and, since JSON keys are sorted for it, the order of columns. */
export function schemaHash(schema: StoredSchema): string {
  const {
    version: _v,
    version_hash: _h,
    imported_version_hash: _i,
    previous_hashes: _p,
    ...content
  } = schema;
  const parts = [orjsonText(content as unknown as Value, { sortKeys: true })];
  for (const table of Object.keys(schema.tables).sort(byCodePoint)) {
    parts.push(table, ...Object.keys(schema.tables[table]!.columns));
  }
  return sha3Base64(parts);
}

/**
 * Brings hash, version and history up to date after changes; the same object is changed. A schema that never had
 * a hash gets one without a new version. Returns true when the version was raised.
 */
export function bumpVersion(schema: StoredSchema): boolean {
  const hash = schemaHash(schema);
  const previous = schema.version_hash;
  if (hash === previous) return false;
  schema.version_hash = hash;
  if (!previous) {
    schema.version = schema.version || 1;
    return false;
  }
  schema.version += 1;
  if (!schema.previous_hashes.includes(previous)) {
    schema.previous_hashes = [previous, ...schema.previous_hashes].slice(0, HISTORY);
  }
  return true;
}
