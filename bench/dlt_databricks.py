"""One load by dlt into Databricks: python dlt_databricks.py CONFIG.json -> seconds of pipeline.run on stdout."""

import json
import sys
import time

import dlt
from dlt.sources.rest_api import rest_api_source

config = json.load(open(sys.argv[1], encoding="utf-8"))
pipeline = dlt.pipeline(
    "bench",
    pipelines_dir=config["pipelines_dir"],
    destination=dlt.destinations.databricks(credentials=config["credentials"]),
    dataset_name=config["dataset"],
)
source = rest_api_source(config["source"], name="bench")
started = time.time()
pipeline.run(source)
print(time.time() - started)
