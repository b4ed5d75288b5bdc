/**
 * Nothing is committed from a package whose base is not the destination's newest load of its pipeline: two hosts (package
 * roots) on one DuckDB file or PostgreSQL database, at every step, without Temporal. Row counts decide.
 */
import { copyFileSync } from "node:fs";
import type { PostgresServer } from "../../../demo/postgres-server";
import { PHASE_BEFORE_LOADS } from "../../../src/destinations/one-transaction/load";
import type { Row } from "../../../src/json/values";
import { readSpec } from "../../../src/load/plan-files";
import { listPackages } from "../../../src/package/packages";
import type { ResolvedPipeline } from "../../../src/pipeline/spec";
import type { Source } from "../../../src/sources/source";
import { Engine, pagesOf, type RunOptions, type StepName, sourceOf } from "../../support/engine";
import { freshDatabase, startTestPostgres } from "../../support/postgres";
import { postgresAt } from "../../support/postgres-destination";

const engines: Engine[] = [];
let server: PostgresServer;

beforeAll(async () => {
  server = await startTestPostgres();
});
afterAll(() => server.stop());
afterEach(() => {
  for (const engine of engines.splice(0)) engine.remove();
});

/** Two hosts: each its own packages, one destination. */
async function hosts(where: "duckdb" | "postgres" = "duckdb"): Promise<[Engine, Engine]> {
  const elsewhere = where === "duckdb" ? undefined : postgresAt(await freshDatabase(server));
  const a = new Engine({}, elsewhere);
  const b = new Engine({}, a.destination);
  // Two clocks never stand at the same tick.
  for (let i = 0; i < 7; i++) b.now();
  engines.push(a, b);
  return [a, b];
}

type Disposition = "append" | "merge" | "replace";

const INCREMENTAL = {
  cursor_path: "u",
  initial_value: 0,
  last_value_func: "max",
  range_start: "closed",
  range_end: "open",
  on_cursor_value_missing: "raise",
} as const;

/** Rows 0 … until-1, each with a child. `v` says which answer they are of, but for append, where a changed row is a new one. */
function source(until: number, disposition: Disposition, name = "s"): Source {
  const rows = (): Row[][] => [
    Array.from({ length: until }, (_, i) => ({
      id: i,
      u: i,
      v: disposition === "append" ? 0 : until,
      l: [{ x: i }],
    })) as Row[],
  ];
  const key = disposition === "merge" ? { primary_key: ["id"] } : {};
  return sourceOf(
    name,
    pagesOf("items", rows, {
      hints: { write_disposition: { disposition }, ...key },
      ...(disposition === "replace" ? {} : { incremental: INCREMENTAL }),
    }),
  );
}

const dies = (step: StepName): RunOptions => ({
  after: reached => {
    if (reached === step) throw new Error("killed");
  },
});

const counts = (engine: Engine) =>
  engine.query(
    "SELECT count(*)::int AS n, count(DISTINCT id)::int AS ids, max(v)::int AS newest FROM raw.items",
  );
const children = async (engine: Engine) =>
  (await engine.query<{ n: number }>("SELECT count(*)::int AS n FROM raw.items__l"))[0]!.n;

describe.each([
  ["append", "duckdb"],
  ["merge", "duckdb"],
  ["replace", "duckdb"],
  ["append", "postgres"],
  ["merge", "postgres"],
  ["replace", "postgres"],
] as const)("a package left on one host (%s, %s)", (disposition, where) => {
  test.each(["finish", "normalize", "migrate"] as const)(
    "after %s, overtaken by another host: dropped, told, extracted again",
    async step => {
      const [a, b] = await hosts(where);
      await a.run(a.spec(), source(10, disposition));
      await expect(a.run(a.spec(), source(20, disposition), dies(step))).rejects.toThrow("killed");
      await b.run(b.spec(), source(30, disposition));
      const late = await a.run(a.spec(), source(40, disposition));
      expect(late.pending).toBeUndefined();
      expect(late.notes.join(" ")).toMatch(/another run or engine committed in between/);
      const newest = disposition === "append" ? 0 : 40;
      expect(await counts(a)).toEqual([{ n: 40, ids: 40, newest }]);
      expect(await children(a)).toBe(40);
      expect((await listPackages(a.root, "p")).filter(one => one.state === "normalized")).toEqual([]);
    },
  );

  test("not overtaken: loaded first, as it is", async () => {
    const [a, b] = await hosts(where);
    await a.run(a.spec(), source(10, disposition));
    await expect(a.run(a.spec(), source(20, disposition), dies("normalize"))).rejects.toThrow("killed");
    // Another pipeline with the same source name loads into the same dataset.
    await b.run(b.spec({ pipeline_name: "q", table_name: "others" }), source(5, disposition));
    const next = await a.run(a.spec(), source(40, disposition));
    expect(next.pending).toBe(true);
    expect(await counts(a)).toEqual([{ n: 20, ids: 20, newest: disposition === "append" ? 0 : 20 }]);
  });
});

describe.each(["duckdb", "postgres"] as const)("a zombie (%s)", where => {
  test.each(["begin", "extract", "finish", "normalize", "migrate"] as const)(
    "that stands still after %s while another load is done changes nothing",
    async step => {
      const [a, b] = await hosts(where);
      await a.run(a.spec(), source(10, "append"));
      const zombie = new Engine({}, a.destination);
      engines.push(zombie);
      for (let i = 0; i < 13; i++) zombie.now();
      let other: Promise<unknown> | undefined;
      const runs = zombie.run(zombie.spec(), source(20, "append"), {
        after: reached => {
          if (reached === step) other ??= b.run(b.spec(), source(30, "append"));
        },
      });
      // Steps are awaited one by one, so the other run may overlap the zombie's next steps: whoever commits first wins.
      const [first] = await Promise.allSettled([runs]);
      const [second] = await Promise.allSettled([other]);
      const failed = [first, second].filter(one => one.status === "rejected") as PromiseRejectedResult[];
      expect(failed.length).toBeLessThanOrEqual(1);
      for (const { reason } of failed)
        expect(reason).toMatchObject({ code: "LOAD_SUPERSEDED", kind: "terminal" });
      await a.run(a.spec(), source(30, "append"));
      expect(await counts(a)).toEqual([{ n: 30, ids: 30, newest: 0 }]);
      expect(await children(a)).toBe(30);
    },
  );
});

test("what waits is loaded with the destination's configuration of now: its password may lie elsewhere since", async () => {
  const [a] = await hosts();
  await a.run(a.spec(), source(10, "merge"));
  await expect(a.run(a.spec(), source(20, "merge"), dies("normalize"))).rejects.toThrow("killed");
  const waiting = (await listPackages(a.root, "p")).find(one => one.state === "normalized")!;
  const now = {
    destination: { ...a.spec().destination, destination_name: "moved" } as ResolvedPipeline["destination"],
  };
  const rerun = a.run(a.spec({ ...now, refresh: "drop_sources" }), source(20, "merge"), dies("begin"));
  await expect(rerun).rejects.toThrow("killed");
  const written = await readSpec({ root: a.root, pipeline_name: "p", load_id: waiting.load_id });
  expect(written).toEqual(a.spec(now));
});

test("a destination put back to an older copy: the pending package is dropped, the range is extracted again", async () => {
  const [a] = await hosts();
  await a.run(a.spec(), source(10, "append"));
  const backup = `${a.databasePath}.backup`;
  copyFileSync(a.databasePath, backup);
  await a.run(a.spec(), source(20, "append"));
  await expect(a.run(a.spec(), source(30, "append"), dies("normalize"))).rejects.toThrow("killed");
  copyFileSync(backup, a.databasePath);
  const run = await a.run(a.spec(), source(30, "append"));
  expect(run.notes.join(" ")).toMatch(/the destination was put back/);
  expect(await counts(a)).toEqual([{ n: 30, ids: 30, newest: 0 }]);
});

test("a load of the same pipeline by another engine in between is noticed, also without a state row", async () => {
  const [a] = await hosts();
  await a.run(a.spec(), source(10, "append"));
  await expect(a.run(a.spec(), source(20, "append"), dies("normalize"))).rejects.toThrow("killed");
  // As dlt closes a package whose state did not change: an id of its own form, no state row.
  await a.query(
    "INSERT INTO raw._dlt_loads SELECT '1999999999.1234567', schema_name, 0, now(), schema_version_hash FROM raw._dlt_loads",
  );
  const run = await a.run(a.spec(), source(20, "append"));
  expect(run.pending).toBeUndefined();
  expect(run.notes.join(" ")).toMatch(/is now 1999999999.1234567/);
  expect(await counts(a)).toEqual([{ n: 20, ids: 20, newest: 0 }]);
});

test("a source of its own beside the pipeline's first: the state's package does not stand against its own", async () => {
  const [a] = await hosts();
  await a.run(a.spec(), source(10, "append"));
  const other = await a.run(a.spec({ table_name: "others" }), source(10, "append", "second"));
  expect(other.load_id).toBeDefined();
  await a.run(a.spec(), source(20, "append"));
  expect(await counts(a)).toEqual([{ n: 20, ids: 20, newest: 0 }]);
});

test("rows whose state lies with another schema: killed while both are committed, another host goes on", async () => {
  const second = (until: number) => source(until, "append", "second");
  for (const nth of [1, 2]) {
    const [a, b] = await hosts();
    await a.run(a.spec(), source(10, "append"));
    const spec = a.spec({ table_name: "others" });
    await a.run(spec, second(10));
    let closed = 0;
    const killed = a.run(spec, second(20), {
      whileLoading: ({ phase }) => {
        if (phase === PHASE_BEFORE_LOADS && ++closed === nth) throw new Error("killed");
      },
    });
    await expect(killed).rejects.toThrow("killed");
    await b.run(spec, second(30));
    const late = await a.run(spec, second(40));
    expect(late.pending).toBeUndefined();
    expect(
      await a.query("SELECT count(*)::int AS n, count(DISTINCT id)::int AS ids FROM raw.others"),
    ).toEqual([{ n: 40, ids: 40 }]);
  }
});
