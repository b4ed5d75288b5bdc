/** The parts that dbt tests share: raw tables as a pipeline leaves them, and runDbt with test defaults. */
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import { DUCKDB_DBT } from "../../../src/destinations/duckdb/dbt-adapter";
import type { DuckDbDestination } from "../../../src/destinations/duckdb/spec";
import { toolPaths } from "../../../src/tools";
import { type RunDbtOptions, runDbt } from "../../../src/transform/run-dbt";
import { closeWarmDbt } from "../../../src/transform/warm-dbt";

export const PROJECT = resolve(__dirname, "../../../dbt");

export function dbtPython(): string {
  const { dbtPython: found } = toolPaths(process.env);
  if (found === undefined) throw new Error("no dbt: run `npm test` once, it sets dbt up");
  return found;
}

export interface Lane {
  folder: string;
  duckdb: DuckDbDestination;
  sql(text: string): Promise<{ [column: string]: unknown }[]>;
  /** runDbt on this lane; every step has its own state folder unless named. */
  dbt(options?: Partial<RunDbtOptions>): ReturnType<typeof runDbt>;
  options(options?: Partial<RunDbtOptions>): RunDbtOptions;
  /** Ends every dbt that waits for another command, too. */
  remove(): Promise<void>;
}

export function openLane(projectDir: string = PROJECT): Lane {
  const folder = mkdtempSync(join(tmpdir(), "tidemark-dbt-"));
  const path = join(folder, "lane.duckdb");
  const duckdb: DuckDbDestination = {
    type: "duckdb",
    path,
    replace_strategy: "truncate-and-insert",
    create_indexes: false,
    staging_dataset_name_layout: "%s_staging",
    enable_dataset_name_normalization: true,
  };
  let steps = 0;
  const options = (changed: Partial<RunDbtOptions> = {}): RunDbtOptions => ({
    kind: "build",
    dbt: {
      project_dir: projectDir,
      profiles_dir: projectDir,
      target: "duckdb",
      freshness: true,
      full_refresh: false,
    },
    executable: dbtPython(),
    env: { PATH: process.env.PATH ?? "", HOME: folder, PYTHONDONTWRITEBYTECODE: "1" },
    dataset: "raw",
    destination: {
      type: "duckdb",
      environment: DUCKDB_DBT.environment(duckdb),
      database: DUCKDB_DBT.database(duckdb),
    },
    stateDir: join(folder, `step-${++steps}`),
    cacheDir: join(folder, "cache"),
    signal: new AbortController().signal,
    onProgress: () => {},
    graceMs: 1_000,
    ...changed,
  });
  return {
    folder,
    duckdb,
    options,
    sql: text => runSql(path, text),
    dbt: changed => runDbt(options(changed)),
    remove: async () => {
      await closeWarmDbt();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Runs statements, the last one's rows being the answer; opens and closes the file, so that dbt finds it free. */
async function runSql(path: string, text: string): Promise<{ [column: string]: unknown }[]> {
  const instance = await DuckDBInstance.create(path);
  const connection = await instance.connect();
  try {
    let rows: { [column: string]: unknown }[] = [];
    for (const statement of text.split(/;\s*(?:\n|$)/).filter(part => part.trim() !== "")) {
      rows = (await connection.runAndReadAll(statement)).getRowObjectsJS();
    }
    return rows;
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

/** Posts and comments as the REST demo loads them: 20 posts with 5 comments each, loaded now. */
export async function loadPostsAndComments(lane: Lane): Promise<void> {
  const loadId = (Date.now() / 1000).toFixed(6);
  await lane.sql(`
    CREATE SCHEMA raw;
    CREATE TABLE raw._dlt_loads (load_id VARCHAR NOT NULL, schema_name VARCHAR, status BIGINT NOT NULL,
      inserted_at TIMESTAMP WITH TIME ZONE NOT NULL, schema_version_hash VARCHAR);
    INSERT INTO raw._dlt_loads VALUES ('${loadId}', 'rest_api', 0, now(), 'x');
    CREATE TABLE raw.rest_posts AS
      SELECT i AS id, i % 4 + 1 AS user_id, 'title ' || i AS title, 'body ' || i AS body,
        '${loadId}' AS _dlt_load_id, 'p' || i AS _dlt_id
      FROM range(1::BIGINT, 21) t(i);
    CREATE TABLE raw.rest_comments AS
      SELECT i AS id, i % 20 + 1 AS post_id, 'name ' || i AS name, 'Reader' || i || '@example.org' AS email,
        'words' AS body, '${loadId}' AS _dlt_load_id, 'c' || i AS _dlt_id
      FROM range(1::BIGINT, 101) t(i);`);
}

/** A project of a few models in its own folder: parses fast, and breaks where a test wants it to. */
export function writeProject(folder: string, files: { [path: string]: string }): string {
  const project = join(folder, "project");
  mkdirSync(project, { recursive: true });
  cpSync(join(PROJECT, "profiles.yml"), join(project, "profiles.yml"));
  const all: { [path: string]: string } = {
    "dbt_project.yml": "name: small\nversion: '1.0'\nprofile: tidemark\nmodel-paths: [models]\n",
    "models/sources.yml": `
version: 2
sources:
  - name: raw
    schema: "{{ env_var('DLT_DATASET_NAME', 'raw') }}"
    tables: [{ name: rest_posts }]
`,
    ...files,
  };
  for (const [path, text] of Object.entries(all)) {
    mkdirSync(dirname(join(project, path)), { recursive: true });
    writeFileSync(join(project, path), text);
  }
  return project;
}
