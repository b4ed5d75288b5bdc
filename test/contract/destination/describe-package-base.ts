/** The fence of a load: nothing is committed from a package whose base is not the destination's present truth. */
import type { LoadPlan } from "../../../src/destinations/destination";
import type { PackageBase } from "../../../src/pipeline/package-base";
import { rootTable, storedSchema } from "../../support/stored-schema";
import { type CreateHarness, KEY, useDestination } from "./destination-kit";

const OF = { pipeline_name: "one", schema_name: "api", mark: "0042" };
/** As this engine draws ids: the last four decimals are the pipeline's mark. */
const drawn = (second: number, mark = OF.mark): string => `180000000${second}.1234567${mark}`;

export function describePackageBase(create: CreateHarness): void {
  const { current, open, plan, load, items, select, flat } = useDestination(create);

  const state = (loadId: string, pipeline_name = OF.pipeline_name): NonNullable<LoadPlan["state"]> => ({
    version: 1,
    engine_version: 4,
    pipeline_name,
    blob: `state of ${loadId}`,
    created_at: "2026-01-01T00:00:00.123456+00:00",
    version_hash: `hash of ${loadId}`,
    dlt_id: `state-${loadId}`,
  });
  const base = (load_id: string | null, state_load_id = load_id): PackageBase => ({
    ...OF,
    load_id,
    state_load_id,
  });
  let row = 0;
  /** A package with one row and a state. */
  async function packageOf(load_id: string, from: PackageBase, more: Partial<LoadPlan> = {}) {
    row += 1;
    return plan(flat(), [await items([[row, "v", `r${row}`]])], {
      load_id,
      pipeline_name: OF.pipeline_name,
      base: from,
      own_load_ids: [load_id],
      state: state(load_id),
      ...(row === 1 && from.load_id === null ? { dataset_missing: true } : {}),
      ...more,
    });
  }
  const loads = async (): Promise<unknown> => (await select("load_id", "_dlt_loads")).flat();
  const states = async (): Promise<unknown> => (await select("_dlt_load_id", "_dlt_pipeline_state")).flat();
  const ids = async (): Promise<unknown> => (await select("id")).flat();
  const restore = () =>
    open(s =>
      s.restore({
        dataset: current().dataset,
        pipeline_name: OF.pipeline_name,
        schema_names: ["api"],
        of: { schema_name: OF.schema_name, mark: OF.mark },
      }),
    );
  const superseded = { code: "LOAD_SUPERSEDED", kind: "terminal" };

  beforeEach(() => {
    row = 0;
  });

  it("loads what was begun from the newest load, or before there was any", async () => {
    await load(await packageOf(drawn(1), base(null)));
    expect((await restore()).newest_load_id).toBe(drawn(1));
    await load(await packageOf(drawn(2), base(drawn(1))));
    expect((await restore()).newest_load_id).toBe(drawn(2));
    expect(await ids()).toEqual([1, 2]);
  });

  it("refuses what another load of the pipeline was faster than, at every step, and changes nothing", async () => {
    await load(await packageOf(drawn(1), base(null)));
    const schema = { ...flat({}, { w: "double" }), version_hash: "hash-2", version: 3 };
    const late = await packageOf(drawn(2), base(drawn(1)), { schema });
    await load(await packageOf(drawn(3), base(drawn(1))));

    await expect(open(s => s.migrate(late))).rejects.toMatchObject(superseded);
    const known: LoadPlan = { ...late, schema: flat(), version_known: true };
    await open(s => s.stage?.(known) ?? Promise.resolve([]));
    await expect(open(s => s.loadChains([known], known.roots))).rejects.toMatchObject({
      ...superseded,
      message: expect.stringMatching(
        new RegExp(`${drawn(2)} of pipeline "one".*after load ${drawn(1)}.*is now ${drawn(3)}`),
      ),
    });
    if (current().destination.capabilities.commits === "chain") {
      await expect(open(s => s.completeLoad(known))).rejects.toMatchObject(superseded);
    }
    expect(await select("version_hash", "_dlt_version")).toEqual([["hash-1"]]);
    expect(await ids()).toEqual([1, 3]);
    expect(await loads()).toEqual([drawn(1), drawn(3)]);
    expect(await states()).toEqual([drawn(1), drawn(3)]);
  });

  it("refuses a refresh that is late: nothing is dropped", async () => {
    await load(await packageOf(drawn(1), base(null)));
    const refresh = { drop: ["items"], truncate: [] };
    const late = await packageOf(drawn(2), base(drawn(1)), { refresh });
    await load(await packageOf(drawn(3), base(drawn(1))));
    await expect(load(late)).rejects.toMatchObject(superseded);
    expect(await ids()).toEqual([1, 3]);
  });

  it.each([
    ["append", flat()],
    ["replace", flat({ write_disposition: "replace" })],
    ["merge", flat({ write_disposition: "merge" })],
  ] as const)("refuses a late %s that has nothing to migrate", async (_name, schema) => {
    await load(await packageOf(drawn(1), base(null), { schema }));
    const late = await packageOf(drawn(2), base(drawn(1)), { schema, version_known: true });
    await load(await packageOf(drawn(3), base(drawn(1)), { schema }));
    const before = await ids();
    await expect(load(late)).rejects.toMatchObject(superseded);
    expect(await ids()).toEqual(before);
    expect(await states()).toEqual([drawn(1), drawn(3)]);
  });

  it("refuses when the newest load has vanished: the destination was put back", async () => {
    await load(await packageOf(drawn(1), base(null)));
    await load(await packageOf(drawn(2), base(drawn(1))));
    const late = await packageOf(drawn(3), base(drawn(2)));
    await open(s =>
      s.query(`DELETE FROM ${current().qualified("_dlt_loads")} WHERE load_id = '${drawn(2)}'`),
    );
    expect((await restore()).newest_load_id).toBe(drawn(1));
    await expect(load(late)).rejects.toMatchObject(superseded);
    expect(await ids()).toEqual([1, 2]);
  });

  it("refuses what was begun before there was a dataset, once there is a load", async () => {
    const late = await packageOf(drawn(1), base(null), { dataset_missing: true });
    await load(await packageOf(drawn(2), base(null)));
    await expect(load(late)).rejects.toMatchObject(superseded);
    expect(await loads()).toEqual([drawn(2)]);
  });

  it("counts a load of dlt, whose ids have no mark, by schema and state", async () => {
    await load(await packageOf(drawn(1), base(null)));
    const late = await packageOf(drawn(3), base(drawn(1)));
    await load(await packageOf("1800000002.75", base(drawn(1)), { base: undefined }));
    expect((await restore()).newest_load_id).toBe("1800000002.75");
    await expect(load(late)).rejects.toMatchObject(superseded);
  });

  it.each([
    ["an id with another mark", drawn(2, "0043"), undefined],
    ["a state of its own", "1800000002.75", "two"],
  ] as const)("lets a load of another pipeline pass that has %s", async (_what, id, pipeline) => {
    await load(await packageOf(drawn(1), base(null)));
    const next = await packageOf(drawn(3), base(drawn(1)));
    await load(
      await packageOf(id, base(null), {
        base: undefined,
        state: pipeline === undefined ? undefined : state(id, pipeline),
      }),
    );
    expect((await restore()).newest_load_id).toBe(drawn(1));
    await load(next);
    expect(await loads()).toEqual([drawn(1), id, drawn(3)]);
  });

  it("lets a load of another schema pass whose id has no mark", async () => {
    await load(await packageOf(drawn(1), base(null)));
    const next = await packageOf(drawn(3), base(drawn(1)));
    const other = storedSchema([rootTable("others", { id: KEY, v: "text" })], "hash-o", "other");
    await load(plan(other, [await items([[9, "v", "r9"]], "others")], { load_id: "1800000002.75" }));
    await load(next);
    expect(await ids()).toEqual([1, 2]);
  });

  it("does not take the package's own loads for another's", async () => {
    await load(await packageOf(drawn(1), base(null)));
    const own_load_ids = [drawn(2), drawn(3)];
    const main = await packageOf(drawn(2), base(drawn(1)), { own_load_ids, state: undefined });
    const ofState = plan(flat(), [], {
      load_id: drawn(3),
      base: base(drawn(1)),
      own_load_ids,
      state: state(drawn(3)),
    });
    await load(main);
    await load(ofState);
    await load(ofState);
    expect(await loads()).toEqual([drawn(1), drawn(2), drawn(3)]);
    expect((await restore()).state?.load_id).toBe(drawn(3));
  });

  it("repeats the steps of a load that is closed, whatever was loaded since", async () => {
    const first = await packageOf(drawn(1), base(null));
    await load(first);
    await load(await packageOf(drawn(2), base(drawn(1))));
    expect(await open(s => s.migrate(first))).toMatchObject({ created: [], version_written: false });
    expect((await load(first)).items).toMatchObject({ rows: 1, inserted: 0, already_loaded: true });
    expect(await ids()).toEqual([1, 2]);
    expect(await loads()).toEqual([drawn(1), drawn(2)]);
  });

  it("answers the newest load also where no state was ever kept", async () => {
    await load(await packageOf(drawn(1), base(null), { state: undefined }));
    expect((await restore()).newest_load_id).toBe(drawn(1));
    await load(await packageOf(drawn(2), base(drawn(1), null), { state: undefined }));
    const late = await packageOf(drawn(3), base(drawn(1), null), { state: undefined });
    await expect(load(late)).rejects.toMatchObject(superseded);
    expect(await ids()).toEqual([1, 2]);
  });
}
