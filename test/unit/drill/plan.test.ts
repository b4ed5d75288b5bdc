import { everyFault, FAULT_KINDS, faultText, type PlannedFault } from "../../../src/drill/faults";
import { planRounds, type ScenarioOutline } from "../../../src/drill/plan";
import { Random } from "../../../src/drill/random";
import { SCENARIOS } from "../../drill/scenarios";

const scenarios = SCENARIOS.map(({ outline }) => outline);
const plan = (seed: number, rounds: number, more: object = {}) =>
  planRounds({ seed, rounds, scenarios, faults: FAULT_KINDS, ...more });

describe("the plan of a drill", () => {
  test("the same seed gives the same plan, another seed another", () => {
    expect(plan(7, 40)).toEqual(plan(7, 40));
    expect(plan(7, 40)).not.toEqual(plan(8, 40));
  });

  test("a round is the same alone, in a shorter drill, and behind a filter", () => {
    const long = plan(3, 60);
    expect(plan(3, 5)).toEqual(long.slice(0, 5));
    expect(plan(3, 1, { round: 42 })).toEqual([long[41]]);
    const kills = long.filter(({ faults }) => everyFault(faults).some(({ kind }) => kind === "kill_dbt"));
    expect(plan(3, kills.length, { only_fault: "kill_dbt" })).toEqual(kills);
    const scd2 = long.filter(({ scenario }) => scenario === "scd2");
    expect(plan(3, scd2.length, { only_scenario: "scd2" })).toEqual(scd2);
  });

  test("the first rounds try every fault, and hundred rounds every fault in every scenario that it can strike", () => {
    const first = plan(1, FAULT_KINDS.length);
    expect(new Set(first.flatMap(({ faults }) => faults.map(({ kind }) => kind)))).toEqual(
      new Set(FAULT_KINDS),
    );
    const pairs = new Set(
      plan(1, 600).flatMap(({ scenario, faults }) => faults.map(({ kind }) => `${scenario} ${kind}`)),
    );
    const possible = scenarios.flatMap(({ name, faults }) => faults.map(kind => `${name} ${kind}`));
    expect(possible.filter(pair => !pairs.has(pair))).toEqual([]);
  });

  test("every fault fits its scenario: its phase, its moment, its kind", () => {
    for (const { scenario, faults } of plan(5, 300)) {
      const outline = scenarios.find(({ name }) => name === scenario)!;
      for (const fault of everyFault(faults)) {
        expect(outline.faults).toContain(fault.kind);
        expect(fault.phase).toBeGreaterThanOrEqual(0);
        expect(fault.phase).toBeLessThan(outline.phases);
        if ("after_ms" in fault.at) expect(fault.at.after_ms).toBeGreaterThan(0);
        else if (fault.kind !== "kill_dbt") {
          const { step, phase } = fault.at;
          expect(outline.moments.some(one => one.step === step && one.phase === phase)).toBe(true);
        }
        expect(faultText(fault)).toContain(fault.kind);
      }
      expect(faults.map(({ phase }) => phase)).toEqual(faults.map(({ phase }) => phase).sort());
    }
  });

  test("what a machine cannot do is left out and changes nothing else", () => {
    const without = plan(2, 80, { faults: FAULT_KINDS.filter(kind => kind !== "disk_full") });
    const expected = plan(2, 80).map(round => ({
      ...round,
      faults: round.faults.filter(({ kind }: PlannedFault) => kind !== "disk_full"),
    }));
    expect(without).toEqual(expected);
    expect(plan(2, 80)).not.toEqual(expected);
  });

  test("a filter that nothing fits says so", () => {
    const one: ScenarioOutline = { ...scenarios[0]!, faults: ["pause"] };
    expect(() =>
      planRounds({ seed: 1, rounds: 1, scenarios: [one], faults: FAULT_KINDS, only_fault: "kill_dbt" }),
    ).toThrow(RangeError);
  });
});

test("chance is spread evenly, and differs between neighbouring seeds", () => {
  const counts = Array.from({ length: 10 }, () => 0);
  const random = new Random("1/1");
  for (let i = 0; i < 20_000; i++) counts[random.int(0, 9)]!++;
  for (const count of counts) expect(Math.abs(count - 2_000)).toBeLessThan(200);
  const firsts = Array.from({ length: 200 }, (_, i) => new Random(`1/${i}`).int(0, 9));
  expect(new Set(firsts).size).toBe(10);
});
