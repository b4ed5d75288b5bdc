import dlt
from dlt.sources.sql_database import sql_database, sql_table

DATABASE = "sqlite:///shop.db"
NAMES = ["a", "b"]

if __name__ == "__main__":
    tables = dlt.pipeline("tables", destination=dlt.destinations.duckdb("lake.db"), dataset_name="t")
    source = sql_database(DATABASE, table_names=NAMES, chunk_size=10)
    source.a.apply_hints(incremental=dlt.sources.incremental("at"), primary_key="id")
    source.b.apply_hints(write_disposition="replace")
    tables.run(source, schema_contract={"columns": "freeze"})
    single = dlt.pipeline("single", destination="duckdb", dataset_name="s")
    single.run(sql_table(credentials=DATABASE, table="b"), table_name="c", refresh="drop_data")
