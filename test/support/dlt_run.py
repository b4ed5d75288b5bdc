"""Real dlt runs a source of a project: python dlt_run.py CONFIG.json (see dlt-project.ts). Each run has a new working folder."""

import importlib
import json
import os
import sys
import tempfile

config = json.load(open(sys.argv[1], encoding="utf-8"))
os.chdir(config["project"])
sys.path.insert(0, config["project"])
import dlt  # noqa: E402

module = importlib.import_module(config["module"])
for call in config["calls"]:
    made = getattr(module, config["source"])
    source = made if isinstance(made, dlt.sources.DltResource) and not call["args"] else made(**call["args"])
    if call.get("resources"):
        source = source.with_resources(*call["resources"])
    pipeline = dlt.pipeline(
        config["pipeline_name"],
        pipelines_dir=tempfile.mkdtemp(),
        destination=dlt.destinations.duckdb(config["duckdb_path"]),
        dataset_name="raw",
    )
    pipeline.run(source, **call.get("run", {}))
    pipeline.deactivate()
