"""A full load into PostgreSQL by dlt: dlt_postgres.py SOURCE_DSN TARGET_DSN PIPELINES_DIR FORMAT -> one line of JSON."""

import json
import resource
import sys

import dlt
from dlt.sources.sql_database import sql_table

source, target, pipelines_dir, loader_file_format = sys.argv[1:5]
pipeline = dlt.pipeline(
    "bench_table",
    pipelines_dir=pipelines_dir,
    destination=dlt.destinations.postgres(target),
    dataset_name="bench",
)
pipeline.run(
    sql_table(credentials=source, table="measures", backend="pyarrow"),
    write_disposition="replace",
    loader_file_format=loader_file_format,
)
steps = {one.step: (one.finished_at - one.started_at).total_seconds() for one in pipeline.last_trace.steps}
print(json.dumps({"kb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, "steps": steps}))
