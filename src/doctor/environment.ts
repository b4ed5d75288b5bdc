/** Environment variables: set where they are needed, and not left as the example file has them. Pure. */
import type { Surroundings } from "../destinations/destination";
import { DESTINATION_NAMES, findDestinationType } from "../destinations/registry";
import { DEFAULT_DESTINATION } from "../pipeline/names";
import { type Check, failed, passed, toCheck, warned } from "./check";

export type Environment = Surroundings["env"];

const OURS = new RegExp(
  `^(DLT_|DBT_|TEMPORAL_|TIDEMARK_|SOURCES__|DESTINATION__|NORMALIZE__|SCHEMA__|EXTRACT__|LOAD__|(${DESTINATION_NAMES.join("|").toUpperCase()})_)`,
);
const PLACEHOLDER =
  /YOUR[_-]|<[^<>]+>|change[_-]?me|replace[_-]?me|placeholder|^x{3,}$|^(todo|tbd|none|null|secret|password)$|\.\.\.$/i;

/** True for the texts that example files use in place of a value. */
export function isPlaceholder(value: string): boolean {
  return PLACEHOLDER.test(value.trim());
}

export function checkEnvironment(around: Surroundings): Check[] {
  const { env } = around;
  return [...placeholders(env), destination(around), ...schemas(env), ...temporal(env)];
}

function placeholders(env: Environment): Check[] {
  const left = Object.entries(env)
    .filter(([name, value]) => OURS.test(name) && value !== undefined && value !== "" && isPlaceholder(value))
    .map(([name]) => name)
    .sort();
  return left.length === 0
    ? [passed("placeholders", "no variable holds an example's placeholder")]
    : [
        failed(
          "placeholders",
          `still as in the example: ${left.join(", ")}`,
          "Put real values into .env, or remove these lines.",
        ),
      ];
}

function destination(around: Surroundings): Check {
  const type = around.env.DLT_DESTINATION || DEFAULT_DESTINATION;
  const found = findDestinationType(type);
  if (found !== undefined) return toCheck({ name: "destination", ...found.checkEnvironment(around) });
  return failed(
    "destination",
    `DLT_DESTINATION is ${JSON.stringify(type)}`,
    `Valid: ${DESTINATION_NAMES.join(", ")}.`,
  );
}

/** Ingestion owns one schema, dbt another. */
function schemas(env: Environment): Check[] {
  const raw = env.DLT_DATASET_NAME || "raw";
  const analytics = env.DATABRICKS_SCHEMA || "analytics";
  return raw.toLowerCase() === analytics.toLowerCase()
    ? [
        failed(
          "schemas",
          `DLT_DATASET_NAME and DATABRICKS_SCHEMA are both ${raw}`,
          "Give dbt a schema of its own: nothing may write back into the raw dataset.",
        ),
      ]
    : [passed("schemas", `pipelines write ${raw}, dbt writes ${analytics}`)];
}

function temporal(env: Environment): Check[] {
  const address = env.TEMPORAL_ADDRESS;
  if (!address) return [];
  return /^[^\s:/]+(:\d+)?$|^\[[0-9a-f:]+\](:\d+)?$/i.test(address)
    ? [passed("temporal address", address)]
    : [
        warned(
          "temporal address",
          "TEMPORAL_ADDRESS is not HOST:PORT",
          "Write it as in 127.0.0.1:7233, without https://.",
        ),
      ];
}
