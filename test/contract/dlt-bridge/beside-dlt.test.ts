/** Projects of real dlt through the bridge and by dlt itself: equal tables, twice in a row, and each goes on with the other. */
import { DltProject } from "../../support/dlt-project";

const SHOP = `
import dlt

@dlt.source(name="shop")
def shop(until=3):
    @dlt.resource(write_disposition="merge", primary_key="id")
    def orders(updated=dlt.sources.incremental("updated", initial_value=0)):
        dlt.current.source_state()["calls"] = dlt.current.source_state().get("calls", 0) + 1
        yield [
            {"id": i, "updated": i, "lines": [{"sku": f"s{i}", "qty": 1.5}], "note": None if i % 2 else "x", "at": "2026-01-02T03:04:05Z"}
            for i in range(updated.last_value, until)
        ]

    @dlt.transformer(data_from=orders, primary_key="of")
    def details(items):
        for item in items:
            yield {"of": item["id"], "big": 2**53 + item["id"], "day": __import__("datetime").date(2026, 1, 2)}

    @dlt.transformer(data_from=details)
    def further(item):
        yield {"of": item["of"], "value": [1, [2, 3]]}

    @dlt.resource(write_disposition="replace")
    def settings():
        yield {"key": "until", "value": until}

    @dlt.resource(table_name=lambda event: "event_" + event["kind"])
    def events():
        yield [{"kind": "a", "n": 1}, {"kind": "b", "m": "x"}, {"kind": "a", "n": until}]

    @dlt.resource
    def marked():
        yield dlt.mark.with_hints(
            {"id": 1, "v": "1"}, dlt.mark.make_hints(table_name="marked_one", write_disposition="merge", primary_key="id"), create_table_variant=True
        )
        yield dlt.mark.with_table_name([{"id": 2}], "marked_two")

    return orders, details, further, settings, events, marked
`;

const until = (n: number) => ({ args: { until: n } });
const CALL = { module: "shop_source", source: "shop" };

test("nested rows, transformers, dynamic tables, hints of items and state: as dlt, twice, and dlt goes on", async () => {
  const project = new DltProject({ "shop_source.py": SHOP });
  try {
    const first = await project.ours({ ...CALL, args: { until: 3 } });
    expect(first.schema_name).toBe("shop");
    expect(first.cursors).toEqual([
      { resource: "orders", cursor_path: "updated", value: { type: "bigint", text: "2" } },
    ]);
    await project.ours({ ...CALL, args: { until: 5 } });
    await project.dlt(CALL, [until(3), until(5)]);
    expect(await project.differences()).toEqual([]);

    // dlt takes over from us, then we from dlt.
    await project.dlt(CALL, [until(7)], project.engine.databasePath);
    await project.ours({ ...CALL, ...until(9) });
    await project.dlt(CALL, [until(7), until(9)]);
    expect(await project.differences()).toEqual([]);
    const versions = (of: string) => `SELECT version, version_hash FROM ${of}.raw._dlt_version ORDER BY 1`;
    const [ours, theirs] = await project.attached(async query => [
      await query(versions("ours")),
      await query(versions("theirs")),
    ]);
    expect(ours).toEqual(theirs);
    const calls = await project.attached(query =>
      query("SELECT max(id) AS last, count(*) AS all_of FROM ours.raw.orders"),
    );
    expect(calls).toEqual([{ last: "8", all_of: "9" }]);
  } finally {
    project.remove();
  }
});
