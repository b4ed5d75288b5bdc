/** What a drill found, for people and as JSON. Pure. */
import { FAULTS, type FaultKind, faultText, momentText } from "./faults";
import type { PhaseOutcome } from "./runs";
import type { Strike } from "./strikes";

export interface PhaseReport extends PhaseOutcome {
  name: string;
  /** What the same run takes without faults, in seconds. */
  undisturbed_seconds: number;
}

export interface RoundReport {
  round: number;
  scenario: string;
  data_seed: number;
  strikes: Strike[];
  phases: PhaseReport[];
  /** What must not be: rows that differ, runs that hang, workflow tasks that failed. One sentence each. */
  problems: string[];
  seconds: number;
}

export interface FaultSummary {
  fault: FaultKind;
  /** How often it struck; its moment may never have come. */
  struck: number;
  missed: number;
  /** Runs that were struck by it and completed as they were. */
  went_on: number;
  /** Runs that had to be started again. */
  reran: number;
  /** What a struck run took longer than without faults, in seconds. */
  median_cost: number;
  greatest_cost: number;
  /** Rounds with this fault that ended with a problem. */
  with_problems: number;
}

export interface DrillReport {
  seed: number;
  rounds: RoundReport[];
  faults: FaultSummary[];
  /** Rounds that ended with a problem. */
  failed: number[];
  seconds: number;
}

export function drillReport(seed: number, rounds: RoundReport[], seconds: number): DrillReport {
  const inOrder = [...rounds].sort((a, b) => a.round - b.round);
  return {
    seed,
    rounds: inOrder,
    faults: summarize(inOrder),
    failed: inOrder.filter(({ problems }) => problems.length > 0).map(({ round }) => round),
    seconds,
  };
}

function summarize(rounds: readonly RoundReport[]): FaultSummary[] {
  const summaries: FaultSummary[] = [];
  for (const fault of Object.keys(FAULTS) as FaultKind[]) {
    const concerned = rounds.filter(round => round.strikes.some(one => one.fault.kind === fault));
    if (concerned.length === 0) continue;
    const strikes = concerned.flatMap(round =>
      round.strikes.filter(one => one.fault.kind === fault).map(one => ({ one, round })),
    );
    const hits = strikes.filter(({ one }) => one.struck_at !== undefined);
    const struckPhases = hits
      .map(({ one, round }) => round.phases[one.fault.phase])
      .filter(phase => phase !== undefined);
    const costs = struckPhases
      .map(phase => Math.max(0, phase.seconds - phase.undisturbed_seconds))
      .sort((a, b) => a - b);
    summaries.push({
      fault,
      struck: hits.length,
      missed: strikes.length - hits.length,
      went_on: struckPhases.filter(phase => phase.done && phase.runs.length === 1).length,
      reran: struckPhases.filter(phase => phase.runs.length > 1).length,
      median_cost: costs[Math.floor(costs.length / 2)] ?? 0,
      greatest_cost: costs.at(-1) ?? 0,
      with_problems: concerned.filter(({ problems }) => problems.length > 0).length,
    });
  }
  return summaries;
}

export function reportText(report: DrillReport, replay: (round: number) => string): string {
  const lines = [
    ...table(
      [
        "fault",
        "struck",
        "missed",
        "went on",
        "run again",
        "cost median",
        "cost most",
        "rounds with problems",
      ],
      report.faults.map(one => [
        one.fault,
        String(one.struck),
        String(one.missed),
        String(one.went_on),
        String(one.reran),
        `${one.median_cost.toFixed(1)} s`,
        `${one.greatest_cost.toFixed(1)} s`,
        String(one.with_problems),
      ]),
    ),
  ];
  for (const round of report.rounds.filter(({ problems }) => problems.length > 0)) {
    lines.push("", `Round ${round.round}, ${round.scenario}, data ${round.data_seed}:`, ...roundLines(round));
    lines.push(`  again: ${replay(round.round)}`);
  }
  const struck = report.faults.reduce((sum, one) => sum + one.struck, 0);
  lines.push(
    "",
    report.failed.length === 0
      ? `${report.rounds.length} rounds, ${struck} faults, seed ${report.seed}: every table as without faults, nothing stuck (${report.seconds.toFixed(0)} s).`
      : `${report.failed.length} of ${report.rounds.length} rounds of seed ${report.seed} ended with a problem: ${report.failed.join(", ")} (${report.seconds.toFixed(0)} s, ${struck} faults).`,
  );
  return `${lines.join("\n")}\n`;
}

/** What struck, how each phase went, what is wrong. */
export function roundLines(round: RoundReport): string[] {
  return [
    ...round.strikes.map(strike => `  fault: ${faultText(strike.fault)}: ${strikeText(strike)}`),
    ...round.phases.map(
      phase =>
        `  ${phase.name}: ${phase.seconds.toFixed(1)} s (${phase.undisturbed_seconds.toFixed(1)} s without faults), ` +
        phase.runs.map(run => `${run.status}${run.why ? ` ${run.why}` : ""}`).join(" → "),
    ),
    ...round.problems.map(problem => `  PROBLEM: ${problem}`),
  ];
}

function strikeText(strike: Strike): string {
  if (strike.struck_at === undefined) return `its moment (${momentText(strike.fault.at)}) never came`;
  return `struck ${strike.host ?? ""}${strike.failed === undefined ? "" : `, but could not be done: ${strike.failed}`}`;
}

function table(head: string[], rows: string[][]): string[] {
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map(row => row[i]!.length)));
  const line = (cells: string[]) =>
    cells.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join("  ");
  return [line(head), widths.map(width => "-".repeat(width)).join("  "), ...rows.map(line)];
}
