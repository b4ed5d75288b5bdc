/** The dlt source's part of a spec: its keys, and the checks that need more than keys. */
import { z } from "zod";
import type { SourceSpec } from "../../pipeline/spec";
import { contractShape, sourceShape } from "../resource-hints";
import { shapeProblems } from "../shape-problems";
import type { SpecProblem } from "../source";

const filled = z.string().min(1, "must not be empty");
const seconds = z
  .number()
  .positive()
  .max(7 * 24 * 3600, "must be at most a week");

/** Names as dlt's configuration has them: `sources.github.access_token`. */
const settingName = z
  .string()
  .regex(
    /^[A-Za-z_][\w-]*(\.[\w-]+)*$/,
    "must be a name of dlt's configuration, such as sources.github.access_token",
  );

const base = {
  type: z.literal("dlt"),
  name: sourceShape.name
    .optional()
    .describe("Name of the source as Python has it; asked from the source when it is left out."),
  max_table_nesting: sourceShape.max_table_nesting.describe(
    "For all resources: depth of child tables; default: what Python says",
  ),
  root_key: sourceShape.root_key.describe("Child tables have a column with the key of their root row"),
  schema_contract: contractShape.nullish().describe("For all resources; default: what Python says"),
  project_dir: filled
    .optional()
    .describe("Folder of the dlt project, relative to the worker's folder; default: that folder."),
  module: filled
    .optional()
    .describe("Python module with the source: a dotted name, or a .py file relative to project_dir."),
  source: filled
    .optional()
    .describe("Function or object of the module: a dlt source or resource, or a function that returns one."),
  program: filled
    .optional()
    .describe(
      "In place of module and source: a program that calls pipeline.run; what it hands to it is loaded.",
    ),
  function: filled.optional().describe("Function of the program to call; default: it runs as a script."),
  run: z
    .number()
    .int()
    .positive()
    .optional()
    .describe("Which of the program's runs of this pipeline, from 1; needed where there are several."),
  args: z
    .record(z.string(), z.json())
    .nullish()
    .describe("Keyword arguments for the function. Secrets do not belong here."),
  resources: z.array(filled).min(1).nullish().describe("Only these resources (dlt: with_resources)."),
  python: filled
    .optional()
    .describe("Python to use; default: .venv or venv of the project, else one made from its requirements."),
  requirements: filled
    .optional()
    .describe("Requirements file or pyproject.toml that a Python is made from, relative to project_dir."),
  settings: z
    .record(settingName, z.json())
    .nullish()
    .describe("dlt settings and secrets by their names; they reach Python as environment variables."),
  memory_limit: z
    .string()
    .regex(/^\d+(\.\d+)?\s*([KMGT]i?B)$/i, 'must be a size such as "2GB"')
    .optional()
    .describe("Python and what it starts are ended when they use more memory than this."),
  timeout_seconds: seconds.optional().describe("For the whole extraction; default: none."),
  idle_timeout_seconds: seconds
    .optional()
    .describe("Longest time without a row, a page or a line of output; default: 3600."),
};

export const dltShape = z.strictObject(base);
export type DltSpec = z.infer<typeof dltShape>;

export function checkDlt(source: SourceSpec): SpecProblem[] {
  // The core gives every source a name; here it is the source's own unless the spec says one.
  const { described: _, ...given } = source;
  const problems = shapeProblems(dltShape, given);
  if (problems.length > 0) return problems;
  problems.push(...(given.program === undefined ? checkModule(given) : checkProgram(given)));
  for (const name of Object.keys((given.settings as object | null) ?? {})) {
    if (!RESERVED.some(prefix => variableOf(name).startsWith(prefix))) continue;
    const message = "is set by the worker for every extraction";
    problems.push({ path: ["settings", name], message });
  }
  return problems;
}

type Given = { [key: string]: unknown };

function checkModule(given: Given): SpecProblem[] {
  const missing = ["module", "source"].filter(key => given[key] === undefined);
  const stray = ["function", "run"].filter(key => given[key] !== undefined);
  return [
    ...missing.map(key => ({
      path: [key],
      message: "is missing; a program can stand in its place (program)",
    })),
    ...stray.map(key => ({ path: [key], message: "goes with program" })),
  ];
}

function checkProgram(given: Given): SpecProblem[] {
  const stray = ["module", "source"].filter(key => given[key] !== undefined);
  const message = "does not go with program, which makes its source itself";
  const problems: SpecProblem[] = stray.map(key => ({ path: [key], message }));
  if (!String(given.program).endsWith(".py")) {
    problems.push({ path: ["program"], message: "must be a .py file" });
  }
  if (given.args != null && given.function === undefined) {
    problems.push({ path: ["args"], message: "are for a function: name it" });
  }
  return problems;
}

/** What would change the formats that the worker reads. */
const RESERVED = ["DLT_JSON_", "DLT_DLT_ID", "RESTORE_FROM_DESTINATION"];

/** dlt's environment variable for a dotted name. */
export function variableOf(name: string): string {
  return name.toUpperCase().replaceAll(".", "__").replaceAll("-", "_");
}

export function bytesOf(size: string): number {
  const [, number, unit] = /^([\d.]+)\s*([KMGT])/i.exec(size)!;
  return Number(number) * 1024 ** ("KMGT".indexOf(unit!.toUpperCase()) + 1);
}
