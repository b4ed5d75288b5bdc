"""Real dlt goes on with a pipeline: python dlt_continue.py CONFIG.json (see dlt-continues.test.ts)."""

import json
import sys

import dlt
from dlt.sources.rest_api import rest_api_source

config = json.load(open(sys.argv[1], encoding="utf-8"))
if "databricks" in config:
    destination = dlt.destinations.databricks(credentials=config["databricks"])
else:
    destination = dlt.destinations.duckdb(config["duckdb_path"])
pipeline = dlt.pipeline(
    config["pipeline_name"],
    pipelines_dir=config["pipelines_dir"],
    destination=destination,
    dataset_name=config["dataset_name"],
)
pipeline.run(rest_api_source(config["source"], name=config["source_name"]))
