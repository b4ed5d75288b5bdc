/**
 * How many statements a load sends, for the scenarios in which real dlt 1.31 was traced: at most half of dlt's. A
 * `BEGIN … END` is sent as one; what the warehouse then runs is never more than dlt's, and told beside it. The read of
 * state and schema at the start of a run is counted apart on both sides (dlt sent one such statement on each first load,
 * which is left out below).
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Destination, LoadPlan, PackageFile } from "../../../src/destinations/destination";
import type { StoredTable } from "../../../src/schema/types";
import { partsOf, statementsOf } from "../../support/databricks/standin";
import { describeOnStandin, freshDataset, useStandin, warehouse } from "../../support/databricks/use-standin";
import { writeParquet } from "../../support/duckdb";
import { childTable, rootTable, storedSchema } from "../../support/stored-schema";
import { ITEM, KEY } from "./destination-kit";

const standin = useStandin();

interface Scenario {
  name: string;
  roots: number;
  hints: Partial<StoredTable>;
  nested: boolean;
  /** Statements of dlt per load. */
  dlt: number[];
  /** Which loads bring rows of the nested table. */
  lines: boolean[];
}

const upsert: Partial<StoredTable> = { write_disposition: "merge", "x-merge-strategy": "upsert" };
const SCENARIOS: Scenario[] = [
  { name: "append", roots: 1, hints: {}, nested: false, dlt: [16, 6], lines: [false, false] },
  {
    name: "merge with a child",
    roots: 1,
    hints: { write_disposition: "merge" },
    nested: true,
    dlt: [37, 20, 17],
    lines: [true, true, false],
  },
  { name: "upsert with a child", roots: 1, hints: upsert, nested: true, dlt: [34, 17], lines: [true, true] },
  {
    name: "six merge tables with children",
    roots: 6,
    hints: { write_disposition: "merge" },
    nested: true,
    dlt: [127, 90],
    lines: [true, true],
  },
];

describeOnStandin("statements of a load", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "tidemark-statements-"));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it.each(SCENARIOS.map(s => [s.name, s] as const))("%s: at most half of dlt's", async (_name, scenario) => {
    const dataset = freshDataset();
    const destination = warehouse();
    const sent: string[] = [];
    for (const [i, lines] of scenario.lines.entries()) {
      const plan = await planOf(folder, scenario, dataset, i, lines);
      await standin().mark();
      await load(destination, plan);
      const statements = statementsOf(await standin().log());
      const parts = statements.reduce((sum, sql) => sum + partsOf(sql), 0);
      sent.push(`${statements.length} (${parts} with those inside of scripts)`);
      expect(parts).toBeLessThanOrEqual(scenario.dlt[i]!);
      expect({ load: i, tooMany: statements.length > scenario.dlt[i]! / 2 ? statements : [] }).toEqual({
        load: i,
        tooMany: [],
      });
    }
    process.stdout.write(`${scenario.name}: ${sent.join(", ")} statements; dlt ${scenario.dlt.join(", ")}\n`);
  });
});

async function load(destination: Destination, plan: LoadPlan): Promise<void> {
  // each step in a session of its own, as activities have it
  const steps = ["migrate", "stage", ...plan.roots.map(root => ({ root })), "complete"] as const;
  for (const step of steps) {
    const session = await destination.open({
      signal: new AbortController().signal,
      onProgress: () => undefined,
    });
    try {
      if (step === "migrate") await session.migrate(plan);
      else if (step === "stage") await session.stage?.(plan);
      else if (step === "complete") await session.completeLoad(plan);
      else await session.loadChains([plan], [step.root]);
    } finally {
      await session[Symbol.asyncDispose]();
    }
  }
}

async function planOf(
  folder: string,
  scenario: Scenario,
  dataset: string,
  load: number,
  lines: boolean,
): Promise<LoadPlan> {
  const roots = Array.from({ length: scenario.roots }, (_, i) => `t${i}`);
  const files: PackageFile[] = [];
  const path = (table: string): string => join(folder, `${dataset}-${load}-${table}.parquet`);
  for (const root of roots) {
    const rows = [1, 2, 3].map(id => [id + load, "v", `L${load}`, `k${id + load}`]);
    files.push(await writeParquet(path(root), root, ITEM, rows));
    if (!lines) continue;
    const columns = {
      value: "BIGINT",
      _dlt_root_id: "VARCHAR",
      _dlt_parent_id: "VARCHAR",
      _dlt_list_idx: "BIGINT",
      _dlt_id: "VARCHAR",
    };
    const nested = [1, 2].map(id => [id, `k${id + load}`, `k${id + load}`, 0, `k${id + load}-${load}`]);
    files.push(await writeParquet(path(`${root}__l`), `${root}__l`, columns, nested));
  }
  const tables = roots.flatMap(root => [
    rootTable(root, { id: KEY, v: "text" }, scenario.hints),
    ...(scenario.nested ? [childTable(`${root}__l`, root, { value: "bigint" })] : []),
  ]);
  return {
    load_id: `170000000${load + 1}.25`,
    dataset,
    staging_dataset: `${dataset}_staging`,
    schema: storedSchema(tables),
    files,
    roots,
    created_at: `2026-01-0${load + 1}T00:00:00.000000Z`,
    pipeline_name: "p",
    base: {
      pipeline_name: "p",
      schema_name: "api",
      mark: "0000",
      load_id: load > 0 ? `170000000${load}.25` : null,
      state_load_id: load > 0 ? "1700000001.25" : null,
    },
    own_load_ids: [`170000000${load + 1}.25`],
    // what a load knows from its start
    ...(load > 0
      ? { version_known: true }
      : {
          dataset_missing: true,
          state: {
            version: 1,
            engine_version: 4,
            pipeline_name: "p",
            blob: "state",
            created_at: "2026-01-01T00:00:00.123456+00:00",
            version_hash: "state-hash",
            dlt_id: "state",
          },
        }),
  };
}
