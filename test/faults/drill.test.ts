/** Rounds of the drill, end to end on two hosts: among them those that once ended badly. */
import type { PlannedFault } from "../../src/drill/faults";
import { Lane } from "../drill/lane";
import { Rounds } from "../drill/round";
import { casesOf } from "../support/whole";

let lane: Lane;
let number = 0;
const rounds = new Rounds({ stuckAfterMs: 120_000, keep: false });

beforeAll(async () => {
  lane = new Lane(1);
  await lane.start({ ownDisks: false });
});

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

const pendingOnADeadHost = {
  kind: "kill_worker",
  phase: 0,
  at: { step: "normalize", nth: 1 },
  host: "busy",
  seconds: 0,
  stays: true,
  afterwards: { ...terminate, phase: 0, at: { after_ms: 500 } },
} as const;

const STRUCK_AND_SOUND = { problems: [], missed: [] };

/** The last two are rounds that ended with doubled rows, and with older values under a newer cursor. */
const ROUNDS: [string, string, PlannedFault[]][] = [
  [
    "a worker killed in extract, a run and its load terminated in the transaction",
    "append",
    [kill, terminate],
  ],
  ["append: a package is left on a host that comes back", "append", [pendingOnADeadHost]],
  ["merge: a package is left on a host that comes back", "merge_children", [pendingOnADeadHost]],
];

/** Pull requests have the drill itself, 15 rounds of it, for the first kind. */
test.each(casesOf(ROUNDS, (_, i) => i === ROUNDS.length - 1))(
  "%s",
  async (_label, scenario, faults) => {
    const report = await rounds.run(lane, { round: ++number, scenario, data_seed: 1, faults });
    const missed = report.strikes.filter(({ struck_at }) => struck_at === undefined);
    expect({ problems: report.problems, missed }).toEqual(STRUCK_AND_SOUND);
    expect(report.phases.every(({ done }) => done)).toBe(true);
    expect(report.phases.at(-1)?.name).toBe("closing run");
  },
  400_000,
);
