/**
 * A process that publishes generation after generation of four marts until it is killed; every third one does not pass.
 * Arguments: the destination as JSON, how many to publish in all. It stands in for dbt: what it makes, it makes by hand.
 */
import { randomUUID } from "node:crypto";
import { type CandidatePlan, liveOf, suffixOf } from "../../src/destinations/generations";
import { createDestination } from "../../src/destinations/registry";
import type { DestinationSpec } from "../../src/pipeline/spec";

export const MARTS = ["m1", "m2", "m3", "m4"];

export const PLAN: CandidatePlan = {
  schema: "analytics",
  project: "shop",
  complete: true,
  objects: MARTS.map(name => ({ schema: "analytics", name, project: "shop", continues: false })),
  other_schemas: [],
};

async function main(spec: DestinationSpec, wanted: number): Promise<void> {
  const destination = createDestination(spec);
  const session = () => destination.open({ signal: new AbortController().signal, onProgress: () => {} });
  for (;;) {
    let generation: number;
    {
      await using opened = await session();
      const all = await opened.generations!.list("analytics");
      if ((liveOf(all)?.publication ?? 0) >= wanted) return;
      const owner = { pipeline: "shop", workflow: "shop", run: randomUUID() };
      ({ generation } = await opened.generations!.begin(PLAN, owner));
    }
    const passes = generation % 3 !== 0;
    {
      // dbt has a DuckDB file for itself, and readers look in between.
      await using opened = await session();
      for (const name of MARTS) {
        await opened.query(
          `CREATE TABLE analytics${suffixOf(generation)}.${name} AS SELECT ${generation} AS g, ${passes} AS passed`,
        );
      }
    }
    {
      await using opened = await session();
      if (passes) await opened.generations!.publish("analytics", generation);
      else await opened.generations!.settle("analytics", generation, "blocked");
      await opened.generations!.sweep("analytics", 3);
    }
  }
}

if (require.main === module) {
  process.stdout.write("begun\n");
  void main(JSON.parse(process.argv[2]!), Number(process.argv[3])).then(() => process.exit(0));
}
