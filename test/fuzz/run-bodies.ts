/**
 * Sends bodies through the whole engine, one after the other: `run-bodies.ts <seed> <random bodies> [name part]`.
 * One line of JSON per body on stdout. A process of its own, so that a crash or a hang is seen from outside.
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { abortPackages, pendingPackages } from "../../src/package/packages";
import { TidemarkError } from "../../src/pipeline/errors";
import type { SourceSpec } from "../../src/pipeline/spec";
import { restApi } from "../../src/sources/rest-api";
import { Engine } from "../support/engine";
import { HOSTILE_BODIES, type HostileBody } from "./hostile-bodies";
import { randomBody } from "./random-bodies";

export interface Outcome {
  name: string;
  /** "loaded", or the code of the error. */
  result: string;
  message?: string;
  /** What is wrong; empty when all is well. */
  faults: string[];
  seconds: number;
  /** Highest resident memory so far, MB. */
  memory: number;
}

const GOOD = {
  name: "good",
  make: () => Buffer.from('[{"id":1,"name":"one","list":[1,2]},{"id":2,"name":"two"}]'),
};

async function main(seed: number, random: number, part: string): Promise<void> {
  let body: HostileBody = GOOD;
  const server = createServer((_, response) => {
    response.writeHead(200, { "content-type": "application/json", ...body.headers });
    response.end(body.make());
  });
  await new Promise<void>(up => server.listen(0, "127.0.0.1", up));
  const base_url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const randoms = Array.from({ length: random }, (_, i) => ({
    name: `random ${seed + i}`,
    make: () => randomBody(seed + i),
  }));
  const bodies = [...HOSTILE_BODIES, ...randoms].filter(({ name }) => name.includes(part));
  for (const [i, hostile] of bodies.entries()) {
    process.stdout.write(`${JSON.stringify({ begins: hostile.name })}\n`);
    const outcome = await tryBody(hostile, i, base_url, one => {
      body = one;
    });
    process.stdout.write(`${JSON.stringify(outcome)}\n`);
  }
  server.closeAllConnections();
  server.close();
}

async function tryBody(
  hostile: HostileBody,
  index: number,
  base_url: string,
  answer: (body: HostileBody) => void,
): Promise<Outcome> {
  const engine = new Engine();
  const merge = index % 2 === 0;
  const resource = {
    name: "items",
    endpoint: { path: "items", paginator: "single_page" },
    ...(merge ? { primary_key: "id", write_disposition: "merge" } : {}),
  };
  const source = restApi.create({
    type: "rest_api",
    name: "s",
    client: { base_url },
    resources: [resource],
  } as SourceSpec);
  const run = async (body: HostileBody) => {
    answer(body);
    return engine.run(engine.spec(), await source);
  };
  const faults: string[] = [];
  const check = async (when: string) => {
    for (const fault of await inconsistencies(engine)) faults.push(`${when}: ${fault}`);
  };
  let goodRuns = 0;
  if (index % 3 !== 0) {
    await run(GOOD);
    goodRuns++;
  }
  const start = performance.now();
  let result = "loaded";
  let message: string | undefined;
  try {
    await run(hostile);
  } catch (error) {
    result = error instanceof TidemarkError ? error.code : "not a TidemarkError";
    message = String(error instanceof TidemarkError ? error.message : (error as Error).stack).slice(0, 600);
    if (!(error instanceof TidemarkError) || error.code === "INTERNAL") faults.push(`${result}: ${message}`);
  }
  const seconds = (performance.now() - start) / 1000;
  try {
    await check("after it");
    const scope = {
      root: engine.root,
      pipeline_name: "p",
      dataset: "raw",
      fingerprint: engine.destination.identity.fingerprint,
    };
    if ((await pendingPackages(scope)).length > 0) await abortPackages(scope);
    await run(GOOD);
    goodRuns++;
    await check("after a good run");
    const good = await engine.query("SELECT id FROM raw.items WHERE id IN ('1', '2') ORDER BY id");
    const expected = merge ? 2 : goodRuns * 2;
    if (good.length !== expected) faults.push(`${good.length} good rows, not ${expected}`);
  } catch (error) {
    faults.push(`good run: ${(error as Error).stack?.slice(0, 600)}`);
  }
  // What rows under the system's own names do to later runs is dlt's rule; that nothing crashes is ours.
  const own = /^(after|good run)/;
  if (hostile.ownSystemColumns) faults.splice(0, faults.length, ...faults.filter(fault => !own.test(fault)));
  if (({} as { polluted?: unknown }).polluted !== undefined) faults.push("Object.prototype is changed");
  engine.remove();
  const memory = Math.round(process.resourceUsage().maxRSS / 1024);
  return { name: hostile.name, result, message, faults, seconds, memory };
}

/**
 * Rows without a finished load, children without a parent, columns of the stored schema that are not there. A column
 * too many is none: a load that failed after it was made leaves it, in dlt too.
 */
async function inconsistencies(engine: Engine): Promise<string[]> {
  const columns = await engine.query<{ t: string; c: string }>(
    "SELECT table_name AS t, column_name AS c FROM information_schema.columns WHERE table_schema = 'raw'",
  );
  const tables = new Map<string, Set<string>>();
  for (const { t, c } of columns) tables.set(t, (tables.get(t) ?? new Set()).add(c));
  if (!tables.has("_dlt_version")) return [];
  const faults: string[] = [];
  const [stored] = await engine.query<{ schema: string }>(
    "SELECT schema FROM raw._dlt_version WHERE schema_name = 's' ORDER BY version DESC LIMIT 1",
  );
  const schema = JSON.parse(stored!.schema) as {
    tables: { [name: string]: { parent?: string; columns: { [name: string]: { data_type?: string } } } };
  };
  const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`;
  // Several in one query: a session for each of hundreds of tables took minutes.
  const counts: { about: string; from: string }[] = [];
  for (const [name, table] of Object.entries(schema.tables)) {
    const found = tables.get(name);
    if (found === undefined) continue;
    const wanted = Object.entries(table.columns).filter(([, { data_type }]) => data_type !== undefined);
    const missing = wanted.filter(([column]) => !found.has(column)).length;
    if (missing > 0) faults.push(`table ${name.slice(0, 60)} lacks ${missing} columns of the stored schema`);
    const from = `FROM raw.${quoted(name)} WHERE`;
    if (table.parent !== undefined) {
      const parents = `(SELECT _dlt_id FROM raw.${quoted(table.parent)})`;
      const about = `rows of ${name.slice(0, 60)} have no parent`;
      counts.push({ about, from: `${from} _dlt_parent_id NOT IN ${parents}` });
    } else if (found.has("_dlt_load_id") && !name.startsWith("_dlt")) {
      const loads = "(SELECT load_id FROM raw._dlt_loads WHERE status = 0)";
      const about = `rows of ${name.slice(0, 60)} belong to no finished load`;
      counts.push({ about, from: `${from} _dlt_load_id NOT IN ${loads}` });
    }
  }
  const each = counts.map(({ from }, i) => `SELECT ${i} AS i, count(*) AS n ${from}`);
  while (each.length > 0) {
    const some = each.splice(0, 25).join(" UNION ALL ");
    for (const { i, n } of await engine.query<{ i: number; n: bigint }>(some)) {
      if (Number(n) > 0) faults.push(`${n} ${counts[i]!.about}`);
    }
  }
  return faults;
}

const [seed, random, part] = process.argv.slice(2);
main(Number(seed), Number(random), part ?? "").catch(error => {
  console.error(error);
  process.exitCode = 1;
});
