"""A full load by dlt: python dlt_sql_table.py DSN DUCKDB_PATH PIPELINES_DIR -> peak memory in KB on stdout."""

import resource
import sys

import dlt
from dlt.sources.sql_database import sql_table

dsn, duckdb_path, pipelines_dir = sys.argv[1:4]
pipeline = dlt.pipeline(
    "bench_table",
    pipelines_dir=pipelines_dir,
    destination=dlt.destinations.duckdb(duckdb_path),
    dataset_name="bench",
)
pipeline.run(
    sql_table(credentials=dsn, table="measures", backend="pyarrow"),
    write_disposition="replace",
)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
