/** Two servers with one package root: what one of them is at is not the other's to go on with, to drop or to sweep. */
import { listPackages } from "../../../src/package/packages";
import type { PackageOwner } from "../../../src/pipeline/package-base";
import { Engine, pagesOf, type StepName, sourceOf } from "../../support/engine";

let engine: Engine;
beforeEach(() => {
  engine = new Engine();
});
afterEach(() => engine.remove());

const owner = (namespace: string, run: string, server = "one"): PackageOwner => ({
  workflow_id: "load/p",
  run_id: run,
  namespace,
  host: "a",
  server,
});

let asked: number;
const source = () =>
  sourceOf(
    "s",
    pagesOf("items", () => {
      asked++;
      return [[{ id: 1 }]];
    }),
  );
const dies = (step: StepName) => (reached: StepName) => {
  if (reached === step) throw new Error("killed");
};

beforeEach(() => {
  asked = 0;
});

test.each([
  ["namespace", owner("theirs", "r1")],
  ["server", owner("ours", "r1", "two")],
])("an extraction of another %s is left alone and told", async (_kind, theirs) => {
  const spec = engine.spec();
  const cut = engine.run(spec, source(), { owner: theirs, after: dies("extract") });
  await expect(cut).rejects.toThrow("killed");
  const run = await engine.run(spec, source(), { owner: owner("ours", "r2") });
  expect(run.notes.join(" ")).toMatch(
    new RegExp(
      `left alone, as workflow load/p in namespace ${theirs.namespace} on host a .*abort-packages --force`,
    ),
  );
  expect(asked).toBe(2);
  expect((await listPackages(engine.root, "p")).map(one => [one.state, one.owner?.run_id])).toEqual([
    ["new", "r1"],
    ["loaded", "r2"],
  ]);
  // Nor is it swept away when it is old.
  for (let hours = 0; hours < 3 * 3600; hours++) engine.now();
  await engine.run(spec, source(), { owner: owner("ours", "r3") });
  expect((await listPackages(engine.root, "p")).map(one => one.owner?.run_id)).toContain("r1");
});

test.each([
  ["a later run of the same namespace", { owner: owner("theirs", "r2") }],
  [
    "a run that holds the reservation on the destination: the other one is over",
    { owner: owner("ours", "r2"), alone: true },
  ],
])("it is gone on with by %s", async (_who, options) => {
  const spec = engine.spec();
  const cut = engine.run(spec, source(), { owner: owner("theirs", "r1"), after: dies("extract") });
  await expect(cut).rejects.toThrow("killed");
  // Its pages were written now, by the clock of the disk.
  const run = await engine.run(spec, source(), options);
  expect(run.notes.join(" ")).toMatch(/extraction goes on in load package/);
  expect(asked).toBe(1);
});
