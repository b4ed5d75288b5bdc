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

jest.setTimeout(900_000);
useStandin();
/** The cases' datasets have fixed names: they would be in the way on a shared warehouse. */
/** What one of the two keeps in the staging dataset, and the other meets there. */
const BY_TURNS = ["e_refresh_drop_resources_merge"];

const onStandin = onRealWarehouse ? test.skip : test;

onStandin(
  "the same tables, columns, rows, state and requests as dlt's on DuckDB, by the mapping of types",
  async () => {
    const { code, out } = await parityCases("--jobs", "3");
    expect({ code, out: code === 0 ? "" : out }).toEqual({ code: 0, out: "" });
    expect(Number(/(\d+) passed, 0 failed/.exec(out)?.[1])).toBeGreaterThanOrEqual(25);
  },
);

onStandin("the same when real dlt and ours take turns on one dataset, either first", async () => {
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
