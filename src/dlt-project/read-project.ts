/** What a folder of dlt programs says, read by Python's own parser in a process of its own; nothing is executed. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { TidemarkError } from "../pipeline/errors";
import type { Json, JsonObject } from "../pipeline/spec";

const run = promisify(execFile);
const SCRIPT = join(__dirname, "read_project.py");
const TIMEOUT_MS = 120_000;
const MOST_OUTPUT = 256 * 1024 * 1024;

/** Something that could not be taken over. */
export interface NotTaken {
  file: string;
  line: number;
  what: string;
}

export interface FoundSource {
  kind: "rest_api" | "sql_database" | "sql_table";
  /** Name of dlt's function. */
  call: string;
  line: number;
  arguments: JsonObject;
  /** Resources named by `with_resources`. */
  selected?: string[];
  /** The `@dlt.source` function around it. */
  own?: { name: string; section: string; max_table_nesting?: Json; root_key?: Json; schema_contract?: Json };
  /** `apply_hints` by resource. */
  hints?: { [resource: string]: JsonObject };
}

/** How Python comes to a run: the program as a script, or one of its functions; `run`: which of several. */
export interface RunPlace {
  program: string;
  function?: string;
  run?: number;
}

/** One `pipeline.run(source, …)`. */
export interface FoundRun {
  file: string;
  line: number;
  /** Arguments of `dlt.pipeline`. */
  pipeline: JsonObject;
  /** Keyword arguments of `run`. */
  options: JsonObject;
  /** null: not understood wholly, and Python has to do it. */
  source: FoundSource | null;
  reasons: NotTaken[];
  place: RunPlace;
  /** It runs more than once, or others of the same pipeline do, in an order that is not known. */
  several?: true;
  /** Why nobody can start it. */
  unreachable?: string;
}

export interface FoundProject {
  runs: FoundRun[];
  problems: NotTaken[];
}

/**
 * @param python program that runs Python 3.8 or newer
 * @throws TidemarkError SPEC_NOT_FOUND when there is no such Python, INTERNAL when the reader fails
 */
export async function readProject(folder: string, python: string, path?: string): Promise<FoundProject> {
  try {
    const { stdout } = await run(python, ["-E", "-s", "-B", SCRIPT, folder], {
      timeout: TIMEOUT_MS,
      maxBuffer: MOST_OUTPUT,
      env: { PATH: path, PYTHONIOENCODING: "utf-8" },
    });
    return JSON.parse(stdout) as FoundProject;
  } catch (error) {
    const { code, stderr } = error as NodeJS.ErrnoException & { stderr?: string };
    if (code === "ENOENT") {
      throw new TidemarkError(
        "SPEC_NOT_FOUND",
        `dlt programs are read with Python's own parser, and there is no ${python}: install Python 3, or run \`npm run setup\`.`,
      );
    }
    const last = stderr?.trim().split("\n").at(-1) ?? String(code);
    throw new TidemarkError("INTERNAL", `The files of ${folder} could not be read: ${last}`);
  }
}

/** A value that stands for something in dlt's configuration; see static_values.py. */
export function marker(
  value: Json,
  name: "dlt_config" | "wanted_config" | "wanted_secret",
): string | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  const keys = Object.keys(value);
  const text = value[name];
  return keys.length === 1 && typeof text === "string" ? text : undefined;
}
