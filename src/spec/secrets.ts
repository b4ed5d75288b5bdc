/**
 * Secrets are never in history (design law 1). A spec names where a secret is; the worker looks it up at use.
 * Literals in a local file are swapped for `{ spec_ref: { file, pointer } }`; literals in an inline spec are refused.
 */
import { TidemarkError } from "../pipeline/errors";
import { collectTexts } from "../pipeline/redact";
import { isSecretRef } from "../pipeline/secret-ref";
import type { Json, JsonObject, SecretRef } from "../pipeline/spec";

type Env = { [name: string]: string | undefined };

/** Pointers (inside `source`) of literal values that stand where secrets belong. */
export function literalSecrets(source: JsonObject, pointers: readonly string[]): string[] {
  return pointers.filter(pointer => {
    const value = readPointer(source, pointer);
    return value !== undefined && value !== null && value !== "" && !holdsOnlyRefs(value);
  });
}

function holdsOnlyRefs(value: Json): boolean {
  if (isSecretRef(value)) return true;
  if (typeof value !== "object" || value === null) return false;
  return Object.values(value).every(inner => inner === null || holdsOnlyRefs(inner as Json));
}

/**
 * A copy of `source` in which the literals at `pointers` are references into the spec file.
 * @param at pointer of `source` in the file
 */
export function swapLiterals(
  source: JsonObject,
  pointers: readonly string[],
  file: string,
  at = "/source",
): JsonObject {
  const copy = structuredClone(source);
  for (const pointer of literalSecrets(source, pointers)) {
    writePointer(copy, pointer, { spec_ref: { file, pointer: `${at}${pointer}` } });
  }
  return copy;
}

/**
 * Where the worker finds secrets. `readSpecFile` reads a local spec document again, `readDltSetting` gives the value
 * of a dotted path in dlt's configuration.
 */
export interface SecretLookup {
  env: Env;
  readDltSetting: (path: string) => Json | undefined;
  readSpecFile: (file: string) => JsonObject;
}

/**
 * A copy of `value` with every reference replaced by what it names.
 * @param where the part of the spec that `value` is, for messages
 * @returns the copy and all secret texts in it, for redaction
 * @throws TidemarkError SECRET_MISSING
 */
export function resolveSecrets<T extends Json>(
  value: T,
  lookup: SecretLookup,
  where = "source",
): { value: T; secrets: string[] } {
  const secrets: string[] = [];
  const walk = (node: Json, path: string): Json => {
    if (isSecretRef(node)) {
      const found = lookUp(node, lookup, path);
      collectTexts(found, secrets);
      return found;
    }
    if (Array.isArray(node)) return node.map((inner, i) => walk(inner, `${path}/${i}`));
    if (node !== null && typeof node === "object") {
      return Object.fromEntries(
        Object.entries(node).map(([key, inner]) => [key, walk(inner, `${path}/${key}`)]),
      );
    }
    return node;
  };
  return { value: walk(value, where) as T, secrets };
}

function lookUp(ref: SecretRef, lookup: SecretLookup, path: string): Json {
  if ("env" in ref) {
    const text = lookup.env[ref.env];
    if (text === undefined || text === "") {
      throw new TidemarkError(
        "SECRET_MISSING",
        `The spec names the environment variable ${ref.env} at ${path}, but the worker does not have it. ` +
          "Set it where the worker runs (for example in .env) and run again.",
      );
    }
    return text;
  }
  if ("dlt_secret" in ref) {
    const value = lookup.readDltSetting(ref.dlt_secret);
    if (value !== undefined) return value;
    throw new TidemarkError(
      "SECRET_MISSING",
      `The spec names the secret "${ref.dlt_secret}" at ${path}, but the worker does not have it. Put it into ` +
        `.dlt/secrets.toml, or set ${ref.dlt_secret.replaceAll(".", "__").toUpperCase()} where the worker runs.`,
    );
  }
  const value = readPointer(lookup.readSpecFile(ref.spec_ref.file), ref.spec_ref.pointer);
  if (value === undefined) {
    throw new TidemarkError(
      "SECRET_MISSING",
      `The spec file ${ref.spec_ref.file} no longer has a value at ${ref.spec_ref.pointer}. Put it back, or name an environment variable there.`,
    );
  }
  return value;
}

/** RFC 6901. */
export function readPointer(document: Json, pointer: string): Json | undefined {
  let node: Json | undefined = document;
  for (const part of pointer.split("/").slice(1)) {
    if (node === null || typeof node !== "object") return undefined;
    node = (node as JsonObject)[part.replaceAll("~1", "/").replaceAll("~0", "~")];
  }
  return node;
}

export function writePointer(document: JsonObject, pointer: string, value: Json): void {
  const parts = pointer
    .split("/")
    .slice(1)
    .map(part => part.replaceAll("~1", "/").replaceAll("~0", "~"));
  let node: JsonObject = document;
  for (const part of parts.slice(0, -1)) {
    const next = node[part];
    if (next === null || typeof next !== "object") node[part] = {};
    node = node[part] as JsonObject;
  }
  node[parts.at(-1)!] = value;
}
