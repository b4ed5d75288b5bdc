/** Source type `code`: async generators of a module, loaded where the worker runs. */
import { isAbsolute } from "node:path";
import type { Row } from "../../json/values";
import { TidemarkError } from "../../pipeline/errors";
import { nearestName } from "../../pipeline/nearest-name";
import type { JsonObject } from "../../pipeline/spec";
import { requireModule } from "../../project-modules";
import { toHints, toIncremental } from "../resource-hints";
import type { OpenOptions, Page, Resource, Source, SourceType, Surroundings } from "../source";
import { type CodeContext, type CodeGenerator, isPage } from "./code-module";
import { type CodeResourceSpec, checkCode, codeShape, parentsFirst } from "./code-shape";
import { toRow } from "./code-values";
import { registeredSource, withRegistered } from "./registered";

/** Rows that come one by one are handed on in pages of this many. */
const ROWS_PER_PAGE = 1_000;

/** The first line only, and never more than this: what a stranger's error says may be long. */
const MESSAGE_LIMIT = 300;

function firstLine(error: unknown): string {
  const message = error instanceof Error ? `${error.name}: ${error.message}` : typeof error;
  return message.split("\n")[0]!.slice(0, MESSAGE_LIMIT);
}

function failed(what: string, error: unknown): TidemarkError {
  if (error instanceof TidemarkError) return error;
  return new TidemarkError("SOURCE_CODE_FAILED", `${what}: ${firstLine(error)}`, {
    step: "extract",
    cause: error,
  });
}

/** What a generator throws may quote a row, and messages enter history: class and place here, the rest in the log. */
function thrown(resource: string, error: unknown): TidemarkError {
  if (error instanceof TidemarkError) return error;
  const kind = error instanceof Error ? error.name : typeof error;
  const place =
    error instanceof Error ? /\(?([^\s(]+:\d+:\d+)\)?\n/.exec(`${error.stack}\n`)?.[1] : undefined;
  return new TidemarkError(
    "SOURCE_CODE_FAILED",
    `The generator of resource "${resource}" threw ${kind}${place === undefined ? "" : ` at ${place}`}. ` +
      "Its message is in the worker's log, as it may quote a row. Throw a TidemarkError for a message that may be shown.",
    { step: "extract", cause: error },
  );
}

function loadModule(file: string): { [name: string]: unknown } {
  if (!isAbsolute(file)) {
    throw new TidemarkError("SOURCE_CODE_FAILED", `The module path "${file}" is not absolute.`);
  }
  try {
    return requireModule(file);
  } catch (error) {
    throw failed(`The source module ${file} could not be loaded`, error);
  }
}

/** Generators by name, and where they are from. */
interface Generators {
  from: string;
  named: { [name: string]: unknown };
}

function generatorsOf(
  { module: file, source: name }: { module?: string | null; source?: string | null },
  registered: Surroundings["registered"],
): Generators {
  if (name == null) return { from: file!, named: loadModule(file!) };
  const { resources } = registeredSource(name, registered);
  const named = Object.entries(resources).map(([resource, { rows }]) => [resource, rows]);
  return { from: `the source "${name}"`, named: Object.fromEntries(named) };
}

function findGenerator({ named: module_, from: file }: Generators, spec: CodeResourceSpec): CodeGenerator {
  const name = spec.generator ?? spec.name;
  const found = Object.hasOwn(module_, name) ? module_[name] : undefined;
  if (typeof found === "function") return found as CodeGenerator;
  const functions = Object.keys(module_).filter(key => typeof module_[key] === "function");
  const near = nearestName(name, functions);
  throw new TidemarkError(
    "SOURCE_CODE_FAILED",
    `Resource "${spec.name}" names the generator "${name}", but ${file} exports no function of that name` +
      (near ? `; did you mean "${near}"?` : `; it exports: ${functions.join(", ") || "none"}.`),
  );
}

function contextOf(spec: CodeResourceSpec, options: OpenOptions): CodeContext {
  const { incremental: range } = options;
  return {
    signal: options.signal,
    args: (spec.args ?? {}) as JsonObject,
    parentRows: options.parentRows,
    resume: options.resume,
    incremental: range && {
      start_value: range.start_value,
      end_value: range.end_value,
      last_value: range.last_value,
      initial_value: range.initial_value,
    },
  };
}

async function* pages(
  generator: CodeGenerator,
  spec: CodeResourceSpec,
  options: OpenOptions,
): AsyncIterable<Page> {
  let single: Row[] = [];
  try {
    for await (const yielded of generator(contextOf(spec, options))) {
      options.signal.throwIfAborted();
      const isSingle = !(isPage(yielded) || Array.isArray(yielded));
      if (isSingle) single.push(toRow(yielded, spec.name));
      if (single.length > 0 && (!isSingle || single.length >= ROWS_PER_PAGE)) {
        yield { rows: single };
        single = [];
      }
      if (isSingle) continue;
      const rows = (isPage(yielded) ? yielded.rows : yielded) as readonly unknown[];
      const converted = rows.map(row => toRow(row, spec.name));
      yield isPage(yielded) ? { rows: converted, resume: yielded.resume } : { rows: converted };
    }
  } catch (error) {
    if (options.signal.aborted) throw error;
    throw thrown(spec.name, error);
  }
  if (single.length > 0) yield { rows: single };
}

function toResource(spec: CodeResourceSpec, generator: CodeGenerator): Resource {
  return {
    name: spec.name,
    hints: toHints(spec),
    parent: spec.parent ?? undefined,
    selected: spec.selected ?? true,
    incremental: toIncremental(spec.incremental, spec.primary_key),
    open: options => pages(generator, spec, options),
  };
}

export const codeSource: SourceType = {
  type: "code",
  shape: codeShape,
  example: `pipeline_name: events
source:
  type: code
  module: ./events.ts
  resources:
    - { name: events, primary_key: id, write_disposition: merge, args: { region: eu } }`,
  check: checkCode,
  secretPointers: () => [],
  complete: withRegistered,
  /** @throws TidemarkError SOURCE_CODE_FAILED when the module or one of its generators is not there; SOURCE_NOT_REGISTERED */
  create(source, surroundings): Source {
    const { name, resources, ...place } = codeShape.parse(source);
    const generators = generatorsOf(place, surroundings?.registered);
    return {
      name,
      resources: parentsFirst(resources ?? []).ordered.map(spec =>
        toResource(spec, findGenerator(generators, spec)),
      ),
    };
  },
};
