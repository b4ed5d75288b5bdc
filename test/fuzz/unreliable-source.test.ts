/**
 * A REST source that fails at random: every row comes once, requests and memory stay bounded. FUZZ_SECONDS lets it run
 * as long as wanted (a soak), FUZZ_SEED chooses the faults.
 */
import { TidemarkError } from "../../src/pipeline/errors";
import type { Json } from "../../src/pipeline/spec";
import { SteadyMemory } from "../support/steady-memory";
import { createSource, options } from "../unit/rest-api/harness";
import { FAULTS, startUnreliable } from "./unreliable-server";

const SEED = Number(process.env.FUZZ_SEED ?? 20260101);
const SECONDS = Number(process.env.FUZZ_SECONDS ?? 20);
const PAGES = 40;
const ROWS = 50;
const RESOURCES = ["a", "b", "c", "d"];
const SHARE = 0.25;

/** As the activity does: what a transient error cut short goes on at the last place. */
async function extract(base: string, name: string): Promise<unknown[]> {
  const config = {
    client: { base_url: base },
    resources: [
      {
        name,
        endpoint: {
          data_selector: "rows",
          paginator: { type: "cursor", cursor_path: "next_page", cursor_param: "page" },
        },
      },
    ],
  };
  const rows: unknown[] = [];
  let resume: Json | undefined;
  for (let attempt = 1; ; attempt++) {
    const [resource] = (await createSource(config)).resources;
    try {
      for await (const page of resource!.open(options(resume === undefined ? {} : { resume }))) {
        rows.push(...page.rows);
        resume = page.resume;
      }
      return rows;
    } catch (error) {
      if (!(error instanceof TidemarkError) || error.kind === "terminal" || attempt === 20) throw error;
    }
  }
}

test(
  "every row once, whatever the server does",
  async () => {
    const started = Date.now();
    const seen = new Set<string>();
    const memory = new SteadyMemory();
    for (let round = 0; round === 0 || Date.now() - started < SECONDS * 1000; round++) {
      const server = await startUnreliable({ seed: SEED + round, share: SHARE, pages: PAGES, rows: ROWS });
      try {
        const all = await Promise.all(RESOURCES.map(name => extract(server.base, name)));
        for (const rows of all) {
          expect(rows.map(row => (row as { id: number }).id)).toEqual(
            Array.from({ length: PAGES * ROWS }, (_, id) => id),
          );
        }
        // A failed request costs one more, an odd or cut one up to three.
        expect(server.requests).toBeLessThan(RESOURCES.length * PAGES * 2);
        for (const fault of server.faults.keys()) seen.add(fault);
      } finally {
        await server.close();
      }
      const now = memory.check();
      if (process.env.SHOW) process.stderr.write(`round ${round}: ${server.requests} requests, ${now}\n`);
    }
    // A lane that meets few faults would prove little.
    expect(seen.size).toBeGreaterThan(FAULTS.length * 0.7);
  },
  (SECONDS + 120) * 1000,
);
