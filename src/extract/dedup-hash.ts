/** dlt's hashes of rows at the cursor's boundary (dlt: digest_dedup_value, compute_unique_value). */
import { createHash } from "node:crypto";
import { orjsonText } from "../json/print";
import { type Row, Timestamp, type Value } from "../json/values";
import { TidemarkError } from "../pipeline/errors";
import { instantOf } from "./cursor-order";
import { epochMicros } from "./cursor-time";

const DIGEST_BYTES = 9;
/** Before dlt 1.29: 15 bytes, 20 characters, over JSON with `Z` for UTC. */
const LEGACY_DIGEST_BYTES = 15;
const LEGACY_LENGTH = 20;

export const isLegacyHash = (hash: string): boolean => hash.length === LEGACY_LENGTH;

/** Hash of a value as dlt writes it since 1.29, or as before that (`legacy`). */
export function dedupHash(value: Value, legacy = false): string {
  const text = orjsonText(withTimes(value, legacy ? legacyTime : time => epochMicros(instantOf(time))), {
    sortKeys: true,
  });
  return createHash("shake128", { outputLength: legacy ? LEGACY_DIGEST_BYTES : DIGEST_BYTES })
    .update(text)
    .digest("base64")
    .replaceAll("=", "");
}

const legacyTime = (time: Timestamp): Value => time.text.replace(/(\+00:00|Z)$/, "Z");

/**
 * What is hashed of a row: the key's value, the list of values of a composite key, or the whole row.
 * @throws TidemarkError DEDUP_KEY_MISSING
 */
export function dedupValue(row: Row, key: string[] | undefined, asList: boolean): Value {
  if (key === undefined) return row;
  const values = key.map(name => {
    const value = row[name];
    if (value !== undefined) return value;
    throw new TidemarkError(
      "DEDUP_KEY_MISSING",
      `a row has no field "${name}" of the primary key, which tells rows at the cursor's boundary apart. Name keys that every row has, or set the incremental's primary_key to [] to switch this off.`,
      { dltException: "IncrementalPrimaryKeyMissing" },
    );
  });
  return values.length === 1 && !asList ? values[0]! : values;
}

function withTimes(value: Value, convert: (time: Timestamp) => Value): Value {
  if (value instanceof Timestamp) return convert(value);
  if (Array.isArray(value)) return value.map(item => withTimes(item, convert));
  if (value !== null && typeof value === "object" && Object.getPrototypeOf(value) === Object.prototype) {
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [key, withTimes(item as Value, convert)]),
    );
  }
  return value;
}
