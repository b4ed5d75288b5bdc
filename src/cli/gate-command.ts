/** `tidemark gate`: decide from dbt's results, as a CI step or a job's last task would. */
import { join } from "node:path";
import type { Config } from "../config";
import { closeDestinations, createDestination } from "../destinations/registry";
import { DEFAULT_MAX_AGE_MINUTES } from "../gate/binding";
import { builtSchema, runGateCommand } from "../gate/gate-command";
import { collectMetrics } from "../gate/metrics";
import { earlierLoads, metricsPlace } from "../load/gate-facts";
import { TidemarkError } from "../pipeline/errors";
import { DEFAULT_GATE } from "../pipeline/gate-spec";
import type { MetricsInfo } from "../pipeline/infos";
import type { ResolvedPipeline } from "../pipeline/spec";
import { loadSpec } from "../spec/load-spec";
import { withDestinationSecrets } from "../spec/open-source";
import { resolveSpec } from "../spec/resolve-spec";
import { tellWaits } from "./told-waits";

export interface GateOptions {
  runResults?: string;
  manifest?: string;
  pipeline?: string;
  metrics?: string;
  collect?: string;
  loadedAt?: string;
  invocationId?: string;
  jobRunId?: string;
  maxAge?: string;
  output?: string;
  failOnBlock?: boolean;
  sample?: boolean;
  reviewWith?: string;
  json?: boolean;
}

export async function gateCommand(config: Config, options: GateOptions): Promise<void> {
  const { collect, pipeline = collect, metrics, json } = options;
  if (collect !== undefined && metrics !== undefined)
    throw usage("--collect reads the metrics, and --metrics names a file of them: choose one.");
  if (collect !== pipeline) throw usage("--collect and --pipeline name two pipelines: choose one.");
  const spec = pipeline === undefined ? undefined : resolveSpec(loadSpec(pipeline, config), {}, config);
  const now = new Date();
  const loadedAt = timeOf(options.loadedAt);
  const { exitCode, packetPath, gate } = await runGateCommand({
    ...options,
    ...(spec === undefined ? {} : { rules: spec.gate ?? DEFAULT_GATE }),
    ...(collect === undefined
      ? {}
      : {
          collected: await collectFrom(
            spec!,
            builtSchema(options) ?? config.analyticsSchema,
            loadedAt,
            now,
            config,
          ).finally(closeDestinations),
        }),
    binding: {
      now,
      maxAgeMinutes: minutesOf(options.maxAge),
      ...(options.invocationId === undefined ? {} : { invocationId: options.invocationId }),
      ...(options.jobRunId === undefined ? {} : { jobRunId: options.jobRunId }),
    },
    output: options.output ?? join(config.home, "gate.md"),
    env: Object.fromEntries(
      Object.entries(config.env).filter((pair): pair is [string, string] => pair[1] !== undefined),
    ),
  });
  process.exitCode = exitCode;
  if (json) {
    console.log(JSON.stringify(gate, null, 2));
    return;
  }
  console.log(`${gate.decision.toUpperCase()}, score ${gate.score} of 100`);
  for (const reason of gate.reasons) console.log(`  ${reason}`);
  console.log(`Packet: ${packetPath}`);
}

/** The numbers as they are now, from the destination and dataset of a pipeline. */
async function collectFrom(
  spec: ResolvedPipeline,
  analytics: string,
  loadedAt: string | undefined,
  now: Date,
  config: Config,
): Promise<MetricsInfo> {
  const destination = createDestination(withDestinationSecrets(spec.destination, config).destination);
  await using session = await destination.open({
    signal: new AbortController().signal,
    onProgress: tellWaits(),
    readOnly: true,
  });
  const [newest, ...earlier] = await earlierLoads(spec, destination, config.packageRoot, undefined);
  const tables = Object.entries(newest ?? {}).map(([table, rows]) => ({ table, rows }));
  return await collectMetrics(session, (spec.gate ?? DEFAULT_GATE).metrics, {
    ...metricsPlace(spec, analytics),
    facts: {
      ...(loadedAt === undefined ? {} : { loaded_at: loadedAt }),
      ...(newest === undefined ? {} : { tables }),
    },
    earlier,
    now,
  });
}

function minutesOf(text: string | undefined): number {
  if (text === undefined) return DEFAULT_MAX_AGE_MINUTES;
  const minutes = Number(text);
  if (Number.isFinite(minutes) && minutes > 0) return minutes;
  throw usage(`--max-age ${text} is not a number of minutes above 0.`);
}

function timeOf(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const time = new Date(text);
  if (!Number.isNaN(time.getTime())) return time.toISOString();
  throw usage(`--loaded-at ${text} is not a time such as 2026-01-31T06:00:00Z.`);
}

function usage(message: string): TidemarkError {
  return new TidemarkError("GATE_INPUT", message, { step: "gate" });
}
