/** `tidemark gate`: decide from dbt's results, as a CI step or a job's last task would. */
import { join } from "node:path";
import type { Config } from "../config";
import { closeDestinations, createDestination } from "../destinations/registry";
import { runGateCommand } from "../gate/gate-command";
import { collectMetrics } from "../gate/metrics";
import type { GateMetrics } from "../pipeline/infos";
import { loadSpec } from "../spec/load-spec";
import { withDestinationSecrets } from "../spec/open-source";
import { resolveSpec } from "../spec/resolve-spec";

export interface GateOptions {
  runResults?: string;
  manifest?: string;
  metrics?: string;
  collect?: string;
  output?: string;
  failOnBlock?: boolean;
  sample?: boolean;
  reviewWith?: string;
}

export async function gateCommand(config: Config, options: GateOptions): Promise<void> {
  const { collect, ...files } = options;
  const { exitCode, packetPath, gate } = await runGateCommand({
    ...files,
    ...(collect === undefined
      ? {}
      : { collected: await collectFrom(collect, config).finally(closeDestinations) }),
    output: options.output ?? join(config.home, "gate.md"),
    env: Object.fromEntries(
      Object.entries(config.env).filter((pair): pair is [string, string] => pair[1] !== undefined),
    ),
    now: new Date(),
  });
  console.log(`${gate.decision.toUpperCase()}, score ${gate.score} of 100`);
  for (const reason of gate.reasons) console.log(`  ${reason}`);
  console.log(`Packet: ${packetPath}`);
  process.exitCode = exitCode;
}

/** The numbers as they are now, from the destination and dataset of a pipeline. */
async function collectFrom(pipeline: string, config: Config): Promise<GateMetrics> {
  const spec = resolveSpec(loadSpec(pipeline, config), {}, config);
  const { destination } = withDestinationSecrets(spec.destination, config);
  await using session = await createDestination(destination).open({
    signal: new AbortController().signal,
    onProgress: event => event.message && process.stderr.write(`${event.message}\n`),
    readOnly: true,
  });
  return await collectMetrics(session, {
    destination_type: destination.type,
    dataset: spec.dataset_name,
    analytics_schema: config.analyticsSchema,
  });
}
