/** `tidemark gate`: the decision from files, for CI and for jobs that ran dbt by themselves. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { z } from "zod";
import { TidemarkError } from "../pipeline/errors";
import type { DbtInfo, GateDecision, GateInfo, GateMetrics } from "../pipeline/infos";
import { DEFAULT_THRESHOLDS, type GateThresholds } from "../pipeline/spec";
import { readManifest, readRunResults } from "../transform/artifacts";
import { summarizeRun } from "../transform/dbt-info";
import { decideGate } from "./decide";
import { type PacketContext, renderPacket, renderPrompt } from "./packet";
import { renderAnswer, reviewWith, splitCommand } from "./review";
import { SAMPLE_METRICS, SAMPLE_RESULTS } from "./sample";

export interface GateCommandOptions {
  /** dbt's run_results.json. */
  runResults?: string;
  /** dbt's manifest.json; default: beside run_results.json. */
  manifest?: string;
  /** JSON file with claim_service_lines, max_allowed_ratio, freshness_minutes. */
  metrics?: string;
  /** Metrics that were read from the destination, in place of a file. */
  collected?: GateMetrics;
  /** Where the packet goes. */
  output: string;
  thresholds?: Partial<GateThresholds>;
  failOnBlock?: boolean;
  /** Decide over made-up results instead of files. */
  sample?: boolean;
  /** Program and arguments as one text. */
  reviewWith?: string;
  reviewTimeoutMs?: number;
  env: Record<string, string>;
  /** Time of the decision. */
  now: Date;
}

export interface GateCommandResult {
  /** 1 for `block` with failOnBlock, else 0. */
  exitCode: number;
  packetPath: string;
  decision: GateDecision;
  gate: GateInfo;
}

const metricsShape = z.looseObject({
  claim_service_lines: z.number().nullish(),
  max_allowed_ratio: z.number().nullish(),
  freshness_minutes: z.number().nullish(),
});

/** @throws TidemarkError GATE_INPUT naming the file and what is wrong with it */
export async function runGateCommand(options: GateCommandOptions): Promise<GateCommandResult> {
  const command = options.reviewWith === undefined ? undefined : reviewer(options.reviewWith);
  const dbt = options.sample ? SAMPLE_RESULTS : results(options);
  const metrics = options.sample ? SAMPLE_METRICS : (options.collected ?? metricsFrom(options.metrics));
  const thresholds = { ...DEFAULT_THRESHOLDS, ...options.thresholds };
  const gate = decideGate(dbt, metrics, thresholds);
  const context: PacketContext = {
    title: options.sample ? "sample (made-up results)" : (options.runResults ?? ""),
    thresholds,
    dbt,
    decided_at: options.now.toISOString(),
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

/** No file named: no metrics, which the gate takes as zero lines. A named file must be there. */
function metricsFrom(path: string | undefined): GateMetrics {
  if (path === undefined) return {};
  if (!existsSync(path)) throw input(`There is no metrics file ${path}.`);
  const checked = artifact(() => metricsShape.safeParse(parseJson(path)));
  if (!checked.success) {
    const fields = [...new Set(checked.error.issues.map(issue => issue.path.join(".") || "the file"))];
    throw input(
      `${path}: ${fields.join(", ")} is not a number. Valid: {"claim_service_lines": 1494, "max_allowed_ratio": 0.9, "freshness_minutes": 5}.`,
    );
  }
  const metrics: GateMetrics = {};
  for (const name of ["claim_service_lines", "max_allowed_ratio", "freshness_minutes"] as const) {
    const value = checked.data[name];
    if (typeof value === "number") metrics[name] = value;
  }
  return metrics;
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
