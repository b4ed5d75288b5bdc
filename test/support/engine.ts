/** All steps of a load in order, in a plain script: the engine without Temporal, with real parts. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Destination } from "../../src/destinations/destination";
import { createDuckDbDestination } from "../../src/destinations/duckdb/duckdb-destination";
import type { DuckDbDestination } from "../../src/destinations/duckdb/spec";
import { SHARED_DEFAULTS } from "../../src/destinations/option-shapes";
import type { Row } from "../../src/json/values";
import { beginLoad } from "../../src/load/begin-load";
import { extractStep } from "../../src/load/extract-step";
import { finishExtract } from "../../src/load/finish-extract";
import { completeStep, loadStep, migrateStep, stageStep } from "../../src/load/load-steps";
import { normalizeStep } from "../../src/load/normalize-step";
import type { PackageRef } from "../../src/package/layout";
import type {
  ExtractResourceInfo,
  HistoryState,
  LoadedTable,
  LoadInfo,
  OnProgress,
} from "../../src/pipeline/infos";
import type { PackageOwner } from "../../src/pipeline/package-base";
import type { BackfillRequest, ResolvedPipeline } from "../../src/pipeline/spec";
import type { Resource, Source } from "../../src/sources/source";

export type StepName = "begin" | "extract" | "finish" | "normalize" | "migrate" | "load" | "complete";

export interface RunOptions {
  history?: HistoryState;
  backfill?: BackfillRequest;
  /** The run, and whether it holds the reservation on the destination. */
  owner?: PackageOwner;
  alone?: boolean;
  /** Called after each step is done; throwing is a process that died before the step was recorded. */
  after?: (step: StepName) => void;
  /** Progress inside of step load; throwing is a process that died there. */
  whileLoading?: OnProgress;
}

export type EngineRun = LoadInfo & { extracted: ExtractResourceInfo[] };

const duckdbSpec = (path: string): DuckDbDestination => ({ type: "duckdb", path, ...SHARED_DEFAULTS });

/** A package root and a DuckDB file of its own. */
export class Engine {
  readonly folder = mkdtempSync(join(tmpdir(), "tidemark-engine-"));
  readonly root = join(this.folder, "packages");
  readonly databasePath = join(this.folder, "data.duckdb");
  readonly destination: Destination;
  #clock = 1_795_456_129_000;
  #attempts = 0;

  /** @param elsewhere another destination in place of the DuckDB file */
  constructor(destination: Partial<DuckDbDestination> = {}, elsewhere?: Destination) {
    this.destination =
      elsewhere ?? createDuckDbDestination({ ...duckdbSpec(this.databasePath), ...destination });
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  spec(more: Partial<ResolvedPipeline> = {}): ResolvedPipeline {
    return {
      pipeline_name: "p",
      dataset_name: "raw",
      destination: duckdbSpec(this.databasePath),
      source: { type: "code", name: "s" },
      retry: { http_attempts: 1, activity_attempts: 1 },
      ...more,
    };
  }

  /** Strictly later at every call. */
  readonly now = () => {
    this.#clock += 1000;
    return this.#clock;
  };

  attempt(): string {
    this.#attempts++;
    return `a${this.#attempts}`;
  }

  readonly use = () => ({
    destination: this.destination,
    signal: new AbortController().signal,
    onProgress: () => {},
  });

  async run(spec: ResolvedPipeline, source: Source, options: RunOptions = {}): Promise<EngineRun> {
    const after = options.after ?? (() => {});
    const { capabilities, identity } = this.destination;
    const begun = await beginLoad({
      ...this.use(),
      spec,
      source,
      root: this.root,
      history: options.history,
      backfill: options.backfill,
      owner: options.owner,
      alone: options.alone,
      now: this.now,
    });
    after("begin");
    const { ref, notes } = begun;
    const extracted: ExtractResourceInfo[] = [];
    const info: EngineRun = {
      pipeline_name: spec.pipeline_name,
      dataset_name: spec.dataset_name,
      schema_name: source.name,
      tables: [],
      cursors: [],
      notes,
      seconds: {},
      extracted,
    };
    if (begun.outcome === "opened") {
      for (const { name } of begun.resources) {
        extracted.push(
          await extractStep({
            ...this.use(),
            ref,
            spec,
            source,
            capabilities,
            resource: name,
            attempt: this.attempt(),
          }),
        );
        after("extract");
      }
      const finished = await finishExtract({ ref, spec, source, capabilities, identity, now: this.now });
      after("finish");
      info.cursors = finished.cursors;
      info.state = finished.state;
      info.state_load_id = finished.state_load_id;
      notes.push(...finished.notes);
      if (!finished.has_work) return info;
    } else {
      info.pending = true;
    }
    if (begun.pending_state !== "normalized") {
      await normalizeStep({
        ref,
        capabilities,
        attempt: this.attempt(),
        limits: { rows_per_file: 100_000, bytes_per_file: 64 * 1024 * 1024 },
        signal: new AbortController().signal,
        onProgress: () => {},
      });
      after("normalize");
    }
    const loaded = await this.load(spec, ref, after, options.whileLoading);
    return { ...info, ...loaded, notes: [...notes, ...loaded.notes], load_id: ref.load_id };
  }

  private async load(
    spec: ResolvedPipeline,
    ref: PackageRef,
    after: (step: StepName) => void,
    onProgress: OnProgress = () => {},
  ) {
    const args = { ...this.use(), ref, spec };
    const { roots } = await migrateStep(args);
    after("migrate");
    if (this.destination.capabilities.needs_staging) await stageStep(args);
    const tables: LoadedTable[] = await loadStep({ ...args, onProgress }, roots);
    after("load");
    const completed = await completeStep(args);
    after("complete");
    return { ...completed, tables };
  }

  async query<T = { [column: string]: unknown }>(sql: string): Promise<T[]> {
    const session = await this.destination.open({
      signal: new AbortController().signal,
      onProgress: () => {},
    });
    try {
      return (await session.query(sql)) as T[];
    } finally {
      await session[Symbol.asyncDispose]();
    }
  }
}

/** A resource that hands out the given pages, all in one go. */
export function pagesOf(name: string, pages: () => Row[][], more: Partial<Resource> = {}): Resource {
  return {
    name,
    hints: {},
    selected: true,
    async *open({ onRequest }) {
      for (const rows of pages()) {
        onRequest?.();
        yield { rows: structuredClone(rows) };
      }
    },
    ...more,
  };
}

export const sourceOf = (name: string, ...resources: Resource[]): Source => ({ name, resources });
