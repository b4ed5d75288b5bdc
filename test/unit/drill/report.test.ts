import type { PlannedFault } from "../../../src/drill/faults";
import { drillReport, type PhaseReport, type RoundReport, reportText } from "../../../src/drill/report";

const phase = (seconds: number, ...statuses: string[]): PhaseReport => ({
  name: "first load",
  seconds,
  undisturbed_seconds: 2,
  done: true,
  runs: statuses.map(status => ({ status })),
  loads: [],
});
const fault = (kind: PlannedFault["kind"]): PlannedFault => ({
  kind,
  phase: 0,
  at: { step: "extract", nth: 2 },
  host: "busy",
  seconds: 3,
});
const round = (number: number, more: Partial<RoundReport>): RoundReport => ({
  round: number,
  scenario: "append",
  data_seed: 1,
  strikes: [],
  phases: [phase(2, "COMPLETED")],
  problems: [],
  seconds: 5,
  ...more,
});

const rounds = [
  round(2, {
    strikes: [{ fault: fault("terminate"), struck_at: 1_000, host: "A" }],
    phases: [phase(9, "TERMINATED", "COMPLETED")],
    problems: ["events: of 9 rows: 3 doubled"],
  }),
  round(1, {
    strikes: [{ fault: fault("kill_worker"), struck_at: 1_000, host: "B" }, { fault: fault("pause") }],
    phases: [phase(12, "COMPLETED")],
  }),
  round(3, {
    strikes: [{ fault: fault("kill_worker"), struck_at: 1_000, host: "B" }],
    phases: [phase(5, "COMPLETED")],
  }),
];

describe("the report of a drill", () => {
  test("counts per fault what struck, how it went on and what it cost", () => {
    const report = drillReport(4, rounds, 60);
    expect(report.rounds.map(one => one.round)).toEqual([1, 2, 3]);
    expect(report.failed).toEqual([2]);
    expect(report.faults).toEqual([
      {
        fault: "kill_worker",
        struck: 2,
        missed: 0,
        went_on: 2,
        reran: 0,
        median_cost: 10,
        greatest_cost: 10,
        with_problems: 0,
      },
      {
        fault: "terminate",
        struck: 1,
        missed: 0,
        went_on: 0,
        reran: 1,
        median_cost: 7,
        greatest_cost: 7,
        with_problems: 1,
      },
      {
        fault: "pause",
        struck: 0,
        missed: 1,
        went_on: 0,
        reran: 0,
        median_cost: 0,
        greatest_cost: 0,
        with_problems: 0,
      },
    ]);
  });

  test("prints the table, the rounds with problems, and how to see one again", () => {
    const text = reportText(drillReport(4, rounds, 60), number => `replay ${number}`);
    expect(text).toMatch(/^fault +struck +missed/);
    expect(text).toMatch(/kill_worker +2 +0 +2 +0 +10\.0 s +10\.0 s +0/);
    expect(text).toContain("PROBLEM: events: of 9 rows: 3 doubled");
    expect(text).toContain("TERMINATED → COMPLETED");
    expect(text).toContain("again: replay 2");
    expect(text).toContain("1 of 3 rounds of seed 4 ended with a problem: 2");
    expect(text).not.toContain("replay 1");
  });

  test("says so when nothing is wrong", () => {
    const good = drillReport(4, [rounds[1]!], 10);
    expect(reportText(good, String)).toContain("1 rounds, 1 faults, seed 4: every table as without faults");
  });
});
