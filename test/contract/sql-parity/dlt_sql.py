"""Runs cases by dlt: python dlt_sql.py CASES.json -> one JSON object on stdout, name of a case to its failures.

CASES.json: {"dsn", "folder", "cases": [{"name", "phases": [{"source", "args"}]}]}. Every case fills
FOLDER/NAME.duckdb, dataset "raw". A phase that fails is noted by its step and the classes of its exceptions.
"""

import json
import os
import sys
import warnings
from datetime import datetime

warnings.simplefilter("ignore")
os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
os.environ["RUNTIME__LOG_LEVEL"] = "CRITICAL"

import dlt  # noqa: E402
from dlt.sources.sql_database import sql_database, sql_table  # noqa: E402


def moment(value):
    """Specs are JSON: cursor values that are times stand there as texts."""
    return datetime.fromisoformat(value) if isinstance(value, str) and value[4:5] == "-" else value


def cursor(config):
    values = {key: moment(value) if key.endswith("_value") else value for key, value in config.items()}
    if "last_value_func" in values:
        values["last_value_func"] = {"min": min, "max": max}[values["last_value_func"]]
    return dlt.sources.incremental(**values)


def source_of(phase, dsn):
    args = dict(phase["args"])
    if phase["source"] == "sql_database":
        hints = args.pop("resources", [])
        source = sql_database(credentials=dsn, **args)
        for hint in hints:
            hint = dict(hint)
            if "incremental" in hint:
                hint["incremental"] = cursor(hint["incremental"])
            source.resources[hint.pop("name")].apply_hints(**hint)
        return source
    hints = {key: args.pop(key) for key in ("columns",) if key in args}
    if "incremental" in args:
        args["incremental"] = cursor(args["incremental"])
    resource = sql_table(credentials=dsn, **args)
    if hints:
        resource.apply_hints(**hints)
    return resource


def failure(error):
    chain = []
    at = error
    while at is not None:
        chain.append(type(at).__name__)
        at = at.__cause__ or (at.__context__ if not at.__suppress_context__ else None)
    return {"step": getattr(error, "step", "create"), "classes": chain}


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        plan = json.load(file)
    failures = {}
    for case in plan["cases"]:
        name = case["name"]
        base = os.path.join(plan["folder"], name)
        pipeline = dlt.pipeline(
            "parity",
            pipelines_dir=base,
            destination=dlt.destinations.duckdb(base + ".duckdb"),
            dataset_name="raw",
        )
        for phase in case["phases"]:
            try:
                pipeline.run(source_of(phase, plan["dsn"]))
            except Exception as error:
                failures.setdefault(name, []).append(failure(error))
                pipeline.drop_pending_packages()
    json.dump(failures, sys.stdout)


main()
