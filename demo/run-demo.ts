/**
 * The main job on real parts. A local copy of the JSONPlaceholder API and a real PostgreSQL are the sources (the public
 * endpoints with --live); Temporal, dbt and the destination are the real ones either way.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { WorkflowFailedError } from "@temporalio/client";
import { parse } from "yaml";
import { Interrupted } from "../src/cli/end-signals";
import { failureOf } from "../src/cli/failure-of";
import { LiveProgress } from "../src/cli/live-progress";
import { runSummary } from "../src/cli/run-summary";
import { Workplace } from "../src/cli/workplace";
import type { Snapshot } from "../src/client";
import type { Config } from "../src/config";
import { hasStayingWorker } from "../src/connect";
import type { RunResult } from "../src/pipeline/infos";
import type { RunInput } from "../src/pipeline/spec";
import { demoSummary } from "./demo-summary";
import { type JsonPlaceholder, startJsonPlaceholder } from "./jsonplaceholder";
import { type DemoPostgres, startPostgres } from "./postgres";

/** RNAcentral's public read-only account (rnacentral.org/help/public-database). */
const RNACENTRAL = "postgresql://reader:NWDMCE5xdipIjRrp@hh-pgsql-public.ebi.ac.uk:5432/pfmegrnargs";
const FIRST = ["sql_database_demo", "merge_demo", "contracts_demo"];

/**
 * @param config its destination is where the rows go; the addresses of the demo's sources are set in its environment
 * @param options `live`: the public sources; `keep`: the Temporal server stays; `database`: for the summary
 * @returns the exit code
 */
export async function runDemo(
  config: Config,
  options: { live: boolean; keep: boolean; database: string },
): Promise<number> {
  const { live, keep } = options;
  const progress = new LiveProgress(process.stderr);
  let api: JsonPlaceholder | undefined;
  let postgres: DemoPostgres | undefined;
  let pipeline: RunInput["pipeline"] = "rest_api_demo";
  if (live) {
    config.env.SOURCES__SQL_DATABASE__CREDENTIALS = RNACENTRAL;
    progress.line("Sources: the public JSONPlaceholder API and RNAcentral's public PostgreSQL.");
  } else {
    const [http, database] = await Promise.all([startJsonPlaceholder({}), startPostgres({})]);
    api = http;
    postgres = database;
    config.env.SOURCES__SQL_DATABASE__CREDENTIALS = database.readerDsn;
    pipeline = localCopy(config, http.url);
    progress.line(
      `Sources: a local copy of the JSONPlaceholder API at ${http.url}, a PostgreSQL server on port ${database.port}.`,
    );
  }
  let place: Workplace | undefined;
  try {
    place = await Workplace.open(config);
    place.keep = keep;
    const { connected } = place;
    if (connected.uiUrl) progress.line(`Temporal UI: ${connected.uiUrl}`);
    if (hasStayingWorker(config, connected.address)) {
      progress.line(
        "`tidemark dev` is running here: stop it for the demo, as it does not know the demo's local sources.",
      );
      return 2;
    }
    await place.startWorker({ kind: "run" });
    // Runs in parallel share one terminal line; the last one to speak shows.
    const shared = {
      line: (text: string) => progress.line(text),
      show: (snapshot: Snapshot) =>
        progress.show({ ...snapshot, run: snapshot.run && { ...snapshot.run, steps: [] } }),
    };
    const run = async (name: string, input: RunInput): Promise<RunResult> => {
      const started = await place!.tidemark.start(input, { name, allowUnserved: true });
      progress.line(`${name} started`);
      const result = await place!.follow(started, shared);
      progress.line(
        `${name} done in ${Object.values(result.seconds)
          .reduce((a, b) => a + b, 0)
          .toFixed(1)} s`,
      );
      return result;
    };
    const results = await allOf(FIRST.map(name => run(name, { pipeline: name })));
    results.push(await run("rest_api_demo", { pipeline }));
    progress.clear();
    process.stdout.write(demoSummary(results, { uiUrl: connected.uiUrl, keep, database: options.database }));
    return results.some(result => result.gate?.decision === "block") ? 1 : 0;
  } catch (error) {
    if (!(error instanceof WorkflowFailedError || error instanceof Interrupted)) throw error;
    progress.clear();
    const { text, exitCode, result } = failureOf(error);
    if (result !== undefined) process.stdout.write(runSummary(result));
    process.stderr.write(`${text}\n`);
    return exitCode;
  } finally {
    await place?.[Symbol.asyncDispose]();
    await postgres?.stop();
    await api?.close();
  }
}

/** Waits for every one, also where one failed: the worker must not stop below the others. @throws the first failure */
async function allOf<T>(runs: Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(runs);
  return await Promise.all(runs);
}

/** The checked-in spec with the local server's address in place of the public one. */
function localCopy(config: Config, url: string): string {
  const spec = parse(readFileSync(join(config.pipelinesDir, "rest_api_demo.yaml"), "utf8"));
  spec.source.client.base_url = `${url}/`;
  const folder = join(config.home, "demo");
  mkdirSync(folder, { recursive: true });
  const file = join(folder, "rest_api_demo.json");
  writeFileSync(file, JSON.stringify(spec, null, 2));
  return relative(config.cwd, file);
}
