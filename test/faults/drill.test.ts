/** One round of the drill, end to end: a worker killed in the middle and a run terminated, on two hosts. */
import { Lane } from "../drill/lane";
import { Rounds } from "../drill/round";

let lane: Lane;

beforeAll(async () => {
  lane = new Lane(1);
  await lane.start({ ownDisks: false });
}, 120_000);

afterAll(() => lane.stop(false), 60_000);

const kill = {
  kind: "kill_worker",
  phase: 0,
  at: { step: "extract", nth: 2 },
  host: "busy",
  seconds: 1,
} as const;
const terminate = {
  kind: "terminate",
  phase: 1,
  at: { step: "load", phase: "in transaction", nth: 1 },
  host: "busy",
  seconds: 0,
  how: "both",
} as const;

test("a round strikes, recovers, and compares every table", async () => {
  const rounds = new Rounds({ stuckAfterMs: 120_000, keep: false });
  const report = await rounds.run(lane, {
    round: 1,
    scenario: "append",
    data_seed: 1,
    faults: [kill, terminate],
  });
  expect(report.problems).toEqual([]);
  expect(report.strikes.map(({ fault, struck_at }) => [fault.kind, struck_at !== undefined])).toEqual([
    ["kill_worker", true],
    ["terminate", true],
  ]);
  expect(report.phases.map(({ name, done }) => [name, done])).toEqual([
    ["first load", true],
    ["new rows", true],
    ["more new rows", true],
    ["closing run", true],
  ]);
}, 400_000);
