/** A spec document as YAML, and without literal secrets. */
import { stringify } from "yaml";
import type { JsonObject, SourceSpec } from "../pipeline/spec";
import { sourceType } from "../sources/registry";
import { literalSecrets, writePointer } from "./secrets";

/** @param comment lines that stand above the document */
export function printSpec(document: JsonObject, comment: readonly string[]): string {
  return comment.map(line => `# ${line}\n`).join("") + stringify(document, { lineWidth: 110 });
}

export interface NamedSecret {
  /** JSON pointer inside `source`. */
  pointer: string;
  /** The dotted name in dlt's configuration that stands there now. */
  name: string;
}

/** A copy in which names stand for literal secrets; they have to be put where the names say. */
export function withNamedSecrets(document: JsonObject): { document: JsonObject; named: NamedSecret[] } {
  const copy = structuredClone(document);
  const source = copy.source as JsonObject;
  const type = sourceType(String(source.type));
  if (type === undefined) return { document: copy, named: [] };
  const section = type.type === "rest_api" ? String(source.name) : "sql_database";
  const named = literalSecrets(source, type.secretPointers(source as SourceSpec)).map(pointer => {
    const key = pointer.split("/").at(-1)!.replaceAll("~1", "_").replaceAll("~0", "_");
    return { pointer, name: `sources.${section}.${key.toLowerCase().replaceAll(/[^a-z0-9_]+/g, "_")}` };
  });
  for (const { pointer, name } of named) writePointer(source, pointer, { dlt_secret: name });
  return { document: copy, named };
}
