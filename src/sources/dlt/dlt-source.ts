/**
 * Source type `dlt`: the project's own Python with dlt in it extracts, all resources in one go; everything after that is
 * done here. What Python alone can do, generators, transformers, own classes, data frames, works as it does in dlt.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CursorType } from "../../pipeline/cursor";
import { TidemarkError } from "../../pipeline/errors";
import type { JsonObject, ResourceHints, SourceSpec, WriteDisposition } from "../../pipeline/spec";
import type {
  Described,
  Resource,
  Source,
  SourceType,
  Surroundings,
  WholeOptions,
  WholeResult,
} from "../source";
import { bridgeError } from "./bridge-errors";
import { type BridgeEvent, runBridge } from "./bridge-process";
import { bytesOf, checkDlt, type DltSpec, dltShape, variableOf } from "./dlt-shape";
import { type DltFile, takeFiles } from "./extracted-files";
import { isSecretName, projectSecrets } from "./project-secrets";
import { findPython } from "./python";

const IDLE_SECONDS = 3_600;

interface DescribedResource {
  name: string;
  selected: boolean;
  parent?: string;
  disposition?: string;
  strategy?: string;
  has_scope?: boolean;
  has_merge_key?: boolean;
  cursor_path?: string;
  last_value_func?: "max" | "min";
  initial_type?: CursorType;
}

interface DescribedSource {
  dlt: string;
  notes: string[];
  resources: DescribedResource[];
}

export const dltSource: SourceType = {
  type: "dlt",
  shape: dltShape,
  example: `pipeline_name: github
source:
  type: dlt
  module: github_source
  source: github_reactions
  args: { owner: dlt-hub }
  settings: { sources.github.access_token: { env: GITHUB_TOKEN } }`,
  check: checkDlt,
  secretPointers: source =>
    Object.keys((source.settings as JsonObject | null | undefined) ?? {})
      .filter(isSecretName)
      .map(name => `/settings/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`),
  async describe(source, surroundings, { pipeline_name, signal, onWait }): Promise<Described> {
    const spec = specOf(source);
    // dlt wants a folder of its own; nothing is kept of it.
    const folder = mkdtempSync(join(tmpdir(), "tidemark-dlt-"));
    try {
      const bridge = new Bridge(spec, surroundings, folder, signal, onWait);
      const answer = await bridge.ask("described", {
        do: "describe",
        folder,
        pipeline: { pipeline_name },
      });
      return {
        name: String(answer.name),
        described: {
          dlt: bridge.version,
          notes: bridge.notes,
          resources: answer.resources,
        } as unknown as JsonObject,
      };
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
  create(source, surroundings): Source {
    const described = source.described as unknown as DescribedSource | undefined;
    if (described === undefined) {
      throw new TidemarkError("INTERNAL", "A dlt source was opened before it was asked for its resources.");
    }
    const spec = specOf(source);
    return {
      name: source.name,
      resources: described.resources.map(toResource),
      warnings: described.notes,
      whole: options => extractWhole(spec, source.name, surroundings ?? NOWHERE, options),
    };
  },
};

const NOWHERE: Surroundings = { network: { proxies: {}, ca_files: [], folder: "" }, secrets: [], env: {} };

function specOf({ described: _, ...source }: SourceSpec): DltSpec {
  return dltShape.parse(source.name === "" ? { ...source, name: undefined } : source);
}

function toResource(one: DescribedResource): Resource {
  const disposition = {
    disposition: one.disposition ?? "append",
    ...(one.strategy ? { strategy: one.strategy } : {}),
  };
  const hints: ResourceHints = {
    write_disposition: {
      ...disposition,
      ...(one.has_scope ? { destination_scope: "stands in Python" } : {}),
    } as WriteDisposition,
    ...(one.has_merge_key ? { merge_key: ["stands in Python"] } : {}),
  };
  return {
    name: one.name,
    hints,
    selected: one.selected,
    ...(one.parent === undefined ? {} : { parent: one.parent }),
    ...(one.cursor_path === undefined
      ? {}
      : {
          incremental: {
            cursor_path: one.cursor_path,
            last_value_func: one.last_value_func ?? "max",
            range_start: "closed",
            range_end: "open",
            on_cursor_value_missing: "raise",
          },
        }),
    open() {
      throw new TidemarkError("INTERNAL", "A resource of a dlt source is not extracted by itself.");
    },
  };
}

async function extractWhole(
  spec: DltSpec,
  name: string,
  surroundings: Surroundings,
  options: WholeOptions,
): Promise<WholeResult> {
  const { folder, signal, onProgress, pipeline_name } = options;
  const work = join(folder, "dlt");
  await writeWorkingFolder(join(work, pipeline_name), name, options);
  const bridge = new Bridge(
    spec,
    surroundings,
    folder,
    signal,
    phase => onProgress({ phase }),
    ({ table, rows }) => onProgress({ subject: String(table), rows: Number(rows) }),
  );
  const range = options.range;
  const answer = await bridge.ask("extracted", {
    do: "extract",
    folder: work,
    load_id: options.load_id,
    pipeline: {
      pipeline_name,
      dataset_name: options.dataset_name,
      destination: {
        ...options.destination,
        names: Math.min(
          options.destination.max_identifier_length,
          options.destination.max_column_identifier_length,
        ),
      },
    },
    name,
    run: options.run,
    resource_hints: options.resource_hints,
    ...(range === undefined
      ? options.resources === undefined
        ? {}
        : { resources: [...options.resources] }
      : { resources: [range.resource], range: { ...range } }),
  });
  if (answer.name !== name) throw renamed(String(answer.name), name);
  const packages = answer.packages as { files: DltFile[] }[];
  const files = packages.flatMap(one => one.files).filter(({ table }) => !table.startsWith("_dlt_"));
  return {
    schema: readFileSync(String(answer.schema), "utf8"),
    state: readFileSync(String(answer.state), "utf8"),
    files: await takeFiles(files, folder, signal),
    notes: bridge.notes,
  };
}

function renamed(now: string, before: string): TidemarkError {
  return new TidemarkError(
    "PYTHON_SOURCE",
    `The source called itself "${before}" when the run began, and "${now}" when it was extracted. Its name is the schema's and has to stay: give it one by @dlt.source(name=…).`,
    { step: "extract" },
  );
}

/** dlt's working folder as dlt leaves it after a restore: the pipeline's state, and the schema where there is one. */
async function writeWorkingFolder(folder: string, name: string, options: WholeOptions): Promise<void> {
  await mkdir(join(folder, "schemas"), { recursive: true });
  await writeFile(join(folder, "state.json"), options.state);
  if (options.schema !== undefined) {
    await writeFile(join(folder, "schemas", `${name}.schema.json`), options.schema);
  }
}

/** The project's Python with the settings of one spec. */
class Bridge {
  readonly notes: string[] = [];
  version = "";

  constructor(
    private readonly spec: DltSpec,
    private readonly surroundings: Surroundings,
    private readonly folder: string,
    private readonly signal: AbortSignal,
    private readonly onWait: (what: string) => void,
    private readonly onProgress: (event: BridgeEvent) => void = () => {},
  ) {}

  /** @returns the event that ended it well. @throws TidemarkError PYTHON_*, SOURCE_CODE_FAILED, … */
  async ask(wanted: string, request: JsonObject): Promise<BridgeEvent> {
    const { spec, surroundings, signal, onWait } = this;
    const project = spec.project_dir ?? process.cwd();
    const env = { ...surroundings.env, ...settingVariables(spec) };
    const python = await findPython(
      { ...spec, project_dir: project },
      { env, cache: surroundings.cache, signal, onWait },
    );
    const end = await runBridge(
      {
        ...given(spec, [
          "module",
          "program",
          "function",
          "source",
          "args",
          "resources",
          "max_table_nesting",
          "root_key",
          "schema_contract",
          "name",
        ]),
        ...(spec.run === undefined ? {} : { run_number: spec.run }),
        ...request,
        project,
      },
      {
        python,
        project,
        env,
        folder: this.folder,
        secrets: [...surroundings.secrets, ...projectSecrets(project, env)],
        ...(spec.memory_limit === undefined ? {} : { memory_bytes: bytesOf(spec.memory_limit) }),
        ...(spec.timeout_seconds === undefined ? {} : { timeout_ms: spec.timeout_seconds * 1000 }),
        idle_ms: (spec.idle_timeout_seconds ?? IDLE_SECONDS) * 1000,
        signal,
        onEvent: event => this.#take(event),
      },
    );
    if (end.last?.event !== wanted) throw bridgeError(end, whatOf(spec));
    return end.last;
  }

  #take(event: BridgeEvent): void {
    if (event.event === "note") this.notes.push(String(event.text));
    else if (event.event === "dlt") this.version = String(event.version);
    else if (event.event === "progress") this.onProgress(event);
  }
}

function whatOf({ module, source, program, function: called }: DltSpec): string {
  if (program === undefined) return `${module}:${source}`;
  return called === undefined ? program : `${program}:${called}`;
}

function given(spec: DltSpec, keys: (keyof DltSpec)[]): JsonObject {
  return Object.fromEntries(keys.flatMap(key => (spec[key] == null ? [] : [[key, spec[key]]]))) as JsonObject;
}

/** dlt's own way in for a setting; objects and lists as JSON, which dlt reads there. */
function settingVariables({ settings }: DltSpec): { [name: string]: string } {
  return Object.fromEntries(
    Object.entries(settings ?? {}).map(([name, value]) => [
      variableOf(name),
      typeof value === "string" ? value : JSON.stringify(value),
    ]),
  );
}
