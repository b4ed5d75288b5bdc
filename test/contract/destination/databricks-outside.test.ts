/**
 * Nothing is ever written outside the dataset, its staging schema and its Volume: every file of all other schemas and
 * Volumes, and all that the catalog says of them, is the same before and after loads of every strategy.
 */
import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import type { DatabricksDestination } from "../../../src/destinations/databricks/spec";
import type { LoadPlan, PackageFile } from "../../../src/destinations/destination";
import { describeOnStandin, freshDataset, inSession, useStandin } from "../../support/databricks/use-standin";
import { type Case, packageFiles, planOf, STRATEGIES } from "./databricks-cases";

jest.setTimeout(600_000);
const standin = useStandin();

const VIEWS = {
  schemata: "schema_name",
  tables: "table_schema",
  columns: "table_schema",
  volumes: "volume_schema",
  table_constraints: "table_schema",
  table_tags: "schema_name",
};

const WITH_DECISIONS = STRATEGIES.filter(({ name }) => /^(append|upsert|scd2)/.test(name));

describeOnStandin("what is outside the dataset", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "tidemark-outside-"));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it.each([
    ["warehouse", STRATEGIES, {}],
    // the same statements merge: what differs is where rows are staged, and what is made first
    [
      "warehouse, keys, a named Volume",
      WITH_DECISIONS,
      { create_indexes: true, staging_volume_name: "main.NAME.landing" },
    ],
    ["spark", WITH_DECISIONS, { load_mode: "spark" }],
  ] as [string, Case[], Partial<DatabricksDestination>][])(
    "stays as it is: %s",
    async (_name, cases, more) => {
      const dataset = freshDataset();
      const other = freshDataset();
      await inSession(async session => {
        // neighbours with the same names as ours
        for (const sql of [
          `CREATE SCHEMA main.${other}`,
          `CREATE SCHEMA main.${dataset}_staging_2`,
          `CREATE VOLUME main.${other}._dlt_staging_load_volume`,
          `CREATE VOLUME main.${other}.landing`,
          ...["t0", "t0__lines", "_dlt_loads", "_dlt_version"].map(
            name => `CREATE TABLE main.${other}.${name} AS SELECT 1 AS id`,
          ),
        ]) {
          await session.query(sql);
        }
      });
      const options = { ...more };
      if (options.staging_volume_name) {
        options.staging_volume_name = options.staging_volume_name.replace("NAME", other);
      }
      const mine = [dataset, `${dataset}_staging`];
      const before = { files: await filesOutside(mine, other), catalog: await catalogOutside(mine) };
      expect(before.files.length).toBeGreaterThan(8);
      for (const at of [0, 1]) {
        const files = (await Promise.all(cases.map(one => packageFiles(folder, one, at)))).flat();
        await load(planOf(dataset, at, String(at + 1), files, cases), options);
      }
      await load(
        {
          ...planOf(dataset, 1, "3", (await packageFiles(folder, cases[0]!, 1)) as PackageFile[], [
            cases[0]!,
          ]),
          refresh: { drop: [cases[1]!.table, `${cases[1]!.table}__lines`], truncate: [cases[0]!.table] },
        },
        options,
      );
      expect(await filesOutside(mine, other)).toEqual(before.files);
      expect(await catalogOutside(mine)).toEqual(before.catalog);
    },
  );

  const load = (plan: LoadPlan, more: Partial<DatabricksDestination>): Promise<void> =>
    inSession(async session => {
      await session.migrate(plan);
      await session.stage!(plan);
      await session.loadChains([plan], plan.roots);
      await session.completeLoad(plan);
    }, more);

  /** Path, size and time of every file of tables and Volumes; ours in a named Volume are below `tidemark/<dataset>`. */
  async function filesOutside(mine: string[], landing: string): Promise<string[]> {
    const root = dirname(standin().log_file);
    const found: string[] = [];
    for (const place of ["wh", "vol"]) {
      for (const entry of await readdir(join(root, place), { recursive: true, withFileTypes: true })) {
        if (!entry.isFile()) continue;
        const file = join(entry.parentPath, entry.name);
        const path = relative(root, file);
        const ours = mine.some(
          name => path.startsWith(`wh/${name}.db/`) || path.startsWith(`vol/Volumes/main/${name}/`),
        );
        if (ours || path.startsWith(`vol/Volumes/main/${landing}/landing/tidemark/${mine[0]}/`)) continue;
        const { size, mtimeMs } = await stat(file);
        found.push(`${path} ${size} ${mtimeMs}`);
      }
    }
    return found.sort();
  }

  async function catalogOutside(mine: string[]): Promise<{ [view: string]: unknown[] }> {
    const found: { [view: string]: unknown[] } = {};
    for (const [view, column] of Object.entries(VIEWS)) {
      const sql = `SELECT to_json(struct(*)) AS r FROM main.information_schema.${view} WHERE ${column} NOT IN (${mine.map(name => `'${name}'`).join(", ")})`;
      const rows = await inSession(session => session.query(sql));
      found[view] = rows.map(row => String(row.r)).sort();
    }
    return found;
  }
});
