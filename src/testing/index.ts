/**
 * `tidemark/testing`: a pipeline in a test, from its source to the rows of its tables, on a Temporal server in memory.
 *
 *   const project = await TestProject.start({ project: __dirname });
 *   await project.run("shop", { rows: { orders: [{ id: 1 }] } });
 *   expect(await project.rows("orders")).toEqual([{ id: 1 }]);
 *   await project.close();
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import { TestWorkflowEnvironment } from "@temporalio/testing";
import { Worker } from "@temporalio/worker";
import { projectConfig } from "../config";
import type { RunResult } from "../pipeline/infos";
import { WORKFLOW_PIPELINE } from "../pipeline/names";
import type { JsonObject, RunInput } from "../pipeline/spec";
import { TidemarkPlugin, type TidemarkPluginOptions } from "../plugin";
import { toolPaths } from "../tools";
import { type Fakes, fakeSources, specForTest } from "./fake-source";

export type { Fakes };

export interface TestProjectOptions extends Pick<TidemarkPluginOptions, "project" | "sources" | "config"> {
  /** A Temporal server of yours, shared by tests; default: one of its own. */
  environment?: TestWorkflowEnvironment;
}

export interface TestRunOptions extends Omit<RunInput, "pipeline"> {
  /** Rows in place of the source's, by resource; the spec's hints (keys, write disposition, …) stay. */
  rows?: Fakes;
}

export interface RowsOptions {
  /** Default: the dataset of the last run. */
  dataset?: string;
  /** With dlt's own columns (`_dlt_id`, `_dlt_load_id`, …). */
  dltColumns?: boolean;
}

/** A project whose runs load into a DuckDB file of their own. Everything is gone after `close`. */
export class TestProject {
  #runs = 0;
  #dataset = "raw";

  private constructor(
    private readonly options: TestProjectOptions,
    /** For more than runs: a client, another worker, time. */
    readonly environment: TestWorkflowEnvironment,
    private readonly folder: string,
  ) {}

  /** @throws when there is no Temporal server to be had; see `tidemark setup --temporal` */
  static async start(options: TestProjectOptions = {}): Promise<TestProject> {
    const environment = options.environment ?? (await startServer(options));
    return new TestProject(options, environment, mkdtempSync(join(tmpdir(), "tidemark-test-")));
  }

  /** Path of the DuckDB file. */
  get duckdb(): string {
    return join(this.folder, "test.duckdb");
  }

  /**
   * Runs a pipeline to its end.
   * @param pipeline name in `pipelines/`, path, or a spec
   * @throws WorkflowFailedError
   */
  async run(pipeline: string | JsonObject, { rows, ...input }: TestRunOptions = {}): Promise<RunResult> {
    const { project, sources, config, environment } = { ...this.options, environment: this.environment };
    const env = { ...config?.env, DUCKDB_PATH: this.duckdb };
    const settings = { ...config, home: this.folder, destination: "duckdb", env };
    const spec = specForTest(pipeline, projectConfig(project ?? ".", settings), sources, rows);
    const taskQueue = `tidemark-test-${process.pid}-${++this.#runs}`;
    const worker = await Worker.create({
      connection: environment.nativeConnection,
      namespace: environment.namespace,
      taskQueue,
      plugins: [
        new TidemarkPlugin({
          project,
          sources: { ...sources, ...fakeSources(rows) },
          config: { ...settings, packageRoot: join(this.folder, "packages") },
        }),
      ],
    });
    const result = (await worker.runUntil(
      environment.client.workflow.execute(WORKFLOW_PIPELINE, {
        taskQueue,
        workflowId: `test-${taskQueue}`,
        args: [{ ...input, pipeline: spec }],
      }),
    )) as RunResult;
    this.#dataset = result.load?.dataset_name ?? this.#dataset;
    return result;
  }

  /** Rows of a table, in the order of its first column; whole numbers as numbers, times as Date. */
  async rows(table: string, options: RowsOptions = {}): Promise<{ [column: string]: unknown }[]> {
    const name = [options.dataset ?? this.#dataset, table].map(quoted).join(".");
    const rows = await this.query(`SELECT * FROM ${name} ORDER BY 1`);
    return options.dltColumns
      ? rows
      : rows.map(row =>
          Object.fromEntries(Object.entries(row).filter(([column]) => !column.startsWith("_dlt_"))),
        );
  }

  /** Rows of any query on the DuckDB file. */
  async query(sql: string): Promise<{ [column: string]: unknown }[]> {
    const instance = await DuckDBInstance.create(this.duckdb, { access_mode: "READ_ONLY" });
    const connection = await instance.connect();
    try {
      const read = await connection.runAndReadAll(sql);
      return read
        .getRowObjectsJS()
        .map(row =>
          Object.fromEntries(Object.entries(row).map(([column, value]) => [column, asNumber(value)])),
        );
    } finally {
      connection.closeSync();
      instance.closeSync();
    }
  }

  async close(): Promise<void> {
    if (this.options.environment === undefined) await this.environment.teardown();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

async function startServer({ project, config }: TestProjectOptions): Promise<TestWorkflowEnvironment> {
  const { temporal } = toolPaths(projectConfig(project ?? ".", config).env);
  return await TestWorkflowEnvironment.createLocal(
    temporal === undefined ? {} : { server: { executable: { type: "existing-path", path: temporal } } },
  );
}

function asNumber(value: unknown): unknown {
  if (typeof value !== "bigint") return value;
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
