/** Sources that a worker was given by name: generators of the user's own code, with what it says of them. */
import { TidemarkError } from "../../pipeline/errors";
import { nearestName } from "../../pipeline/nearest-name";
import type { Json, JsonObject, SourceSpec } from "../../pipeline/spec";
import type { HintsInput, IncrementalInput } from "../resource-hints";
import type { CodeGenerator } from "./code-module";

export type { CodeGenerator };

/** A resource with its hints, as dlt's `@dlt.resource(...)` has them; a spec may say them too, and then wins. */
export interface RegisteredResource extends HintsInput {
  rows: CodeGenerator;
  incremental?: IncrementalInput;
  args?: { [name: string]: Json };
  parent?: string;
  selected?: boolean;
}

const SOURCE = Symbol.for("tidemark.source");

export interface CodeSource {
  readonly [SOURCE]: true;
  readonly resources: { readonly [name: string]: RegisteredResource };
}

/**
 * A source from generators: `source({ customers, orders: { primary_key: "id", write_disposition: "merge", rows: orders } })`.
 * Workers take it by name (`sources: { shop }`), and specs name it: `source: { type: code, source: shop }`.
 * @throws TidemarkError SPEC_INVALID
 */
export function source(resources: { [name: string]: CodeGenerator | RegisteredResource }): CodeSource {
  const entries = Object.entries(resources).map(([name, given]) => {
    const resource = typeof given === "function" ? { rows: given } : given;
    if (typeof resource?.rows === "function") return [name, resource] as const;
    throw new TidemarkError(
      "SPEC_INVALID",
      `Resource "${name}" of a source is neither a generator function nor an object with one as \`rows\`.`,
    );
  });
  if (entries.length === 0) throw new TidemarkError("SPEC_INVALID", "A source has no resource.");
  return { [SOURCE]: true, resources: Object.fromEntries(entries) };
}

/** A source as it may be given to a worker: made by `source`, or a single generator, which is then its only resource. */
export function asSource(name: string, given: unknown): CodeSource {
  if (typeof given === "function") return source({ [given.name || name]: given as CodeGenerator });
  if (typeof given === "object" && given !== null && SOURCE in given) return given as CodeSource;
  throw new TidemarkError(
    "SPEC_INVALID",
    `sources.${name} is no source: give \`source({ … })\` of "tidemark", or a generator function.`,
  );
}

/**
 * @throws TidemarkError SOURCE_NOT_REGISTERED
 */
export function registeredSource(
  name: string,
  registered: { readonly [name: string]: unknown } | undefined,
): CodeSource {
  const names = Object.keys(registered ?? {});
  if (registered !== undefined && names.includes(name)) return asSource(name, registered[name]);
  const near = nearestName(name, names);
  throw new TidemarkError(
    "SOURCE_NOT_REGISTERED",
    `The spec names the source "${name}", which this worker was not given` +
      (near === undefined ? `; it has: ${names.join(", ") || "none"}.` : `; did you mean "${near}"?`) +
      " Add it to `sources` of TidemarkPlugin, or name a `module`.",
  );
}

/** The spec's source with the hints of the code for what it leaves out; without resources it takes all of them. */
export function withRegistered(
  spec: SourceSpec,
  registered: { readonly [name: string]: unknown } | undefined,
): SourceSpec {
  const given = spec as unknown as JsonObject;
  if (typeof given.source !== "string") return spec;
  const named = { name: given.source.replace(/\W/g, "_"), ...given };
  // Whoever only starts a run need not have the code.
  if (registered === undefined) return named as unknown as SourceSpec;
  const { resources } = registeredSource(given.source, registered);
  const wanted = Array.isArray(given.resources)
    ? (given.resources as JsonObject[])
    : Object.keys(resources).map(name => ({ name }) as JsonObject);
  return {
    ...named,
    resources: wanted.map(one => {
      const { rows: _, ...hints } = resources[String(one.generator ?? one.name)] ?? {};
      return { ...(JSON.parse(JSON.stringify(hints)) as JsonObject), ...one };
    }),
  } as unknown as SourceSpec;
}

/**
 * @param project those of the project's file, each loaded when it is asked for
 * @throws TidemarkError SPEC_INVALID for what is no source; NAME_TAKEN for a name that is there already
 */
export function registerSources(
  project: { readonly [name: string]: unknown },
  more: { readonly [name: string]: unknown } = {},
): { readonly [name: string]: unknown } {
  const all = Object.create(null, Object.getOwnPropertyDescriptors(project));
  for (const [name, given] of Object.entries(more)) {
    if (name in project && project[name] !== given) {
      throw new TidemarkError(
        "NAME_TAKEN",
        `Two sources are registered as "${name}", one by the project's configuration and one by the plugin's \`sources\`. Rename one.`,
      );
    }
    Object.defineProperty(all, name, { value: asSource(name, given), enumerable: true });
  }
  return all;
}
