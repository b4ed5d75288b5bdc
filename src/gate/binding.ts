/** Whether a run_results.json belongs to the run that is judged: yesterday's file says nothing of today. Pure. */
import type { RunResults } from "../transform/artifacts";

export interface Binding {
  now: Date;
  /** Minutes since dbt wrote it. */
  maxAgeMinutes: number;
  /** dbt's own id of the invocation, as its log and its other artifacts have it. */
  invocationId?: string;
  /** Of the job that ran dbt, as dbt was told it: see `RUN_ID_VAR` and `RUN_ID_ENV`. */
  jobRunId?: string;
}

export const DEFAULT_MAX_AGE_MINUTES = 60;
/** `dbt build --vars '{tidemark_run_id: …}'`: dbt keeps its arguments in run_results.json. */
export const RUN_ID_VAR = "tidemark_run_id";
/** DBT_ENV_CUSTOM_ENV_TIDEMARK_RUN_ID in dbt's environment: dbt keeps such variables in its artifacts' metadata. */
export const RUN_ID_ENV = "TIDEMARK_RUN_ID";

/** Clocks of two machines may differ by this. */
const AHEAD_MINUTES = 5;
/** Commands whose results say whether data may be used; others write the same file, and all of it is green. */
const JUDGED = ["build", "test", "run", "seed", "snapshot", "retry"];

/** @returns what does not fit, and what to do; undefined where it belongs */
export function bindingProblem(path: string, run: RunResults, binding: Binding): string | undefined {
  const { generated_at, invocation_id } = run.metadata ?? {};
  const written = generated_at ? new Date(generated_at).getTime() : Number.NaN;
  if (Number.isNaN(written) || !invocation_id)
    return `${path} does not say when and by which dbt invocation it was written (metadata.generated_at, metadata.invocation_id), so nobody can tell whether it belongs to this run.`;
  const which = run.args?.which;
  if (typeof which === "string" && !JUDGED.includes(which))
    return `${path} is of \`dbt ${which}\`, which builds and tests nothing: judge the file that \`dbt build\` wrote.`;
  const minutes = (binding.now.getTime() - written) / 60_000;
  if (minutes < -AHEAD_MINUTES)
    return `${path} is of ${generated_at}, which is yet to come here: check both clocks.`;
  if (minutes > binding.maxAgeMinutes)
    return `${path} is of ${generated_at}, ${ageText(minutes)} ago; at most ${binding.maxAgeMinutes} minutes are allowed (--max-age). It is probably left from an earlier run: did dbt run this time?`;
  if (binding.invocationId !== undefined && binding.invocationId !== invocation_id)
    return `${path} is of dbt invocation ${invocation_id}, and invocation ${binding.invocationId} is to be judged.`;
  if (binding.jobRunId === undefined) return undefined;
  const told = jobRunOf(run);
  if (told === binding.jobRunId) return undefined;
  return told === undefined
    ? `${path} does not say of which job run it is. Tell dbt: --vars '{${RUN_ID_VAR}: "${binding.jobRunId}"}', or DBT_ENV_CUSTOM_ENV_${RUN_ID_ENV} in its environment.`
    : `${path} is of job run ${told}, and job run ${binding.jobRunId} is to be judged.`;
}

function jobRunOf(run: RunResults): string | undefined {
  const told = varsOf(run.args?.vars)[RUN_ID_VAR] ?? run.metadata?.env?.[RUN_ID_ENV];
  return told === undefined || told === null ? undefined : String(told);
}

/** dbt writes them as it took them: an object, or the text of the command line. */
function varsOf(vars: unknown): { [name: string]: unknown } {
  if (typeof vars === "object" && vars !== null) return vars as { [name: string]: unknown };
  const found =
    typeof vars === "string" ? new RegExp(`${RUN_ID_VAR}["']?\\s*:\\s*["']?([^"',}\\s]+)`).exec(vars) : null;
  return found === null ? {} : { [RUN_ID_VAR]: found[1] };
}

function ageText(minutes: number): string {
  if (minutes < 120) return `${Math.round(minutes)} minutes`;
  return minutes < 48 * 60 ? `${Math.round(minutes / 60)} hours` : `${Math.round(minutes / 1440)} days`;
}
