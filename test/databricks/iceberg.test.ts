/**
 * pipelines/iceberg_demo: the statement that asks for a managed Iceberg table, and what is said where the server has
 * none. The stand-in has none, so a load into Iceberg is not shown here.
 */
import { join } from "node:path";
import { tidemark } from "../support/cli";
import { connectionEnv } from "../support/databricks/connection";
import { statementsOf } from "../support/databricks/standin";
import { freshDataset, onRealWarehouse, useStandin, warehouseSpec } from "../support/databricks/use-standin";
import { newProject, type Project, REPOSITORY } from "../support/project";

const standin = useStandin();
/** A worker runs TypeScript specs of its own project folder only. */
const inCheckout = (label: string): Project => ({ ...newProject(label), folder: REPOSITORY });
const pipelines = { TIDEMARK_PIPELINES: join(REPOSITORY, "pipelines") };

(onRealWarehouse ? test.skip : test)(
  "asks for Iceberg, is refused with a code, and counts no load",
  async () => {
    const dataset = freshDataset();
    await standin().mark();
    const { code, stderr } = await tidemark(inCheckout("iceberg"), ["run", "iceberg_demo"], {
      ...connectionEnv(warehouseSpec()),
      ...pipelines,
      DLT_DATASET_NAME: dataset,
    });
    expect(code).toBe(1);
    expect(stderr).toMatch(/Iceberg.*table_format[\s\S]*DESTINATION_UNSUPPORTED/);
    const sent = statementsOf(await standin().log());
    const create = sent.find(statement => statement.includes("iceberg_events"))!;
    expect(create.replace(/\s+/g, " ")).toContain(
      `CREATE TABLE IF NOT EXISTS \`main\`.\`${dataset}\`.\`iceberg_events\` ( \`event_id\` BIGINT, \`kind\` STRING, \`value\` DOUBLE, \`_dlt_load_id\` STRING NOT NULL, \`_dlt_id\` STRING NOT NULL) USING ICEBERG`,
    );
    const closing = /INSERT INTO `[^`]+`\.`[^`]+`\.`_dlt_loads`/;
    expect(sent.filter(statement => closing.test(statement))).toEqual([]);
  },
);

test("on DuckDB the same pipeline loads its rows", async () => {
  const project = inCheckout("iceberg-duckdb");
  expect(await tidemark(project, ["run", "iceberg_demo"], pipelines)).toMatchObject({ code: 0 });
  expect(await project.query("SELECT count(*) AS n FROM raw.iceberg_events")).toEqual([{ n: "3" }]);
});
