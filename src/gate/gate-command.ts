/** `tidemark gate`: the decision from files, for CI and for jobs that ran dbt by themselves. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { z } from "zod";
import { TidemarkError } from "../pipeline/errors";
import { DEFAULT_GATE, DEFAULT_MAX_EXPECTED_WARNINGS } from "../pipeline/gate-spec";
import type { DbtInfo, GateDecision, GateInfo, MetricsInfo } from "../pipeline/infos";
import { unknownName } from "../pipeline/nearest-name";
import { readManifest, readRunResults } from "../transform/artifacts";
import { modelSchema, summarizeRun } from "../transform/dbt-info";
import { type Binding, bindingProblem } from "./binding";
import { decideGate, type GateRules } from "./decide";
import { type PacketContext, renderPacket, renderPrompt } from "./packet";
import { renderAnswer, reviewWith, splitCommand } from "./review";
import { SAMPLE_METRICS, SAMPLE_RESULTS } from "./sample";

export interface GateCommandOptions {
  /** dbt's run_results.json. */
  runResults?: string;
  /** dbt's manifest.json; default: beside run_results.json. */
  manifest?: string;
  /** The pipeline's rules; without, dbt's results are judged alone. */
  rules?: GateRules;
  /** JSON file with values by the names of the rules' metrics. */
  metrics?: string;
  /** Metrics that were read from the destination, in place of a file. */
  collected?: MetricsInfo;
  /** What the run_results.json must belong to. */
  binding: Binding;
  /** Where the packet goes. */
  output: string;
  failOnBlock?: boolean;
  /** Decide over made-up results instead of files. */
  sample?: boolean;
  /** Program and arguments as one text. */
  reviewWith?: string;
  reviewTimeoutMs?: number;
  env: Record<string, string>;
}

export interface GateCommandResult {
  /** 1 for `block` with failOnBlock, else 0. */
  exitCode: number;
  packetPath: string;
  decision: GateDecision;
  gate: GateInfo;
}

const metricsShape = z.record(z.string(), z.number().nullable());
/** What a spec with `gate: {}` has, but for the age of a load that nobody knows here. */
const DBT_ALONE: GateRules = { metrics: [], max_expected_warnings: DEFAULT_MAX_EXPECTED_WARNINGS };

/** @throws TidemarkError GATE_INPUT naming the file and what is wrong with it */
export async function runGateCommand(options: GateCommandOptions): Promise<GateCommandResult> {
  const command = options.reviewWith === undefined ? undefined : reviewer(options.reviewWith);
  const dbt = options.sample ? SAMPLE_RESULTS : results(options);
  const rules = options.sample ? DEFAULT_GATE : (options.rules ?? DBT_ALONE);
  const metrics = options.sample
    ? SAMPLE_METRICS
    : (options.collected ?? metricsFrom(options.metrics, rules));
  const gate = decideGate(dbt, metrics, rules);
  const context: PacketContext = {
    title: options.sample ? "sample (made-up results)" : (options.runResults ?? ""),
    dbt,
    decided_at: options.binding.now.toISOString(),
  };
  const packetPath = writePacket(options.output, gate, context);
  if (command !== undefined) {
    await appendReview(packetPath, command, renderPrompt(gate, context), options);
  }
  return {
    exitCode: options.failOnBlock && gate.decision === "block" ? 1 : 0,
    packetPath,
    decision: gate.decision,
    gate: { ...gate, packet_path: packetPath },
  };
}

/** Where dbt built, as its manifest says; undefined where there is none. @throws TidemarkError GATE_INPUT */
export function builtSchema({
  runResults,
  manifest,
}: Pick<GateCommandOptions, "runResults" | "manifest">): string | undefined {
  const path =
    manifest ?? (runResults === undefined ? undefined : join(dirname(runResults), "manifest.json"));
  return path === undefined ? undefined : modelSchema(artifact(() => readManifest(path)));
}

/** Writes the Markdown packet and returns its path. @throws TidemarkError GATE_INPUT where it cannot be written */
export function writePacket(path: string, gate: GateInfo, context: PacketContext): string {
  try {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, renderPacket(gate, context));
  } catch (error) {
    throw input(
      `The gate's packet could not be written to ${path} (${(error as NodeJS.ErrnoException).code}).`,
    );
  }
  return path;
}

async function appendReview(
  packetPath: string,
  command: string[],
  prompt: string,
  options: GateCommandOptions,
): Promise<void> {
  const answer = await reviewWith(command, prompt, {
    timeoutMs: options.reviewTimeoutMs ?? 120_000,
    env: options.env,
  });
  writeFileSync(packetPath, renderAnswer(command, answer), { flag: "a" });
}

function reviewer(text: string): string[] {
  try {
    return splitCommand(text);
  } catch (error) {
    throw input(`--review-with: ${(error as Error).message}.`);
  }
}

function results(options: GateCommandOptions): DbtInfo {
  if (options.runResults === undefined) {
    throw input(
      "The gate needs --run-results FILE (dbt's target/run_results.json), or --sample to see how it works.",
    );
  }
  const path = options.runResults;
  const manifestPath = options.manifest ?? join(dirname(path), "manifest.json");
  const run = artifact(() => readRunResults(path));
  if (run === undefined)
    throw input(`There is no ${path}. Run \`dbt build\` first, or name another --run-results FILE.`);
  const problem = bindingProblem(path, run, options.binding);
  if (problem !== undefined) throw input(problem);
  const manifest = artifact(() => readManifest(manifestPath));
  if (manifest === undefined && options.manifest !== undefined)
    throw input(`There is no ${options.manifest}.`);
  return {
    command: "dbt build",
    seconds: run.elapsed_time ?? 0,
    run_results_path: path,
    ...summarizeRun(run, manifest),
  };
}

/** No file named: no values, and the rules say what that means. A named file must be there, and know its metrics. */
function metricsFrom(path: string | undefined, rules: GateRules): MetricsInfo {
  const info: MetricsInfo = { values: {}, missing: {} };
  if (path === undefined) return info;
  if (!existsSync(path)) throw input(`There is no metrics file ${path}.`);
  const names = rules.metrics.map(metric => metric.name);
  if (names.length === 0)
    throw input(
      `${path}: numbers without rules decide nothing. Name the pipeline whose gate has them: --pipeline NAME.`,
    );
  const checked = artifact(() => metricsShape.safeParse(parseJson(path)));
  if (!checked.success) {
    const fields = [...new Set(checked.error.issues.map(issue => issue.path.join(".") || "the file"))];
    throw input(`${path}: ${fields.join(", ")} is not a number. Valid: {"${names.at(-1)}": 12.5}.`);
  }
  for (const [name, value] of Object.entries(checked.data)) {
    if (!names.includes(name)) throw input(`${path}: ${unknownName("metric", name, names)}.`);
    if (value !== null) info.values[name] = value;
  }
  for (const name of names) {
    if (info.values[name] === undefined) info.missing[name] = `${path} does not have it`;
  }
  return info;
}

function parseJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch {
    throw new Error(`${path} is not JSON`);
  }
}

function artifact<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw input(`${(error as Error).message}.`);
  }
}

function input(message: string): TidemarkError {
  return new TidemarkError("GATE_INPUT", message, { step: "gate" });
}
