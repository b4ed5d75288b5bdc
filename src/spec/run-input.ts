/** The input of workflow `pipeline`, as anybody may send it by `temporal workflow start --input`. */
import { z } from "zod";
import { DESTINATION_TYPES } from "../destinations/registry";
import type { RunInput } from "../pipeline/spec";
import { dispositionShape } from "../sources/resource-hints";
import { issueProblems } from "../sources/shape-problems";
import { onBusy, parallel, refreshSchema, retry, specError } from "./check-spec";

/** Of a file that a spec may lie in. */
const LONGEST_PATH = 4096;

const LOAD_MODES = DESTINATION_TYPES.flatMap(({ loadModes }) => [...(loadModes ?? [])]);

const runInput = z.strictObject({
  pipeline: z.union(
    [z.string().min(1).max(LONGEST_PATH), z.looseObject({})],
    'must be the name of a spec, or a spec; for example {"pipeline": "rest_api_demo"}',
  ),
  load: z.boolean().optional(),
  resources: z.array(z.string()).optional(),
  write_disposition: dispositionShape.optional(),
  refresh: refreshSchema.optional(),
  load_mode: z.enum(LOAD_MODES).optional(),
  full_refresh: z.boolean().optional(),
  transform: z.boolean().optional(),
  gate: z.boolean().optional(),
  retry: retry.optional(),
  parallel: parallel.optional(),
  on_busy: onBusy.optional(),
});

/** @throws TidemarkError SPEC_INVALID with one line per problem */
export function checkRunInput(input: unknown): RunInput {
  // No input at all reaches an activity as null.
  const parsed = runInput.safeParse(input ?? {});
  if (parsed.success) return parsed.data as RunInput;
  const problems = parsed.error.issues.flatMap(issue => issueProblems(issue, runInput));
  throw specError("The run's input", problems);
}
