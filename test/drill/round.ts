/** One round: the runs of a scenario under its faults, then its tables beside those of the same runs undisturbed. */
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Client } from "@temporalio/client";
import { execute } from "../../demo/postgres-server";
import { checkHistories } from "../../src/drill/histories";
import type { DrillHost } from "../../src/drill/hosts";
import type { Round } from "../../src/drill/plan";
import type { PhaseReport, RoundReport } from "../../src/drill/report";
import { type PhaseOutcome, type PhaseWork, runUntilDone } from "../../src/drill/runs";
import { newestRun, patiently, runOf } from "../../src/drill/server-calls";
import { type Strike, Strikes } from "../../src/drill/strikes";
import { pendingPackages } from "../../src/package/packages";
import type { RunResult } from "../../src/pipeline/infos";
import { compareFiles } from "./duckdb-compare";
import type { Lane } from "./lane";
import { ownHands } from "./own-hands";
import { type Phase, SCENARIOS, type Scenario } from "./scenarios";

export interface RoundOptions {
  stuckAfterMs: number;
  /** Leaves DuckDB files, packages and histories of rounds with problems. */
  keep: boolean;
}

/** An undisturbed run: its DuckDB file and how long each phase took. */
interface Undisturbed {
  duckdb: string;
  seconds: number[];
}

/** Enough for one rerun after each of three faults, and for pending packages. */
const MOST_RUNS = 9;
const SLOW_CANCEL_MS = 20_000;
/** After SIGCONT an attempt that was given up long ago may still write. */
const ZOMBIES_MS = 1_500;
/** Requests that were under way when a pause came, and how long they may take. */
const PAUSE_SETTLES_MS = 3_000;

export class Rounds {
  readonly #undisturbed = new Map<string, Promise<Undisturbed>>();

  constructor(private readonly options: RoundOptions) {}

  async run(lane: Lane, round: Round): Promise<RoundReport> {
    const began = Date.now();
    const scenario = SCENARIOS.find(({ outline }) => outline.name === round.scenario)!;
    const report: RoundReport = {
      round: round.round,
      scenario: round.scenario,
      data_seed: round.data_seed,
      strikes: [],
      phases: [],
      problems: [],
      seconds: 0,
    };
    try {
      const expected = await this.#expected(lane, scenario, round.data_seed);
      await this.#disturbed(lane, scenario, round, expected, report);
    } catch (error) {
      report.problems.push(`the drill itself failed: ${(error as Error).message}`);
    }
    report.seconds = (Date.now() - began) / 1000;
    return report;
  }

  /** Once for each scenario and data, by the first lane that needs it. */
  async #expected(lane: Lane, scenario: Scenario, dataSeed: number): Promise<Undisturbed> {
    const key = `${scenario.outline.name}_${dataSeed}`;
    const known = this.#undisturbed.get(key);
    if (known !== undefined) return await known;
    const made = (async () => {
      const play = new Play(lane, scenario, dataSeed, `calm_${key}`);
      const seconds: number[] = [];
      for (const [index, phase] of [...scenario.phases, CLOSING].entries()) {
        await play.enter(Math.min(index, scenario.phases.length - 1));
        const outcome = await runUntilDone(lane.client, play.work(phase), {
          lastFault: () => 0,
          stuckAfterMs: this.options.stuckAfterMs,
          mostRuns: 1,
        });
        if (!outcome.done) {
          throw new Error(
            `the undisturbed ${phase.name} of ${key} did not complete: ${outcome.stuck ?? outcome.runs[0]?.why}`,
          );
        }
        seconds.push(outcome.seconds);
      }
      play.leave();
      return { duckdb: play.duckdb, seconds };
    })();
    this.#undisturbed.set(key, made);
    made.catch(() => this.#undisturbed.delete(key));
    return await made;
  }

  async #disturbed(
    lane: Lane,
    scenario: Scenario,
    round: Round,
    expected: Undisturbed,
    report: RoundReport,
  ): Promise<void> {
    const play = new Play(lane, scenario, round.data_seed, `round_${round.round}`);
    const strikes = new Strikes(ownHands(lane, play.name), {
      client: lane.client,
      workflowId: play.name,
      hosts: lane.hosts,
    });
    report.strikes = strikes.all;
    try {
      for (const [index, phase] of scenario.phases.entries()) {
        await play.enter(index);
        const faults = round.faults.filter(fault => fault.phase === index);
        lane.api.slowDown(
          play.key,
          faults.some(({ kind }) => kind === "pause"),
        );
        await strikes.arm(faults);
        const outcome = await runUntilDone(lane.client, play.work(phase), {
          lastFault: () => strikes.lastEffect(),
          stuckAfterMs: this.options.stuckAfterMs,
          mostRuns: MOST_RUNS,
        });
        for (const load of outcome.loads) play.loads.add(load);
        report.phases.push(phaseReport(phase, outcome, expected.seconds[index] ?? 0));
        if (!outcome.done) {
          report.problems.push(`stuck in ${phase.name}: ${outcome.stuck}`);
          await giveUp(lane.client, play);
          await strikes.disarm();
          await lane.replaceHosts();
          return;
        }
      }
      await strikes.disarm();
      await lane.heal();
      await delay(strikes.all.some(({ fault }) => fault.kind === "stop_worker") ? ZOMBIES_MS : 0);
      await this.#close(lane, play, expected, report);
      await this.#judge(lane, play, expected, report);
    } finally {
      await lane.heal();
      play.leave();
      if (!this.options.keep || report.problems.length === 0) play.remove();
    }
  }

  /**
   * What a fault left behind (a package on a host, a timer) must not come back to life: one more run for every host
   * that has such a package, while it is the only one, and one on both.
   */
  async #close(lane: Lane, play: Play, expected: Undisturbed, report: RoundReport): Promise<void> {
    for (const host of lane.hosts) {
      if ((await pendingOn(lane, host, play)).length === 0) continue;
      const other = lane.hosts.find(one => one !== host)!;
      await other.stop();
      await this.#closingRun(lane, play, expected, report, `run on ${host.name}, where a package was left`);
      await other.start();
    }
    await this.#closingRun(lane, play, expected, report, CLOSING.name);
  }

  async #closingRun(lane: Lane, play: Play, expected: Undisturbed, report: RoundReport, name: string) {
    const outcome = await runUntilDone(lane.client, play.work(CLOSING), {
      lastFault: () => 0,
      stuckAfterMs: this.options.stuckAfterMs,
      mostRuns: MOST_RUNS,
    });
    report.phases.push({ ...phaseReport(CLOSING, outcome, expected.seconds.at(-1) ?? 0), name });
    if (!outcome.done) report.problems.push(`stuck in ${name}: ${outcome.stuck}`);
  }

  async #judge(lane: Lane, play: Play, expected: Undisturbed, report: RoundReport): Promise<void> {
    const differences = await compareFiles(expected.duckdb, play.duckdb, ["raw", "analytics"]);
    report.problems.push(...differences.map(({ table, what }) => `${table}: ${what}`));
    const findings = await checkHistories(lane.client, [play.name, ...play.loads]);
    report.problems.push(...findings.map(({ workflow, what }) => `workflow ${workflow} ${what}`));
    for (const strike of report.strikes) {
      if (strike.failed !== undefined) report.problems.push(`${strike.fault.kind}: ${strike.failed}`);
      const asked = requestsWhilePaused(lane, play, strike);
      if (asked > 0) report.problems.push(`paused, and ${asked} more requests went out`);
    }
    report.problems.push(...slowCancels(report));
    for (const phase of report.phases) {
      for (const run of phase.runs.filter(({ why }) => why?.startsWith("INTERNAL"))) {
        report.problems.push(`${phase.name}: a run failed with ${run.why}`);
      }
    }
  }
}

/** A cancelled run ends at the next safe place: within seconds, unless another fault keeps its host from answering. */
function slowCancels(report: RoundReport): string[] {
  return report.strikes.flatMap(({ fault, struck_at = 0 }) => {
    const alone = report.strikes.filter(other => other.fault.phase === fault.phase).length === 1;
    const run = report.phases[fault.phase]?.runs.find(({ status }) => status === "CANCELED");
    if (fault.kind !== "cancel" || !alone || run?.ended_at === undefined) return [];
    const took = run.ended_at - struck_at;
    return took > SLOW_CANCEL_MS ? [`cancelled, and open for ${(took / 1000).toFixed(0)} s more`] : [];
  });
}

const PIPELINE = "drill";
/** One more run when all is over: nothing is new, and nothing old may come with it. */
const CLOSING: Phase = { name: "closing run", input: { transform: false } };

function phaseReport(phase: Phase, outcome: PhaseOutcome, undisturbed: number): PhaseReport {
  return { ...outcome, name: phase.name, undisturbed_seconds: undisturbed };
}

function pendingOn(lane: Lane, host: DrillHost, play: Play) {
  return pendingPackages({
    root: lane.packagesOf(host),
    pipeline_name: PIPELINE,
    dataset: "raw",
    fingerprint: play.duckdb,
  });
}

function requestsWhilePaused(lane: Lane, play: Play, { held }: Strike): number {
  return held === undefined ? 0 : lane.api.requestsBetween(play.key, held.from + PAUSE_SETTLES_MS, held.to);
}

async function giveUp(client: Client, play: Play): Promise<void> {
  for (const id of [play.name, ...play.loads]) {
    const run = await newestRun(client, id);
    if (run?.status === "RUNNING") {
      for (const child of run.children) play.loads.add(child);
      await patiently(() => runOf(client, run).terminate("given up by the drill")).catch(() => {});
    }
  }
}

/** A scenario with names, files and rows of its own. */
class Play {
  readonly duckdb: string;
  /** Workflow ids of its loads, as they are seen. */
  readonly loads = new Set<string>();
  /** Name of the pipeline and of its workflow. */
  readonly name: string;
  #phase = -1;

  constructor(
    private readonly lane: Lane,
    private readonly scenario: Scenario,
    private readonly dataSeed: number,
    readonly key: string,
  ) {
    this.name = key;
    this.duckdb = join(lane.folder, `${key}.duckdb`);
    for (const file of this.#files()) rmSync(file, { force: true });
    lane.writeSpec(this.name, {
      // One name for all: it stands in the state, which is compared. The file of the destination keeps rounds apart.
      pipeline_name: PIPELINE,
      // A sixth of what it is by default, so that a round waits a sixth as long for the dead.
      retry: { host_timeout_seconds: 10 },
      ...(scenario.spec({
        apiUrl: `http://127.0.0.1:${lane.proxy.port}/${key}`,
        duckdb: this.duckdb,
        pgSchema: key,
      }) as object),
    });
  }

  /** The rows become those of this phase. */
  async enter(phase: number): Promise<void> {
    const { scenario, lane } = this;
    if (scenario.rows !== undefined) lane.api.serve(this.key, scenario.rows(this.dataSeed, phase));
    if (scenario.sql !== undefined) {
      const { adminDsn } = await lane.postgres();
      for (let next = this.#phase + 1; next <= phase; next++) {
        await execute(adminDsn, scenario.sql(this.dataSeed, next, this.key));
      }
    }
    this.#phase = Math.max(this.#phase, phase);
  }

  work(phase: Phase): PhaseWork {
    const { name, lane } = this;
    return {
      workflowId: name,
      start: async client => {
        const options = {
          workflowId: name,
          taskQueue: lane.queue,
          args: [{ pipeline: name, ...phase.input, ...(phase.backfill ? { load: false } : {}) }],
          workflowIdConflictPolicy: "USE_EXISTING" as const,
        };
        if (phase.backfill === undefined) await client.workflow.start("pipeline", options);
        else {
          const { workflowIdConflictPolicy, ...rest } = options;
          await client.workflow.signalWithStart("pipeline", {
            ...rest,
            signal: "backfill",
            signalArgs: [phase.backfill],
          });
        }
      },
      unfinished: result => unfinished(result, phase),
    };
  }

  leave(): void {
    this.lane.api.forget(this.key);
  }

  remove(): void {
    for (const file of this.#files()) if (existsSync(file)) rmSync(file, { force: true });
  }

  #files(): string[] {
    return [this.duckdb, `${this.duckdb}.wal`];
  }
}

/** As an operator reads a result. */
function unfinished(result: RunResult, phase: Phase): string | undefined {
  if (result.load?.pending) return "a pending package was loaded first";
  if (phase.backfill !== undefined) {
    const outcome = result.backfills.at(-1);
    if (outcome === undefined) return "no backfill was asked for";
    if (outcome.status !== "done") return `the backfill is ${outcome.status}: ${outcome.reason ?? ""}`;
  }
  if (result.dbt !== undefined && !result.dbt.success) return "dbt did not succeed";
  return undefined;
}
