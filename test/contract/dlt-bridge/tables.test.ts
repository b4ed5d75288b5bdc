/** What Python sources yield besides rows: Arrow tables and data frames; masking steps; databases; a source without rows. */
import { DltProject } from "../../support/dlt-project";

const TABLES = `
import dlt, datetime, decimal
import pyarrow as pa

@dlt.source(name="tables", max_table_nesting=1)
def tables(round=1):
    @dlt.resource(primary_key="Id", write_disposition="merge")
    def arrow():
        yield pa.table({
            "Id": [1, round + 1],
            "At Time": pa.array([datetime.datetime(2026, 1, 2, 3, 4, 5, 678901), None], pa.timestamp("us", "UTC")),
            "amount": pa.array([decimal.Decimal("1.25"), decimal.Decimal("-3")], pa.decimal128(10, 2)),
            "tags": [{"a": 1}, {"a": 2}],
            "none": pa.nulls(2),
        })
        if round > 1:
            yield pa.table({"Id": [9], "extra": ["more"]})

    @dlt.resource(write_disposition="replace")
    def emptied():
        if round == 1:
            yield {"id": 1, "inner": [{"deep": [1]}]}

    @dlt.resource
    def nothing():
        yield from []

    @dlt.resource(write_disposition={"disposition": "merge", "strategy": "scd2"})
    def history():
        yield [{"id": 1, "city": "a" if round == 1 else "b"}, {"id": 2, "city": "x"}]

    @dlt.resource
    def people():
        yield [{"name": "Ada", "email": "ada@example.com"}, {"name": "Bob", "email": "bob@example.com"}]

    def hide(person):
        person["email"] = "***"
        return person

    people.add_map(hide).add_filter(lambda person: person["name"] != "Bob")
    return arrow, emptied, nothing, history, people
`;

test("Arrow tables, emptied tables, scd2, masking steps: as dlt, twice", async () => {
  const project = new DltProject({ "more/__init__.py": "", "more/tables.py": TABLES });
  const call = { module: "more.tables", source: "tables" };
  try {
    const first = await project.ours(call);
    expect(first.tables.map(one => one.table).sort()).toContain("arrow");
    await project.ours({ ...call, args: { round: 2 } });
    await project.dlt(call, [{}, { args: { round: 2 } }]);
    expect(await project.differences()).toEqual([]);
    const emails = await project.attached(query => query("SELECT DISTINCT email FROM ours.raw.people"));
    expect(emails).toEqual([{ email: "***" }]);
    const columns = await project.attached(query =>
      query(
        "SELECT column_name FROM information_schema.columns WHERE table_catalog = 'ours' AND table_name = 'arrow' ORDER BY ordinal_position",
      ),
    );
    expect(columns.map(one => one.column_name)).toEqual(["id", "at_time", "amount", "tags", "extra"]);
  } finally {
    project.remove();
  }
});

const DATABASE = `
import dlt, sqlite3
from dlt.sources.sql_database import sql_database
from sqlalchemy import create_engine

def database(file, rows=3):
    with sqlite3.connect(file) as db:
        db.execute("CREATE TABLE IF NOT EXISTS orders (id INTEGER PRIMARY KEY, at TEXT, amount NUMERIC(8, 2))")
        db.executemany("INSERT OR REPLACE INTO orders VALUES (?, ?, ?)", [(i, "2026-01-0%d" % i, i * 1.5) for i in range(1, rows + 1)])
    source = sql_database(create_engine("sqlite:///" + file), table_names=["orders"])
    source.orders.apply_hints(incremental=dlt.sources.incremental("id"), write_disposition="append")
    return source
`;

import { whole } from "../../support/whole";

whole(
  "sql_database on SQLite, by a function that changes the source's hints; only what is new the second time",
  async () => {
    const project = new DltProject({ "database.py": DATABASE });
    const call = { module: "database.py", source: "database" };
    const args = (rows: number) => ({ args: { file: `${project.folder}/shop.sqlite`, rows } });
    try {
      await project.ours({ ...call, ...args(3) });
      const second = await project.ours({ ...call, ...args(5) });
      expect(second.extracted[0]?.rows).toBe(2);
      expect((await project.ours({ ...call, ...args(5) })).load_id).toBeUndefined();
      await project.dlt({ module: "database", source: "database" }, [args(5)]);
      expect(await project.differences()).toEqual([]);
    } finally {
      project.remove();
    }
  },
);
