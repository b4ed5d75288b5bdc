/** Design law 2: every step may run twice, even at the same time. And the order in which a load is closed. */
import type { Destination, DestinationSession, LoadPlan } from "../../../src/destinations/destination";
import type { Row } from "../../../src/json/values";
import { beginLoad } from "../../../src/load/begin-load";
import { extractStep } from "../../../src/load/extract-step";
import { finishExtract } from "../../../src/load/finish-extract";
import { completeStep, loadStep, migrateStep } from "../../../src/load/load-steps";
import { normalizeStep } from "../../../src/load/normalize-step";
import { readExtracted } from "../../../src/load/plan-files";
import { readPackage, writePackage } from "../../../src/package/package-record";
import { listPackages } from "../../../src/package/packages";
import type { Resource } from "../../../src/sources/source";
import { Engine, pagesOf, sourceOf } from "../../support/engine";

let engine: Engine;
beforeEach(() => {
  engine = new Engine();
});
afterEach(() => engine.remove());

const LIMITS = { rows_per_file: 20, bytes_per_file: 1 << 20 };
const ROWS: Row[] = Array.from({ length: 50 }, (_, i) => ({ id: i, u: i, l: [i, i + 1] }));
const resource = (): Resource =>
  pagesOf("items", () => [ROWS.slice(0, 20), ROWS.slice(20)], {
    hints: { primary_key: ["id"] },
    incremental: {
      cursor_path: "u",
      last_value_func: "max",
      range_start: "closed",
      range_end: "open",
      on_cursor_value_missing: "raise",
    },
  });

async function twice<T>(step: () => Promise<T>): Promise<T> {
  const [first, second] = await Promise.all([step(), step()]);
  expect(second).toEqual(first);
  expect(await step()).toEqual(first);
  return first;
}

it("steps that run twice at once, and once more after that, load once", async () => {
  const spec = engine.spec();
  const source = sourceOf("s", resource());
  const { capabilities, identity } = engine.destination;
  const begin = () => beginLoad({ ...engine.use(), spec, source, root: engine.root, now: engine.now });
  const given = await begin();
  const { ref } = await begin();
  expect(given.ref.load_id < ref.load_id).toBe(true);
  const common = { ...engine.use(), ref, spec, source, capabilities };

  const extracted = await twice(() =>
    extractStep({ ...common, resource: "items", attempt: engine.attempt() }),
  );
  expect(extracted.rows).toBe(50);
  const finished = await twice(() => finishExtract({ ...common, identity, now: engine.now }));
  expect(finished.has_work).toBe(true);
  const normalized = await twice(() =>
    normalizeStep({ ...common, attempt: engine.attempt(), limits: LIMITS }),
  );
  expect(normalized.tables).toEqual([
    { table: "items", rows: 50 },
    { table: "items__l", rows: 100 },
  ]);
  const { roots } = await migrateStep(common);
  expect(roots).toEqual(["items"]);
  expect((await migrateStep(common)).created).toEqual([]);
  await loadStep(common, roots);
  await loadStep(common, roots);
  await twice(() => completeStep(common));
  await expect(loadStep(common, roots)).rejects.toMatchObject({ code: "PACKAGE_LOST" });

  expect(
    await engine.query("SELECT count(*)::int AS n, count(DISTINCT _dlt_id)::int AS d FROM raw.items"),
  ).toEqual([{ n: 50, d: 50 }]);
  expect(await engine.query("SELECT count(*)::int AS n FROM raw._dlt_loads")).toEqual([{ n: 1 }]);
  expect(await engine.query("SELECT count(*)::int AS n FROM raw._dlt_pipeline_state")).toEqual([{ n: 1 }]);
  expect((await listPackages(engine.root, "p")).map(one => one.state)).toEqual(["new", "loaded"]);
});

it("a load id that is drawn for the state stays, when the end of extract is repeated", async () => {
  await engine.run(engine.spec(), sourceOf("s", resource()));
  const spec = engine.spec({ source: { type: "code", name: "s2" } });
  const source = sourceOf(
    "s2",
    pagesOf("a", () => [[{ id: 1 }]]),
  );
  const { capabilities, identity } = engine.destination;
  const { ref } = await beginLoad({ ...engine.use(), spec, source, root: engine.root, now: engine.now });
  const common = { ...engine.use(), ref, spec, source, capabilities };
  await extractStep({ ...common, resource: "a", attempt: "a" });
  const before = await readPackage(ref);
  const end = () => finishExtract({ ...common, identity, now: engine.now });
  await end();
  const { state_package } = await readExtracted(ref);
  expect(state_package).toBeDefined();
  // The worker died between what it found and package.json.
  await writePackage(ref, before);
  for (let ticks = 0; ticks < 5; ticks++) engine.now();
  await end();
  expect((await readExtracted(ref)).state_package?.load_id).toBe(state_package?.load_id);
});

it("an idle load that ends twice tells the same both times", async () => {
  const source = sourceOf("s", resource());
  await engine.run(engine.spec(), source);
  const spec = engine.spec();
  const { capabilities, identity } = engine.destination;
  const { ref } = await beginLoad({ ...engine.use(), spec, source, root: engine.root, now: engine.now });
  const common = { ...engine.use(), ref, spec, source, capabilities };
  await extractStep({ ...common, resource: "items", attempt: "a" });
  const finished = await twice(() => finishExtract({ ...common, identity, now: engine.now }));
  expect(finished).toMatchObject({ has_work: false, state: { version: 1 } });
});

it("where chains commit apart, the load is closed after all chains, the state's package last", async () => {
  const calls: string[] = [];
  // A destination that only writes down what it is asked, over the real one for what it reads.
  const real = engine.destination;
  const apart: Destination = {
    ...real,
    capabilities: { ...real.capabilities, commits: "chain" },
    async open(options) {
      const session = await real.open(options);
      const told =
        (verb: string) =>
        async (plan: LoadPlan): Promise<void> => {
          calls.push([verb, plan.schema.name, plan.state === undefined ? "" : "state"].join(" ").trim());
        };
      return {
        restore: query => session.restore(query),
        isLoaded: (dataset, id) => session.isLoaded(dataset, id),
        query: (sql, params) => session.query(sql, params),
        words: session.words,
        selectNumber: sql => session.selectNumber(sql),
        migrate: async plan => {
          await told("migrate")(plan);
          return { created: [], added: [], version_written: true };
        },
        loadChains: async (plans, roots) => {
          calls.push(["load", plans.map(plan => plan.schema.name).join("+"), ...roots].join(" "));
          return [];
        },
        completeLoad: told("complete"),
        [Symbol.asyncDispose]: () => session[Symbol.asyncDispose](),
      } satisfies DestinationSession;
    },
  };
  await engine.run(engine.spec(), sourceOf("s", resource()));

  const spec = engine.spec({ source: { type: "code", name: "s2" } });
  const source = sourceOf(
    "s2",
    pagesOf("a", () => [[{ id: 1 }]]),
    pagesOf("b", () => [[{ id: 2 }]]),
  );
  const { capabilities, identity } = apart;
  const use = { ...engine.use(), destination: apart };
  const { ref, resources } = await beginLoad({ ...use, spec, source, root: engine.root, now: engine.now });
  const common = { ...use, ref, spec, source, capabilities };
  for (const { name } of resources) await extractStep({ ...common, resource: name, attempt: "a" });
  await finishExtract({ ...common, identity, now: engine.now });
  await normalizeStep({ ...common, attempt: "n", limits: LIMITS });
  const { roots } = await migrateStep(common);
  for (const root of roots) await loadStep(common, [root]);
  await completeStep(common);
  expect(calls).toEqual([
    "migrate s2",
    "migrate s state",
    "load s2+s a",
    "load s2+s b",
    "complete s2",
    "complete s state",
  ]);
});

it("very many rows at one cursor value are told once (dlt's warning)", async () => {
  const rows: Row[] = Array.from({ length: 250 }, (_, i) => ({ id: i, u: 1 }));
  const { hints, incremental } = resource();
  const source = () =>
    sourceOf(
      "s",
      pagesOf("items", () => [rows], { hints, incremental }),
    );
  const first = await engine.run(engine.spec(), source());
  expect(first.notes.join("\n")).toMatch(/resource "items": 250 rows share one value of cursor "u"/);
  const next = await engine.run(engine.spec(), source());
  expect(next.notes.join("\n")).not.toMatch(/share one value/);
});
