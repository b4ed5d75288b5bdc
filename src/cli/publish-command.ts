/** `tidemark publish` and `tidemark rollback`: which generation of dbt's objects readers see, chosen by hand. */
import Table from "cli-table3";
import type { Config } from "../config";
import { type Generation, type Generations, liveOf } from "../destinations/generations";
import { closeDestinations, createDestination } from "../destinations/registry";
import { TidemarkError } from "../pipeline/errors";
import { loadSpec } from "../spec/load-spec";
import { withDestinationSecrets } from "../spec/open-source";
import { resolveSpec } from "../spec/resolve-spec";
import { PLAIN } from "./run-summary";
import { tellWaits } from "./told-waits";

export interface PublishOptions {
  /** Default: the newest candidate that waits for a person. */
  generation?: string;
  /** Default: the one that was live before. */
  to?: string;
  json?: boolean;
}

type Choice = (all: Generation[]) => number | undefined;

export async function publishCommand(
  config: Config,
  pipeline: string,
  options: PublishOptions,
): Promise<void> {
  await choose(config, pipeline, options, all => {
    if (options.generation !== undefined) return Number(options.generation);
    return all.find(one => one.state === "review")?.generation;
  });
}

export async function rollbackCommand(
  config: Config,
  pipeline: string,
  options: PublishOptions,
): Promise<void> {
  await choose(config, pipeline, options, all => {
    if (options.to !== undefined) return Number(options.to);
    const live = liveOf(all);
    const before = all
      .filter(one => one.publication > 0 && one.state !== "dropped" && one !== live)
      .sort((a, b) => b.publication - a.publication)[0];
    if (before === undefined) {
      throw new TidemarkError("PUBLISH_REFUSED", "There is no earlier generation to go back to.");
    }
    return before.generation;
  });
}

async function choose(
  config: Config,
  pipeline: string,
  options: PublishOptions,
  choice: Choice,
): Promise<void> {
  const spec = resolveSpec(loadSpec(pipeline, config), {}, config);
  const { destination } = withDestinationSecrets(spec.destination, config);
  try {
    await using session = await createDestination(destination).open({
      signal: new AbortController().signal,
      onProgress: tellWaits(),
    });
    const { generations } = session;
    if (generations === undefined) {
      throw new TidemarkError("PUBLISH_REFUSED", `${destination.type} knows no generations.`);
    }
    const schema = await schemaOf(generations, spec.pipeline_name);
    const chosen = choice(await generations.list(schema));
    const done = chosen === undefined ? undefined : await generations.publish(schema, chosen, true);
    tell(await generations.list(schema), chosen, done?.previous, options.json === true);
  } finally {
    await closeDestinations();
  }
}

async function schemaOf(generations: Generations, pipeline: string): Promise<string> {
  const [schema, ...others] = await generations.schemasOf(pipeline);
  if (schema === undefined) {
    throw new TidemarkError(
      "PUBLISH_REFUSED",
      `${pipeline} has built no candidate yet: transform.dbt.publish: candidate in its spec makes it do so.`,
    );
  }
  if (others.length === 0) return schema;
  throw new TidemarkError(
    "PUBLISH_REFUSED",
    `${pipeline} has generations in several schemas (${[schema, ...others].join(", ")}): drop the table _tidemark_generations of those that are not used any more.`,
  );
}

function tell(
  all: Generation[],
  chosen: number | undefined,
  previous: number | undefined,
  json: boolean,
): void {
  const live = liveOf(all);
  if (json) {
    const generations = all.map(({ objects: _, live: __, other_schemas: ___, ...one }) => one);
    process.stdout.write(`${JSON.stringify({ live: live?.generation, generations }, null, 2)}\n`);
    return;
  }
  const table = new Table({ head: ["generation", "state", "begun", "published", "run"], ...PLAIN });
  for (const one of all.filter(({ state }) => state !== "dropped")) {
    const state = one === live ? "live" : one.publication > 0 ? "earlier" : one.state;
    table.push([one.generation, state, one.begun_at, one.published_at ?? "", one.run]);
  }
  console.log(table.toString());
  if (chosen === undefined) console.log("No candidate waits for a person: --generation names one.");
  else if (previous === undefined) console.log(`Generation ${chosen} is live.`);
  else console.log(`Generation ${chosen} is live in place of ${previous}.`);
}
