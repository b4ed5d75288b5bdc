/** A DuckDB destination as a user writes it, and what dlt's settings and the environment add. */
import { join, resolve } from "node:path";
import { z } from "zod";
import { TidemarkError } from "../../pipeline/errors";
import type { DestinationSpec, Json, JsonObject } from "../../pipeline/spec";
import type { DestinationSetting, Surroundings } from "../destination";
import { identifierLengths, SHARED_DEFAULTS, SHARED_SETTINGS, sharedOptions } from "../option-shapes";

export interface DuckDbDestination extends DestinationSpec {
  type: "duckdb";
  /** Absolute path of the database file. */
  path: string;
  /** DuckDB's memory limit, e.g. "2GB"; default 512MB, beyond it a load spills beside the file. */
  memory_limit?: string;
  /** Threads of DuckDB; default: the machine's, at most 4. */
  threads?: number;
  /** How long to wait for another process that holds the file; default 600. */
  busy_timeout_seconds?: number;
}

const LONGEST_WAIT_SECONDS = 7 * 24 * 3600;

export const duckdbShape = z.strictObject({
  type: z.literal("duckdb"),
  path: z
    .string()
    .min(1)
    .optional()
    .describe(
      "The file, from the project's folder; default: DUCKDB_PATH, else tidemark.duckdb below TIDEMARK_HOME",
    ),
  ...sharedOptions,
  ...identifierLengths,
  memory_limit: z
    .string()
    .regex(/^\d+(\.\d+)?\s*([KMGT]i?B)$/i, 'must be a size such as "2GB"')
    .optional()
    .describe("Of DuckDB in a step, for example 2GB; more is spilled to disk. Default: 512MB"),
  threads: z.number().int().positive().optional().describe("Of DuckDB in a step; default: DuckDB's own"),
  busy_timeout_seconds: z
    .number()
    .nonnegative()
    .max(LONGEST_WAIT_SECONDS, "must be at most a week")
    .optional()
    .describe("How long a file that somebody else has open is waited for; default: 600"),
});

export const DUCKDB_SETTINGS: readonly DestinationSetting[] = [
  ...SHARED_SETTINGS,
  { key: "credentials", option: "path", kind: "text", secret: true, parse: databasePath },
  { key: "database", within: "credentials", option: "path", kind: "text" },
];

/**
 * A path, or SQLAlchemy's form of one: `duckdb:///relative` or `duckdb:////absolute`. Credentials without a section
 * that are another database's URL are the source's (dlt would make a file of that database's name).
 */
function databasePath(value: Json, name: string): string | undefined {
  const text = String(value);
  const path = /^duckdb:\/\/\/([^?]*)/.exec(text)?.[1] ?? text;
  const other = /^[\w+]+:\/\//.test(path);
  if (other && !/destination/i.test(name)) return undefined;
  if (path !== "" && !path.startsWith(":") && !other) return path;
  throw new TidemarkError(
    "SPEC_INVALID",
    `The setting ${name} is not the path of a DuckDB file; ":memory:", ":pipeline:" and other databases are not supported.`,
  );
}

/** The file that specs without a path load into. */
export function defaultPath({ env, cwd, home }: Surroundings): string {
  return resolve(cwd, env.DUCKDB_PATH || join(home, "tidemark.duckdb"));
}

export function resolveDuckDb(given: JsonObject, around: Surroundings): DuckDbDestination {
  return {
    ...SHARED_DEFAULTS,
    ...given,
    type: "duckdb",
    path: given.path === undefined ? defaultPath(around) : resolve(around.cwd, String(given.path)),
  };
}
