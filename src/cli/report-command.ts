/** `tidemark report`: one HTML page on what pipelines did, to look at and to pass on. Reads only. */
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { Config } from "../config";
import { type Connected, connect } from "../connect";
import { closeDestinations, createDestination } from "../destinations/registry";
import { metricsPlace } from "../load/gate-facts";
import { TidemarkError } from "../pipeline/errors";
import type { ResolvedPipeline } from "../pipeline/spec";
import { gatherPipeline } from "../report/gather";
import { renderPage } from "../report/page";
import type { ReportPipeline } from "../report/report-data";
import { loadSpec } from "../spec/load-spec";
import { withDestinationSecrets } from "../spec/open-source";
import { resolveSpec } from "../spec/resolve-spec";
import { tellWaits } from "./told-waits";

export interface ReportOptions {
  output?: string;
  open?: boolean;
}

export async function reportCommand(
  config: Config,
  pipeline: string | undefined,
  options: ReportOptions,
): Promise<void> {
  const specs = pipeline === undefined ? allSpecs(config) : [specOf(pipeline, config)];
  const connected = await serverOf(config);
  const pipelines: ReportPipeline[] = [];
  try {
    for (const spec of specs) pipelines.push(await gather(spec, config, connected?.client));
  } finally {
    await closeDestinations();
    await connected?.close();
  }
  // Of all pipelines those are shown that did something; one that was asked for is shown as it is.
  const shown =
    pipeline === undefined ? pipelines.filter(one => one.loads.length + one.runs.length > 0) : pipelines;
  if (shown.length === 0) {
    throw new TidemarkError(
      "SPEC_NOT_FOUND",
      `No pipeline of ${config.pipelinesDir} has run yet: run one, or name it (tidemark report PIPELINE).`,
    );
  }
  const path = resolve(config.cwd, options.output ?? join(config.home, "report.html"));
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, renderPage({ made_at: new Date().toISOString(), pipelines: shown }));
  process.stdout.write(`${path}\n`);
  if (options.open) openInBrowser(path);
}

/** The local server keeps its histories in a file: it is started for the report where it does not run. */
async function serverOf(config: Config): Promise<Connected | undefined> {
  if (config.temporal === undefined && !existsSync(join(config.home, "temporal", "temporal.db")))
    return undefined;
  return await connect(config).catch(() => undefined);
}

async function gather(
  spec: ResolvedPipeline,
  config: Config,
  client: Parameters<typeof gatherPipeline>[0]["client"],
): Promise<ReportPipeline> {
  const { raw, loads } = metricsPlace(spec, config.analyticsSchema);
  const { destination } = withDestinationSecrets(spec.destination, config);
  const created = createDestination(destination);
  return await gatherPipeline({
    pipeline: spec.pipeline_name,
    dataset: raw,
    place: `${destination.type}, ${created.identity.fingerprint}`,
    destination: created,
    loads,
    home: config.home,
    packageRoot: config.packageRoot,
    ...(client === undefined ? {} : { client }),
    signal: new AbortController().signal,
    onProgress: tellWaits(),
  });
}

function specOf(pipeline: string, config: Config): ResolvedPipeline {
  return resolveSpec(loadSpec(pipeline, config), {}, config);
}

/** Those that can be read; `doctor` says what is wrong with the others. */
function allSpecs(config: Config): ResolvedPipeline[] {
  if (!existsSync(config.pipelinesDir)) return [];
  const names = readdirSync(config.pipelinesDir).filter(file => /\.(json|ya?ml|[cm]?[jt]s)$/.test(file));
  return names.sort().flatMap(file => {
    try {
      return [specOf(join(config.pipelinesDir, file), config)];
    } catch {
      return [];
    }
  });
}

/** By the system's own opener; where there is none the path has been said. */
function openInBrowser(path: string): void {
  const [program, ...args] =
    process.platform === "darwin" ? ["open"] : process.platform === "win32" ? ["explorer"] : ["xdg-open"];
  const child = spawn(program as string, [...args, pathToFileURL(path).href], {
    stdio: "ignore",
    detached: true,
  });
  child.once("error", () => process.stderr.write("No program to open the page with was found.\n"));
  child.unref();
}
