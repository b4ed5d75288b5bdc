"""A full load of a table by dlt: dlt_table.py SOURCE_DSN DESTINATION ADDRESS PIPELINES_DIR [FORMAT] -> one line of JSON."""

import json
import resource
import sys

import dlt
from dlt.sources.sql_database import sql_table

source, destination, address, pipelines_dir, *loader_file_format = sys.argv[1:]
pipeline = dlt.pipeline(
    "bench_table",
    pipelines_dir=pipelines_dir,
    destination=getattr(dlt.destinations, destination)(address),
    dataset_name="bench",
)
pipeline.run(
    sql_table(credentials=source, table="measures", backend="pyarrow"),
    write_disposition="replace",
    loader_file_format=next(iter(loader_file_format), None),
)
steps = {one.step: (one.finished_at - one.started_at).total_seconds() for one in pipeline.last_trace.steps}
print(json.dumps({"kb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, "steps": steps}))
