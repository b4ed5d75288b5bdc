/** dbt on the same file: the profile's output `duckdb`. */
import { basename, extname } from "node:path";
import type { DbtAdapter } from "../destination";
import type { DuckDbDestination } from "./spec";

export const DUCKDB_DBT = {
  distribution: "dbt-duckdb",
  venv: "dbt",
  setup: "npm run setup",
  environment: spec => ({ DUCKDB_PATH: (spec as DuckDbDestination).path }),
  // DuckDB names a database after its file
  database(spec) {
    const { path } = spec as DuckDbDestination;
    return basename(path, extname(path));
  },
  packages: ["duckdb"],
  findings: ({ duckdb }) =>
    duckdb && !duckdb.startsWith("1.5.")
      ? [
          {
            name: "duckdb",
            ok: false,
            detail: `dbt's duckdb is ${duckdb}, the worker's is 1.5`,
            fix: "pip install 'duckdb~=1.5.0': they share one file.",
          },
        ]
      : [],
} satisfies DbtAdapter;
