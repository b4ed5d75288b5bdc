/** YAML as specs are written in it: merge keys, any number of aliases, and nothing that is taken for something else. */
import type { Alias } from "yaml";

/**
 * Nodes that aliases may stand for in all. A base that hundreds of resources share is far below; aliases of aliases
 * that would fill the memory ("billion laughs") are far above.
 */
const MOST_ALIASED = 100_000;

/** @throws Error whose first line says what and where, and quotes no value */
export function parseYaml(text: string): unknown {
  // loaded for a spec of this kind only
  const { parseDocument, visit } = require("yaml") as typeof import("yaml");
  const document = parseDocument(text, { merge: true });
  const [error] = document.errors;
  if (error?.code === "MULTIPLE_DOCS")
    throw new Error("it holds several documents (---); a file is one pipeline's");
  if (error !== undefined) throw error;
  // A tag that nobody knows leaves a plain text, which may have been meant as a reference to a secret.
  const unknown = document.warnings.find(({ code }) => code === "TAG_RESOLVE_FAILED");
  if (unknown !== undefined) {
    const [what] = unknown.message.split("\n");
    throw new Error(
      `${what!.replace(/:$/, "")}. Tags have no meaning in a spec; a variable is { env: NAME }`,
    );
  }
  visit(document, {
    Alias: (_, alias: Alias) => {
      if (alias.resolve(document) === undefined)
        throw new Error(
          `the alias *${alias.source} stands for nothing: its anchor (&${alias.source}) must come before it`,
        );
    },
  });
  return document.toJS({ maxAliasCount: MOST_ALIASED });
}
