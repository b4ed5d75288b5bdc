/** `npm run drill -- --seed N --rounds M`: see docs/drills.md. Exit code 1 when a round ended with a problem. */

import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { everyFault, FAULT_KINDS, type FaultKind } from "../../src/drill/faults";
import { planRounds, type Round } from "../../src/drill/plan";
import { drillReport, type RoundReport, reportText, roundLines } from "../../src/drill/report";
import { toolPaths } from "../../src/tools";
import { Lane, mountDisk } from "./lane";
import { Rounds } from "./round";
import { SCENARIOS } from "./scenarios";

const USAGE = `npm run drill -- [options]
  --seed N            default 1: the same seed gives the same drill
  --rounds M          default 15
  --round K           replay round K of the seed alone
  --only-fault F      rounds with this fault: ${FAULT_KINDS.join(", ")}
  --only-scenario S   rounds of this kind: ${SCENARIOS.map(({ outline }) => outline.name).join(", ")}
  --destination D     duckdb (the only one yet)
  --lanes L           rounds at the same time, each with a server and two workers of its own
  --stuck-after S     seconds without an end, counted from the end of the last fault, that count as stuck; default 180
  --keep              leave the files of rounds with problems
  --json              print one JSON document
  --plan              print the plan and stop`;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      seed: { type: "string", default: "1" },
      rounds: { type: "string", default: "15" },
      round: { type: "string" },
      "only-fault": { type: "string" },
      "only-scenario": { type: "string" },
      destination: { type: "string", default: "duckdb" },
      lanes: { type: "string" },
      "stuck-after": { type: "string", default: "180" },
      keep: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
      plan: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) {
    console.log(USAGE);
    return 0;
  }
  const say = (line: string) => void process.stderr.write(`${line}\n`);
  if (values.destination !== "duckdb") throw new Usage("--destination: only duckdb yet");
  const only_fault = oneOf("--only-fault", values["only-fault"], FAULT_KINDS);
  const only_scenario = oneOf(
    "--only-scenario",
    values["only-scenario"],
    SCENARIOS.map(({ outline }) => outline.name),
  );
  const seed = number("--seed", values.seed);
  const here = capabilities();
  for (const { fault, why } of here.without) say(`Not tried here: ${fault} (${why}).`);
  const rounds = planRounds({
    seed,
    rounds: number("--rounds", values.rounds),
    scenarios: here.scenarios.map(({ outline }) => outline),
    faults: FAULT_KINDS.filter(kind => !here.without.some(({ fault }) => fault === kind)),
    round: values.round === undefined ? undefined : number("--round", values.round),
    only_fault,
    only_scenario,
  });
  if (values.plan) {
    console.log(JSON.stringify(rounds, null, 2));
    return 0;
  }
  const lanes = Math.min(
    rounds.length,
    values.lanes === undefined ? availableParallelism() * 2 : number("--lanes", values.lanes),
  );
  const began = Date.now();
  const reports = await runAll(rounds, {
    lanes,
    ownDisks: canMountDisks(),
    stuckAfterMs: number("--stuck-after", values["stuck-after"]) * 1000,
    keep: values.keep,
    say,
  });
  const report = drillReport(seed, reports, (Date.now() - began) / 1000);
  process.stdout.write(
    values.json
      ? `${JSON.stringify(report, null, 2)}\n`
      : reportText(report, round => `npm run drill -- --seed ${seed} --round ${round} --keep`),
  );
  return report.failed.length > 0 ? 1 : 0;
}

const LONGEST_STOP_MS = 15_000;

interface RunOptions {
  lanes: number;
  ownDisks: boolean;
  stuckAfterMs: number;
  keep: boolean;
  say(line: string): void;
}

async function runAll(rounds: Round[], options: RunOptions): Promise<RoundReport[]> {
  const { say } = options;
  const runner = new Rounds(options);
  const waiting = [...rounds];
  const reports: RoundReport[] = [];
  const lanes = Array.from({ length: options.lanes }, (_, i) => new Lane(i + 1));
  let interrupted = false;
  const stopAll = () => Promise.allSettled(lanes.map(lane => lane.stop(options.keep && anyFailed(reports))));
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => {
      interrupted = true;
      say("Stopping what the drill started.");
      setTimeout(() => process.exit(130), LONGEST_STOP_MS);
      void stopAll().then(() => process.exit(130));
    });
  }
  try {
    await Promise.all(
      lanes.map(async lane => {
        await lane.start(options);
        for (let round = waiting.shift(); round !== undefined && !interrupted; round = waiting.shift()) {
          const report = await runner.run(lane, round);
          reports.push(report);
          const { problems } = report;
          say(
            `${reports.length}/${rounds.length} round ${round.round} ${round.scenario} ` +
              `[${everyFault(round.faults)
                .map(({ kind }) => kind)
                .join(", ")}] ${report.seconds.toFixed(1)} s: ` +
              (problems.length === 0 ? "as without faults" : `${problems.length} PROBLEMS`),
          );
          if (problems.length > 0) for (const line of roundLines(report)) say(line);
        }
      }),
    );
  } finally {
    await stopAll();
    if (options.keep && anyFailed(reports)) say(`Kept: ${lanes.map(({ folder }) => folder).join(", ")}`);
  }
  return reports;
}

const anyFailed = (reports: RoundReport[]) => reports.some(({ problems }) => problems.length > 0);

/** What this machine cannot do is left out of the rounds, and said. */
function capabilities(): { scenarios: typeof SCENARIOS; without: { fault: FaultKind; why: string }[] } {
  const tools = toolPaths(process.env);
  const without: { fault: FaultKind; why: string }[] = [];
  let scenarios = SCENARIOS;
  if (tools.postgresBin === undefined) {
    without.push({ fault: "restart_database", why: "no PostgreSQL" });
    scenarios = scenarios.filter(({ sql }) => sql === undefined);
  }
  if (tools.dbtPython === undefined) {
    without.push({ fault: "kill_dbt", why: "no dbt" });
    scenarios = scenarios.filter(({ outline }) => !outline.faults.includes("kill_dbt"));
  }
  return { scenarios, without };
}

/** Else a host is told to fail its writes. */
function canMountDisks(): boolean {
  const probe = mkdtempSync(join(tmpdir(), "tidemark-drill-disk-"));
  const can = mountDisk(probe);
  if (can) execFileSync("umount", [probe]);
  rmSync(probe, { recursive: true, force: true });
  return can;
}

class Usage extends Error {}

function number(option: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0)
    throw new Usage(`${option} must be a whole number, not "${text}"`);
  return value;
}

function oneOf<T extends string>(
  option: string,
  value: string | undefined,
  valid: readonly T[],
): T | undefined {
  if (value === undefined) return undefined;
  if (!valid.includes(value as T)) throw new Usage(`${option}: "${value}" is none of ${valid.join(", ")}`);
  return value as T;
}

main().then(
  code => process.exit(code),
  error => {
    console.error(
      error instanceof Usage || error instanceof RangeError ? `${error.message}\n\n${USAGE}` : error,
    );
    process.exit(2);
  },
);
