/**
 * Parity cases with Databricks as the destination: a covering selection of every strategy, hint and type (all of them:
 * npm run test:parity:databricks -- --all). What they leave is compared with what dlt leaves on DuckDB.
 */
import { execFile } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { toolPaths } from "../../src/tools";
import { connectionOf } from "../parity/databricks/run";
import { onRealWarehouse, useStandin, warehouseSpec } from "../support/databricks/use-standin";
import { REPOSITORY } from "../support/project";
import { WHOLE } from "../support/whole";

jest.setTimeout(900_000);
useStandin();
/** What one of the two keeps in the staging dataset, and the other meets there. */
const BY_TURNS = ["e_refresh_drop_resources_merge"];

/** One of each strategy, and of the types that the destinations keep differently: for pull requests. */
const EACH_STRATEGY = [
  "c_formats_types_parquet",
  "c_json_values",
  "e_cdc_version",
  "e_dedup_composite",
  "e_dedup_upsert",
  "e_insert_only",
  "e_replace_insert_from_staging",
  "e_replace_staging_optimized",
  "e_replace_truncate_and_insert",
  "e_scd2_active_boundary",
];

/** The cases' datasets have fixed names: they would be in the way on a shared warehouse. */
const onStandin = onRealWarehouse ? test.skip : test;

onStandin(
  "the same tables, columns, rows, state and requests as dlt's on DuckDB, by the mapping of types",
  async () => {
    const part = WHOLE ? [] : ["--only", EACH_STRATEGY.join(",")];
    const { code, out } = await parityCases("--jobs", "3", ...part);
    expect({ code, out: code === 0 ? "" : out }).toEqual({ code: 0, out: "" });
    const passed = Number(/(\d+) passed, 0 failed/.exec(out)?.[1]);
    expect(passed).toBeGreaterThanOrEqual(WHOLE ? 25 : EACH_STRATEGY.length);
  },
);

// databricks/dlt-continues has turns for pull requests.
const wholeOnStandin = WHOLE ? onStandin : test.skip;

wholeOnStandin("the same when real dlt and ours take turns on one dataset, either first", async () => {
  const { code, out } = await parityCases("--jobs", "3", "--mixed", "--only", BY_TURNS.join(","));
  expect({ code, out: code === 0 ? "" : out }).toEqual({ code: 0, out: "" });
  expect(out).toMatch(`${BY_TURNS.length} passed, 0 failed`);
});

async function parityCases(...args: string[]): Promise<{ code: number; out: string }> {
  const folder = mkdtempSync(join(process.env.TIDEMARK_TEST_TMP!, "same-tables-"));
  const connection = join(folder, "connection.json");
  writeFileSync(connection, JSON.stringify(connectionOf(warehouseSpec())));
  const program = join(REPOSITORY, "test", "parity", "databricks", "run_databricks.py");
  return await new Promise(done => {
    execFile(
      toolPaths(process.env).parityDatabricksPython!,
      [program, "--connection", connection, ...args],
      { cwd: REPOSITORY, maxBuffer: 1 << 26 },
      (error, stdout, stderr) => done({ code: error === null ? 0 : 1, out: stdout + stderr }),
    );
  });
}
