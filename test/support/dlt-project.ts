/** A dlt project of a test: its Python runs through the bridge into one DuckDB file, and by real dlt into another. */
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { DuckDBInstance } from "@duckdb/node-api";
import { duckdbWords } from "../../src/destinations/duckdb/sql-words";
import { compareDatasets, type Difference } from "../../src/drill/compare";
import type { JsonObject, ResolvedPipeline, SourceSpec } from "../../src/pipeline/spec";
import { dltSource } from "../../src/sources/dlt/dlt-source";
import type { Surroundings } from "../../src/sources/source";
import { toolPaths } from "../../src/tools";
import { Engine, type EngineRun, type RunOptions } from "./engine";

const run = promisify(execFile);

/** TIDEMARK_DLT_PYTHON: one that has another version of dlt. */
export const PYTHON = process.env.TIDEMARK_DLT_PYTHON ?? toolPaths(process.env).parityPython!;

export interface SourceCall {
  module: string;
  source: string;
  args?: JsonObject;
  resources?: string[];
}

export class DltProject {
  readonly folder = mkdtempSync(join(process.env.TIDEMARK_TEST_TMP!, "dlt-project-"));
  readonly engine = new Engine();
  readonly theirs = join(this.folder, "theirs.duckdb");
  env: { [name: string]: string | undefined } = { ...process.env };

  constructor(files: { [path: string]: string }) {
    for (const [path, text] of Object.entries(files)) this.write(path, text);
  }

  write(path: string, text: string): void {
    const file = join(this.folder, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }

  remove(): void {
    this.engine.remove();
    rmSync(this.folder, { recursive: true, force: true });
  }

  readonly surroundings = (): Surroundings => ({
    network: { proxies: {}, ca_files: [], folder: this.folder },
    secrets: [],
    env: this.env,
  });

  readonly #described = new Map<string, SourceSpec>();

  /** Asked once for each source: starting Python takes seconds. */
  async describe(call: SourceCall & JsonObject): Promise<SourceSpec> {
    const { args: _, ...key } = call;
    const known = this.#described.get(JSON.stringify(key));
    if (known !== undefined) return { ...known, ...call } as SourceSpec;
    const source = { type: "dlt", name: "", project_dir: this.folder, python: PYTHON, ...call } as SourceSpec;
    const answer = await dltSource.describe!(source, this.surroundings(), {
      pipeline_name: "p",
      signal: new AbortController().signal,
      onWait: () => {},
    });
    this.#described.set(JSON.stringify(key), { ...source, ...answer });
    return { ...source, ...answer };
  }

  /** Through the bridge and our engine. */
  async ours(
    call: SourceCall & JsonObject,
    more: Partial<ResolvedPipeline> = {},
    options: RunOptions = {},
  ): Promise<EngineRun> {
    const source = await this.describe(call);
    const spec = this.engine.spec({ ...more, source });
    return await this.engine.run(spec, await dltSource.create(source, this.surroundings()), options);
  }

  /** By real dlt, each run with an empty working folder, into a file of its own or into another. */
  async dlt(
    { module, source }: Pick<SourceCall, "module" | "source">,
    calls: { args?: JsonObject; resources?: string[]; run?: JsonObject }[] = [{}],
    into = this.theirs,
  ): Promise<string> {
    const config = join(this.folder, "dlt-run.json");
    const all = calls.map(call => ({ args: {}, ...call }));
    writeFileSync(
      config,
      JSON.stringify({
        module,
        source,
        calls: all,
        project: this.folder,
        pipeline_name: "p",
        duckdb_path: into,
      }),
    );
    const { stdout } = await run(PYTHON, [join(__dirname, "dlt_run.py"), config], {
      env: this.env as NodeJS.ProcessEnv,
    });
    return stdout;
  }

  /** Ours against dlt's, table by table. */
  async differences(): Promise<Difference[]> {
    return await this.attached(query =>
      compareDatasets(
        query,
        { catalog: "theirs", schema: "raw" },
        { catalog: "ours", schema: "raw" },
        duckdbWords("theirs"),
      ),
    );
  }

  /** Rows of a query over both files: `ours.raw.t`, `theirs.raw.t`. */
  async attached<T>(work: (query: (sql: string) => Promise<{ [column: string]: unknown }[]>) => Promise<T>) {
    const instance = await DuckDBInstance.create(":memory:");
    const connection = await instance.connect();
    try {
      await connection.run(`ATTACH '${this.engine.databasePath}' AS ours (READ_ONLY)`);
      await connection.run(`ATTACH '${this.theirs}' AS theirs (READ_ONLY)`);
      return await work(async sql => (await connection.runAndReadAll(sql)).getRowObjectsJson() as never);
    } finally {
      connection.closeSync();
      instance.closeSync();
    }
  }
}
