/**
 * A drill of a user's own pipeline: loaded once undisturbed into `<dataset>_drill_a`, then under faults into
 * `<dataset>_drill_b`, by two workers that the drill starts itself, on a task queue of its own. The pipeline's own
 * dataset, packages and runs are not touched.
 */
import { randomBytes } from "node:crypto";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Client } from "@temporalio/client";
import type { Config } from "../config";
import { storedNames } from "../destinations/dataset-names";
import type { DestinationSession } from "../destinations/destination";
import { createDestination, destinationType } from "../destinations/registry";
import { TidemarkError } from "../pipeline/errors";
import { WORKFLOW_PIPELINE } from "../pipeline/names";
import type { JsonObject, ResolvedPipeline } from "../pipeline/spec";
import { loadSpec } from "../spec/load-spec";
import { withDestinationSecrets } from "../spec/open-source";
import { resolveSpec } from "../spec/resolve-spec";
import { compareDatasets } from "./compare";
import type { FaultKind } from "./faults";
import { checkHistories } from "./histories";
import { DrillHost } from "./hosts";
import { OPERATOR } from "./operator";
import { planRounds, type Round, type ScenarioOutline } from "./plan";
import { type DrillReport, drillReport, type RoundReport } from "./report";
import { type PhaseWork, runUntilDone } from "./runs";
import { Strikes } from "./strikes";

export interface StagingDrillOptions {
  seed: number;
  rounds: number;
  /** Drop the datasets of an earlier drill. */
  replace: boolean;
  /** Leave both datasets also when they are equal. */
  keep: boolean;
  stuckAfterMs: number;
  /** The command that starts a host: this program itself. */
  program: string;
  say(line: string): void;
}

/** Faults that hit nothing but what the drill started. */
export const STAGING_FAULTS: readonly FaultKind[] = [
  "kill_worker",
  "stop_worker",
  "restart_worker",
  "terminate",
  "pause",
];

const PHASES = ["first load", "second load", "third load"];
const MOST_RUNS = 9;
const ZOMBIES_MS = 1_500;

export interface StagingPlan {
  /** As it is, and never written. */
  dataset: string;
  undisturbed: string;
  disturbed: string;
  destination: string;
  rounds: Round[];
}

/** What a drill of this pipeline will do, without doing anything. @throws TidemarkError SPEC_* */
export function planStagingDrill(
  config: Config,
  pipeline: string,
  options: Pick<StagingDrillOptions, "seed" | "rounds">,
): StagingPlan {
  const spec = resolveSpec(loadSpec(pipeline, config), {}, config);
  return {
    dataset: spec.dataset_name,
    ...drillDatasets(spec),
    destination: createDestination(spec.destination).identity.fingerprint,
    rounds: planRounds({ ...options, scenarios: [OUTLINE], faults: STAGING_FAULTS }),
  };
}

const OUTLINE: ScenarioOutline = {
  name: "staging",
  // The last load is undisturbed: what faults left behind would come to light there.
  phases: PHASES.length - 1,
  weight: 1,
  moments: [
    { step: "extract", nth: 3 },
    { step: "normalize", nth: 1 },
    { step: "load", nth: 1 },
  ],
  faults: STAGING_FAULTS,
};

function drillDatasets({ dataset_name }: ResolvedPipeline): { undisturbed: string; disturbed: string } {
  return { undisturbed: `${dataset_name}_drill_a`, disturbed: `${dataset_name}_drill_b` };
}

/** @param connection client and address of the server that the drill's runs go to */
export async function drillStaging(
  config: Config,
  pipeline: string,
  connection: { client: Client; address: string },
  options: StagingDrillOptions,
): Promise<DrillReport> {
  const { rounds } = planStagingDrill(config, pipeline, options);
  const drill = new StagingDrill(config, pipeline, connection, options);
  return await drill.run(rounds);
}

class StagingDrill {
  readonly #spec: ResolvedPipeline;
  readonly #document: JsonObject;
  readonly #id = randomBytes(4).toString("hex");
  readonly #folder: string;
  readonly #hosts: readonly [DrillHost, DrillHost];
  readonly #client: Client;

  constructor(
    private readonly config: Config,
    pipeline: string,
    { client, address }: { client: Client; address: string },
    private readonly options: StagingDrillOptions,
  ) {
    const loaded = loadSpec(pipeline, config);
    this.#spec = resolveSpec(loaded, {}, config);
    // dbt and the gate write elsewhere than into the drill's datasets.
    const { transform: _transform, gate: _gate, ...document } = loaded.document;
    this.#document = document;
    this.#client = client;
    this.#folder = join(config.home, "drill", this.#id);
    const file = destinationType(config.destination).defaultFile?.(config);
    const host = (name: string) =>
      new DrillHost(name, {
        file: process.execPath,
        args: [options.program, "drill-host"],
        cwd: config.cwd,
        env: {
          ...config.env,
          TEMPORAL_ADDRESS: address,
          TIDEMARK_HOME: join(this.#folder, `host-${name}`),
          TIDEMARK_PACKAGES: join(this.#folder, `host-${name}`, "packages"),
          TIDEMARK_TASK_QUEUE: this.#queue,
          ...(file === undefined ? {} : { [file.variable]: file.path }),
        },
      });
    this.#hosts = [host("A"), host("B")];
  }

  get #queue(): string {
    return `tidemark-drill-${this.#id}`;
  }

  async run(rounds: Round[]): Promise<DrillReport> {
    const { say } = this.options;
    const began = Date.now();
    const { undisturbed, disturbed } = drillDatasets(this.#spec);
    await this.#makeRoom([undisturbed, disturbed]);
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
    const reports: RoundReport[] = [];
    try {
      await Promise.all(this.#hosts.map(host => host.start()));
      const seconds = await this.#undisturbed(undisturbed);
      say(`Undisturbed: ${seconds.map(one => `${one.toFixed(1)} s`).join(", ")} into ${undisturbed}.`);
      for (const round of rounds) {
        if (reports.length > 0) await this.#drop([disturbed]);
        const report = await this.#round(round, disturbed, seconds);
        await this.#judge(report, undisturbed, disturbed);
        reports.push(report);
        say(
          `Round ${round.round}: ${round.faults.map(({ kind }) => kind).join(", ")}: ` +
            `${report.problems.length === 0 ? "as without faults" : report.problems.join("; ")} (${report.seconds.toFixed(1)} s)`,
        );
        // The tables that differ are what one wants to look at.
        if (report.problems.length > 0) break;
      }
      const report = drillReport(this.options.seed, reports, (Date.now() - began) / 1000);
      if (report.failed.length === 0 && !this.options.keep) await this.#drop([undisturbed, disturbed]);
      else say(`Left for you to look at: ${undisturbed}, ${disturbed}.`);
      return report;
    } finally {
      await Promise.all(this.#hosts.map(host => host.retire()));
      rmSync(this.#folder, { recursive: true, force: true });
    }
  }

  async #undisturbed(dataset: string): Promise<number[]> {
    const seconds: number[] = [];
    for (const name of PHASES) {
      const outcome = await runUntilDone(this.#client, this.#work("calm", dataset), {
        lastFault: () => 0,
        stuckAfterMs: Number.POSITIVE_INFINITY,
        mostRuns: 1,
      });
      if (!outcome.done) {
        throw new TidemarkError(
          "DRILL_FAILED",
          `The ${name} without any fault did not complete: ${outcome.runs[0]?.why ?? outcome.runs[0]?.status}. Make the pipeline run by itself first.`,
        );
      }
      seconds.push(outcome.seconds);
    }
    return seconds;
  }

  async #round(round: Round, dataset: string, undisturbed: number[]): Promise<RoundReport> {
    const began = Date.now();
    const work = this.#work(`round-${round.round}`, dataset);
    const strikes = new Strikes(OPERATOR, {
      client: this.#client,
      workflowId: work.workflowId,
      hosts: this.#hosts,
    });
    const report: RoundReport = {
      round: round.round,
      scenario: round.scenario,
      data_seed: round.data_seed,
      strikes: strikes.all,
      phases: [],
      problems: [],
      seconds: 0,
    };
    const loads = new Set<string>();
    for (const [index, name] of PHASES.entries()) {
      await strikes.arm(round.faults.filter(fault => fault.phase === index));
      const outcome = await runUntilDone(this.#client, work, {
        lastFault: () => strikes.lastEffect(),
        stuckAfterMs: this.options.stuckAfterMs,
        mostRuns: MOST_RUNS,
      });
      for (const load of outcome.loads) loads.add(load);
      report.phases.push({ ...outcome, name, undisturbed_seconds: undisturbed[index] ?? 0 });
      if (!outcome.done) {
        report.problems.push(`stuck in the ${name}: ${outcome.stuck}`);
        break;
      }
    }
    await strikes.disarm();
    await delay(ZOMBIES_MS);
    const findings = await checkHistories(this.#client, [work.workflowId, ...loads]);
    report.problems.push(
      ...findings.map(({ workflow, what }) => `workflow ${workflow} ${what}`),
      ...strikes.all.filter(one => one.failed !== undefined).map(one => `${one.fault.kind}: ${one.failed}`),
    );
    report.seconds = (Date.now() - began) / 1000;
    return report;
  }

  async #judge(report: RoundReport, undisturbed: string, disturbed: string): Promise<void> {
    await using session = await this.#session();
    const { catalog } = session.words;
    const place = (dataset: string) => ({ catalog, schema: this.#names(dataset).dataset });
    const differences = await compareDatasets(
      sql => session.query(sql),
      place(undisturbed),
      place(disturbed),
      session.words,
    );
    report.problems.push(...differences.map(({ table, what }) => `${table}: ${what}`));
  }

  /** The spec with another dataset, in a file of its own: what it refers to stays where it is. */
  #work(label: string, dataset: string): PhaseWork {
    const file = join(this.#folder, `${dataset}.json`);
    writeFileSync(file, JSON.stringify({ ...this.#document, dataset_name: dataset }), { mode: 0o600 });
    const workflowId = `tidemark-drill-${this.#id}-${label}`;
    return {
      workflowId,
      start: async client => {
        await client.workflow.start(WORKFLOW_PIPELINE, {
          workflowId,
          taskQueue: this.#queue,
          args: [{ pipeline: file }],
          workflowIdConflictPolicy: "USE_EXISTING",
          staticSummary: `tidemark drill of ${this.#spec.pipeline_name}`,
        });
      },
      unfinished: result => (result.load?.pending ? "a pending package was loaded first" : undefined),
    };
  }

  #names(dataset: string) {
    return storedNames({ ...this.#spec, dataset_name: dataset });
  }

  async #session(): Promise<DestinationSession> {
    const { destination } = withDestinationSecrets(this.#spec.destination, this.config);
    return await createDestination(destination).open({
      signal: new AbortController().signal,
      onProgress: () => {},
    });
  }

  /** @throws TidemarkError DRILL_FAILED where a dataset of that name is there and nobody said to replace it */
  async #makeRoom(datasets: string[]): Promise<void> {
    if (this.options.replace) return await this.#drop(datasets);
    await using session = await this.#session();
    for (const dataset of datasets) {
      const { dataset_exists } = await session.restore({
        dataset: this.#names(dataset).dataset,
        pipeline_name: this.#spec.pipeline_name,
        schema_names: [],
      });
      if (!dataset_exists) continue;
      throw new TidemarkError(
        "DRILL_FAILED",
        `Dataset "${dataset}" is there already, perhaps from an earlier drill. Look at it, then drop it, or run the drill with --replace, which drops it.`,
      );
    }
  }

  /** Only ever datasets that are named for a drill. */
  async #drop(datasets: string[]): Promise<void> {
    await using session = await this.#session();
    for (const { dataset, staging_dataset } of datasets.map(one => this.#names(one))) {
      for (const name of [dataset, staging_dataset]) {
        await session.query(`DROP SCHEMA IF EXISTS ${session.words.schema(name)} CASCADE`);
      }
    }
  }
}
