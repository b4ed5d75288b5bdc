/** dlt's digests. All base64 uses the standard alphabet. */
import { createHash } from "node:crypto";

/** dlt: digest128 with 10 bytes; 14 characters. */
export function rowDigest(text: string): string {
  return createHash("shake128", { outputLength: 10 }).update(text, "utf8").digest("base64").slice(0, 14);
}

/** dlt: the tag that makes a shortened name unique; 6 characters (NamingConvention._compute_tag). */
export function nameTag(original: string): string {
  return createHash("shake128", { outputLength: 4 })
    .update(original, "utf8")
    .digest("base64")
    .slice(0, 6)
    .replace(/\//g, "a")
    .replace(/\+/g, "b")
    .toLowerCase();
}

/** sha3-256 over the parts one after the other, base64 with padding. */
export function sha3Base64(parts: Iterable<string>): string {
  const hash = createHash("sha3-256");
  for (const part of parts) hash.update(part, "utf8");
  return hash.digest("base64");
}
