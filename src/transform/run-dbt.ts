/**
 * Runs dbt as a step that may be repeated: an attempt first ends what a dead one left running, then continues where
 * it stopped. Everything it keeps is under the step's state folder; see attempts.ts.
 */
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { TidemarkError } from "../pipeline/errors";
import type { CandidateInfo, DbtInfo, OnProgress } from "../pipeline/infos";
import type { DbtSpec } from "../pipeline/spec";
import { endLeftBehind } from "../processes/process-group";
import { type RunResults, readFreshness, readManifest, readRunResults } from "./artifacts";
import {
  type AttemptFolder,
  earlierProgress,
  leaveForEditors,
  newAttempt,
  type Progress,
  publish,
  recordExit,
  remember,
  remembered,
} from "./attempts";
import { type CandidatePlan, type CandidateSteps, candidatePlan, needsPython } from "./candidate";
import { buildArgs, docsArgs, freshnessArgs, listArgs, parseArgs, retryArgs } from "./dbt-command";
import { type DbtDestination, dbtEnvironment } from "./dbt-environment";
import { failureWithoutResults, nodeFailure } from "./dbt-failures";
import { isFailing, isUnfinished, modelSchema, summarizeFreshness, summarizeRun } from "./dbt-info";
import { installPackages } from "./dbt-packages";
import type { DbtExit, DbtProcessOptions, DbtRunner } from "./dbt-process";
import { ParseCache } from "./parse-cache";
import { checkManifest } from "./schema-check";
import { warmRunner } from "./warm-dbt";

export interface RunDbtOptions {
  kind: "freshness" | "build";
  dbt: DbtSpec;
  /** dbt, or a Python that has it: an absolute path, or a name on the PATH of `env`. */
  executable: string;
  /** The environment of dbt; what the profile reads is set from the two fields below. */
  env: Record<string, string>;
  /** The schema that the pipeline loads into, as it is stored; dbt must read the same. */
  dataset: string;
  destination: DbtDestination;
  /** One folder per run and step; must survive attempts. */
  stateDir: string;
  /** What runs share: parsed projects, which packages are installed. */
  cacheDir: string;
  /** Default: a dbt that stays in memory, where the program allows it. */
  runner?: DbtRunner;
  /** What is built is a candidate that readers do not see. */
  candidate?: CandidateSteps;
  /** Holds the turn on the destination (design law 6) while dbt has it open. */
  withTurn?: <T>(run: () => Promise<T>) => Promise<T>;
  signal: AbortSignal;
  onProgress: OnProgress;
  /** No further attempt follows: nodes that failed to run are reported (`success: false`) instead of thrown. */
  lastAttempt?: boolean;
  /** From SIGINT to SIGKILL when aborted, in milliseconds. Default 10,000. */
  graceMs?: number;
}

/**
 * A failing *test* is a result (`success: false`; the gate decides). A node that could not run, a crash, a compile
 * error or a schema out of step is thrown.
 * @throws TidemarkError DBT_MISSING, DBT_COMPILE, DBT_SQL, DBT_SCHEMA_MISMATCH, DESTINATION_DENIED (terminal),
 * DBT_CRASHED, DBT_PACKAGES, DESTINATION_BUSY (transient); the signal's reason when aborted
 */
export async function runDbt(options: RunDbtOptions): Promise<DbtInfo> {
  options.signal.throwIfAborted();
  requireProject(options.dbt);
  mkdirSync(options.stateDir, { recursive: true });
  const started = performance.now();
  const left = await endLeftBehind(recordPath(options), options.graceMs ?? 10_000);
  const notes =
    left === undefined ? [] : [`ended a dbt that an earlier attempt had left running (process ${left})`];
  notes.push(...(await packages(options)));
  const info = options.kind === "freshness" ? await freshness(options) : await build(options);
  const docs = options.kind === "build" && options.dbt.docs ? await generateDocs(options) : {};
  return {
    ...info,
    ...(docs.path === undefined ? {} : { docs_path: docs.path }),
    notes: [...notes, ...info.notes, ...(docs.note === undefined ? [] : [docs.note])],
    seconds: (performance.now() - started) / 1000,
  };
}

async function freshness(options: RunDbtOptions): Promise<DbtInfo> {
  const command = "dbt source freshness";
  const attempt = newAttempt(options.stateDir, "full");
  const exit = await inTurn(options, () =>
    invoke(options, attempt, command, freshnessArgs(options.dbt, attempt)),
  );
  const path = join(attempt.target, "sources.json");
  const results = artifact(() => readFreshness(path));
  if (results === undefined) throw failureWithoutResults(command, exit, place(options, attempt));
  // Reading is harmless, so here the check comes after, and spares one start of dbt.
  checkSchema(options, attempt);
  const summary = summarizeFreshness(results);
  return { command, seconds: 0, run_results_path: path, ...summary };
}

async function build(options: RunDbtOptions): Promise<DbtInfo> {
  const earlier = earlierProgress(options.stateDir);
  const redo =
    earlier?.merged.results.filter(node => isFailing(node.status) || node.status === "skipped") ?? [];
  if (earlier?.last.ended && !isUnfinished(earlier.merged)) {
    return report(options, "dbt build", earlier, {
      retried: false,
      notes: ["taken over from an attempt that had finished"],
    });
  }
  // After an error in a unit test `dbt retry` runs the model before its unit test, so that case starts over.
  const retry = redo.length > 0 && !redo.some(node => node.unique_id.startsWith("unit_test."));
  const attempt = newAttempt(options.stateDir, retry ? "retry" : "full");
  const command = retry ? "dbt retry" : "dbt build";
  const exit = await (async () => {
    if (retry && earlier) {
      const args = retryArgs(options.dbt, attempt, earlier.last.target);
      return inTurn(options, () => invoke(options, attempt, command, args));
    }
    await checkBeforeBuild(options, attempt);
    if (options.candidate !== undefined) await beginCandidate(options, attempt, options.candidate);
    return inTurn(options, () => invoke(options, attempt, command, buildArgs(options.dbt, attempt)));
  })();
  recordExit(attempt, exit.code);
  const results = artifact(() => readRunResults(join(attempt.target, "run_results.json")));
  if (results === undefined || (exit.code !== 0 && exit.code !== 1)) {
    throw failureWithoutResults(command, exit, place(options, attempt));
  }
  if (!retry) requireNodes(results, options.dbt);
  const progress = earlierProgress(options.stateDir);
  if (progress === undefined) throw failureWithoutResults(command, exit, place(options, attempt));
  return report(options, command, progress, { retried: retry, notes: [...exit.log.notLoaded] });
}

function report(
  options: RunDbtOptions,
  command: string,
  progress: Progress,
  extra: { retried: boolean; notes: string[] },
): DbtInfo {
  const manifest = artifact(() => readManifest(join(progress.last.target, "manifest.json")));
  const summary = summarizeRun(progress.merged, manifest);
  const path = publish(options.stateDir, progress.merged, progress.last);
  // A candidate's manifest names schemas that are gone tomorrow.
  if (options.candidate === undefined) leaveForEditors(options.dbt.project_dir, progress.last);
  const failure = nodeFailure(command, progress.merged, summary, progress.last.output);
  if (failure !== undefined && (failure.kind === "terminal" || !options.lastAttempt)) throw failure;
  const built = options.candidate && remembered<Candidate>(options.stateDir, CANDIDATE);
  const schema = judgedSchema(options, modelSchema(manifest), built?.candidate.suffix);
  return {
    command,
    seconds: 0,
    run_results_path: path,
    ...summary,
    ...(built === undefined ? {} : { candidate: built.candidate }),
    ...(extra.retried ? { retried: true } : {}),
    ...(schema === undefined ? {} : { schema }),
    notes: [...extra.notes, ...summary.notes],
  };
}

/**
 * `dbt parse` (it opens no database; 0.3 s where nothing changed) before the first build of a step: a build of the wrong
 * schema must not even begin. The build that follows reuses the parsed project.
 */
async function checkBeforeBuild(options: RunDbtOptions, attempt: AttemptFolder): Promise<void> {
  const checked = join(options.stateDir, "schema-checked");
  if (existsSync(checked)) return;
  const exit = await invoke(options, attempt, "dbt parse", parseArgs(options.dbt, attempt));
  if (exit.code !== 0) throw failureWithoutResults("dbt parse", exit, place(options, attempt));
  checkSchema(options, attempt);
  if (options.candidate !== undefined)
    remember(options.stateDir, PLAN, await planCandidate(options, attempt, exit));
  writeFileSync(checked, "");
}

const PLAN = "candidate-plan";
const CANDIDATE = "candidate";
interface Candidate {
  candidate: CandidateInfo;
  /** Selected nodes, by unique id; absent: all. */
  nodes?: string[];
}

/** From the project as it was just parsed: its live names. */
async function planCandidate(
  options: RunDbtOptions,
  attempt: AttemptFolder,
  parsed: DbtExit,
): Promise<{ plan: CandidatePlan; nodes?: string[] }> {
  const { dbt } = options;
  const manifest = artifact(() => readManifest(join(attempt.target, "manifest.json")));
  if (manifest === undefined) throw failureWithoutResults("dbt parse", parsed, place(options, attempt));
  const { schema } = parsed;
  if (schema === undefined) throw needsPython(options.executable);
  if (!dbt.select && !dbt.exclude && !dbt.selector) {
    return { plan: candidatePlan(manifest, schema, undefined, dbt) };
  }
  const exit = await invoke(options, attempt, "dbt ls", listArgs(dbt, attempt));
  if (exit.code !== 0) throw failureWithoutResults("dbt ls", exit, place(options, attempt));
  const nodes = (exit.listed ?? []).map(line => (JSON.parse(line) as { unique_id: string }).unique_id);
  return { plan: candidatePlan(manifest, schema, nodes, dbt), nodes };
}

/** Each build of all nodes begins with an empty candidate: what an earlier attempt built may have been built by halves. */
async function beginCandidate(
  options: RunDbtOptions,
  attempt: AttemptFolder,
  steps: CandidateSteps,
): Promise<void> {
  const planned = remembered<{ plan: CandidatePlan; nodes?: string[] }>(options.stateDir, PLAN);
  if (planned === undefined) {
    throw new TidemarkError("DBT_CRASHED", `The plan of the candidate in ${attempt.folder} is gone.`, {
      step: "transform",
    });
  }
  const { plan, nodes } = planned;
  remember(options.stateDir, CANDIDATE, {
    candidate: await steps.begin(plan),
    ...(nodes === undefined ? {} : { nodes }),
  } satisfies Candidate);
}

function checkSchema(options: RunDbtOptions, attempt: AttemptFolder): void {
  const manifest = artifact(() => readManifest(join(attempt.target, "manifest.json")));
  if (manifest === undefined) return;
  checkManifest(manifest, {
    dataset: options.dataset,
    database: options.destination.database,
    project_dir: options.dbt.project_dir,
  });
}

function requireNodes(results: RunResults, dbt: DbtSpec): void {
  if (results.results.some(node => !/^(operation|exposure)\./.test(node.unique_id))) return;
  throw new TidemarkError(
    "DBT_COMPILE",
    `dbt built nothing: select ${JSON.stringify(dbt.select ?? "")} and exclude ${JSON.stringify(dbt.exclude ?? "")} match no node of ${dbt.project_dir}. \`dbt ls --select …\` shows what a selection matches.`,
    { step: "transform" },
  );
}

function requireProject(dbt: DbtSpec): void {
  if (existsSync(join(dbt.project_dir, "dbt_project.yml"))) return;
  throw new TidemarkError(
    "DBT_COMPILE",
    `There is no dbt_project.yml in ${dbt.project_dir}. Correct transform.dbt.project_dir in the pipeline spec.`,
    { step: "transform" },
  );
}

/** Packages of the project, where packages.yml has changed since they were installed. */
async function packages(options: RunDbtOptions): Promise<string[]> {
  return await installPackages(options.dbt, options.cacheDir, async args => {
    const attempt = newAttempt(join(options.stateDir, "deps"), "full");
    const exit = await command(options, attempt, "dbt deps", args(attempt));
    return { exit, output: attempt.output };
  });
}

/** The build has happened: documentation that cannot be made is told and fails nothing. */
async function generateDocs(options: RunDbtOptions): Promise<{ path?: string; note?: string }> {
  const attempt = newAttempt(join(options.stateDir, "docs"), "full");
  const exit = await inTurn(options, () =>
    invoke(options, attempt, "dbt docs generate", docsArgs(options.dbt, attempt)),
  );
  const page = join(attempt.target, "static_index.html");
  if (exit.code === 0 && existsSync(page)) return { path: page };
  return { note: failureWithoutResults("dbt docs generate", exit, place(options, attempt)).message };
}

/** A command that parses the project, from what was parsed before. */
async function invoke(
  options: RunDbtOptions,
  attempt: AttemptFolder,
  phase: string,
  args: string[],
): Promise<DbtExit> {
  const { project_dir, profiles_dir, target, vars } = options.dbt;
  const cache = new ParseCache(join(options.cacheDir, "parsed"), [
    options.executable,
    ...[project_dir, profiles_dir, target, vars, options.dataset],
    ...[options.destination.type, options.destination.database],
  ]);
  try {
    return await command(options, attempt, phase, [...args, ...cache.args()]);
  } finally {
    cache.keep(attempt.target);
  }
}

function command(
  options: RunDbtOptions,
  attempt: AttemptFolder,
  phase: string,
  args: string[],
): Promise<DbtExit> {
  const run = options.runner ?? warmRunner(options.destination.type);
  return run({
    executable: options.executable,
    args,
    cwd: options.dbt.project_dir,
    env: { ...options.env, ...dbtEnvironment(options.dataset, options.destination) },
    ...candidateOf(options),
    recordPath: recordPath(options),
    outputPath: attempt.output,
    phase,
    signal: options.signal,
    onProgress: options.onProgress,
    graceMs: options.graceMs ?? 10_000,
  });
}

/** Where metrics are read from: beside a selection, most models may stand in a schema that has a sister in the candidate. */
function judgedSchema(
  options: RunDbtOptions,
  schema: string | undefined,
  suffix: string | undefined,
): string | undefined {
  if (schema === undefined || suffix === undefined || schema.endsWith(suffix)) return schema;
  const plan = remembered<{ plan: CandidatePlan }>(options.stateDir, PLAN)?.plan;
  const sisters = [...(plan?.objects.map(object => object.schema) ?? []), ...(plan?.other_schemas ?? [])];
  return sisters.includes(schema) ? `${schema}${suffix}` : schema;
}

/** From the moment that it was begun, every command of the step means the candidate. */
function candidateOf(options: RunDbtOptions): Pick<DbtProcessOptions, "candidate"> {
  const begun = options.candidate && remembered<Candidate>(options.stateDir, CANDIDATE);
  if (begun === undefined) return {};
  const { candidate, nodes } = begun;
  return { candidate: { suffix: candidate.suffix, ...(nodes === undefined ? {} : { nodes }) } };
}

function inTurn<T>(options: RunDbtOptions, run: () => Promise<T>): Promise<T> {
  return options.withTurn ? options.withTurn(run) : run();
}

function recordPath(options: RunDbtOptions): string {
  return join(options.stateDir, "process.json");
}

function place(options: RunDbtOptions, attempt: AttemptFolder) {
  const { project_dir, profiles_dir } = options.dbt;
  return { executable: options.executable, output: attempt.output, project_dir, profiles_dir };
}

/** A file that dbt left half-written is a crash of dbt. */
function artifact<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new TidemarkError("DBT_CRASHED", (error as Error).message, { step: "transform", cause: error });
  }
}
