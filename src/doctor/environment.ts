/** Environment variables: set where they are needed, and not left as the example file has them. Pure. */
import { type Check, failed, passed, warned } from "./check";

export type Environment = Record<string, string | undefined>;

const OURS =
  /^(DLT_|DATABRICKS_|DUCKDB_|DBT_|TEMPORAL_|TIDEMARK_|SOURCES__|DESTINATION__|NORMALIZE__|SCHEMA__|EXTRACT__|LOAD__)/;
const PLACEHOLDER =
  /YOUR[_-]|<[^<>]+>|change[_-]?me|replace[_-]?me|placeholder|^x{3,}$|^(todo|tbd|none|null|secret|password)$|\.\.\.$/i;

/** True for the texts that example files use in place of a value. */
export function isPlaceholder(value: string): boolean {
  return PLACEHOLDER.test(value.trim());
}

export function checkEnvironment(env: Environment): Check[] {
  return [...placeholders(env), ...destination(env), ...schemas(env), ...temporal(env)];
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

function destination(env: Environment): Check[] {
  const type = env.DLT_DESTINATION || "duckdb";
  if (type === "duckdb") {
    return [passed("destination", `duckdb, file ${env.DUCKDB_PATH || ".tidemark/tidemark.duckdb"}`)];
  }
  if (type !== "databricks") {
    return [
      failed("destination", `DLT_DESTINATION is ${JSON.stringify(type)}`, "Valid: duckdb, databricks."),
    ];
  }
  const credentials = "DESTINATION__DATABRICKS__CREDENTIALS__";
  const has = (...names: string[]) => names.some(name => Boolean(env[name]));
  const missing = [
    ...(has("DATABRICKS_HOST", `${credentials}SERVER_HOSTNAME`) ? [] : ["DATABRICKS_HOST"]),
    ...(has("DATABRICKS_HTTP_PATH", "DATABRICKS_WAREHOUSE_ID", `${credentials}HTTP_PATH`)
      ? []
      : ["DATABRICKS_HTTP_PATH"]),
    ...(has("DATABRICKS_TOKEN", `${credentials}ACCESS_TOKEN`) ||
    (has("DATABRICKS_CLIENT_ID", `${credentials}CLIENT_ID`) &&
      has("DATABRICKS_CLIENT_SECRET", `${credentials}CLIENT_SECRET`))
      ? []
      : ["DATABRICKS_TOKEN (or DATABRICKS_CLIENT_ID and DATABRICKS_CLIENT_SECRET)"]),
  ];
  return missing.length === 0
    ? [passed("destination", "databricks, connection variables set")]
    : [
        failed(
          "destination",
          `databricks needs ${missing.join(", ")}`,
          "Set them in .env or where the worker runs.",
        ),
      ];
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
