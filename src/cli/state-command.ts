/** `tidemark state`: what the destination and the package folders know of a pipeline. Reads only. */
import Table from "cli-table3";
import type { Config } from "../config";
import { datasetNames } from "../destinations/dataset-names";
import { closeDestinations, createDestination } from "../destinations/registry";
import type { CursorInfo } from "../pipeline/cursor";
import { loadSpec } from "../spec/load-spec";
import { withDestinationSecrets } from "../spec/open-source";
import { resolveSpec } from "../spec/resolve-spec";
import { cursorsOf } from "../state/cursor-values";
import { decodeStateBlob } from "../state/state-blob";
import { findPackages } from "./packages-elsewhere";
import { PLAIN } from "./run-summary";
import { tellWaits } from "./told-waits";

export interface PipelineReport {
  pipeline_name: string;
  dataset_name: string;
  dataset_exists: boolean;
  state_version?: number;
  /** Load that the state came with. */
  state_load_id?: string;
  newest_load_id?: string;
  schema_version?: number;
  cursors: CursorInfo[];
  /** `host`: of another machine, which was asked. */
  pending_packages: { load_id: string; state: string; host?: string }[];
  /** A sentence for each package that cannot be read. */
  unreadable_packages: string[];
  /** Why the host that holds what the last load left could not be asked. */
  not_asked?: string;
}

export async function stateCommand(
  config: Config,
  pipeline: string,
  options: { json?: boolean },
): Promise<void> {
  const report = await readReport(config, pipeline).finally(closeDestinations);
  process.stdout.write(options.json ? `${JSON.stringify(report, null, 2)}\n` : render(report));
}

async function readReport(config: Config, pipeline: string): Promise<PipelineReport> {
  const spec = resolveSpec(loadSpec(pipeline, config), {}, config);
  const destination = createDestination(withDestinationSecrets(spec.destination, config).destination);
  await using session = await destination.open({
    signal: new AbortController().signal,
    onProgress: tellWaits(),
    readOnly: true,
  });
  const { pipeline_name, dataset_name } = spec;
  const { dataset } = datasetNames(spec);
  const restored = await session.restore({
    dataset,
    pipeline_name,
    schema_names: [spec.source.name],
  });
  const state = restored.state === null ? undefined : decodeStateBlob(restored.state.blob);
  const { here, elsewhere } = await findPackages(config, spec);
  const { host, answer, why } = elsewhere ?? {};
  return {
    pipeline_name,
    dataset_name,
    dataset_exists: restored.dataset_exists,
    state_version: restored.state?.version,
    state_load_id: restored.state?.load_id,
    newest_load_id: restored.max_load_id ?? undefined,
    schema_version: restored.schemas[spec.source.name]?.version,
    cursors: state === undefined ? [] : cursorsOf(state),
    pending_packages: [
      ...here.pending,
      ...(answer?.pending ?? []).map(one => ({ ...one, host: host?.host ?? "" })),
    ],
    unreadable_packages: [...here.unreadable, ...(answer?.unreadable ?? [])],
    ...(why === undefined ? {} : { not_asked: `what the last load left is on host ${host?.host}: ${why}` }),
  };
}

function render(report: PipelineReport): string {
  const lines = [
    `${report.pipeline_name} in ${report.dataset_name}${report.dataset_exists ? "" : " (not loaded yet)"}`,
  ];
  if (report.newest_load_id) lines.push(`newest load ${report.newest_load_id}`);
  if (report.state_version !== undefined)
    lines.push(`state version ${report.state_version}, from load ${report.state_load_id}`);
  if (report.schema_version !== undefined) lines.push(`schema version ${report.schema_version}`);
  if (report.cursors.length > 0) {
    const table = new Table({
      head: ["resource", "cursor", "value", "type"],
      ...PLAIN,
    });
    for (const c of report.cursors) table.push([c.resource, c.cursor_path, c.value.text, c.value.type]);
    lines.push(table.toString());
  }
  for (const p of report.pending_packages) {
    lines.push(
      `pending package ${p.load_id} (${p.state}${p.host === undefined ? "" : `, on host ${p.host}`}): the next run loads it first; tidemark abort-packages drops it`,
    );
  }
  lines.push(...report.unreadable_packages);
  if (report.not_asked !== undefined) lines.push(report.not_asked);
  return `${lines.join("\n")}\n`;
}
