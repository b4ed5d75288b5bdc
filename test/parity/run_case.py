"""Runs one case, phase by phase, each with the engine named for it, and takes its canonical dump."""
import json
import os
import shutil
import tempfile

from casekit import CaseServer, dump_dataset, subst_base


def run_case(case, engines, order, keep=None):
    """order: names in `engines`, one per phase; the last one repeats."""
    work = keep or tempfile.mkdtemp(prefix="parity_case_")
    os.makedirs(work, exist_ok=True)
    server = CaseServer()
    result = {"name": case["name"], "phases": []}
    try:
        database = os.path.join(work, "data.duckdb")
        pipelines = os.path.join(work, "pipelines")
        os.makedirs(pipelines, exist_ok=True)
        answers = case["server"]["phases"]
        for i, pipeline in enumerate(case["pipelines"]):
            server.set_phase(answers[min(i, len(answers) - 1)])
            if pipeline.get("fresh_workdir"):
                shutil.rmtree(pipelines, ignore_errors=True)
                os.makedirs(pipelines, exist_ok=True)
            phase = {
                "duckdb_path": database,
                "pipelines_dir": pipelines,
                "pipeline_name": pipeline["pipeline_name"],
                "dataset_name": pipeline["dataset_name"],
                "source": subst_base(pipeline["source"], server.base),
                "source_args": pipeline.get("source_args", {"name": "api"}),
                "run_args": pipeline.get("run_args", {}),
                "destination_args": pipeline.get("destination_args", {}),
                "apply_hints": pipeline.get("apply_hints"),
                "fresh_workdir": bool(pipeline.get("fresh_workdir")),
                "drop_pending": bool(pipeline.get("drop_pending")),
            }
            phase_file = os.path.join(work, f"phase{i}.json")
            with open(phase_file, "w") as file:
                json.dump(phase, file)
            outcome = engines[order[min(i, len(order) - 1)]].run(phase_file, work)
            told = {"result": outcome, "requests": sorted(server.log)}
            exists = os.path.exists(database)
            told["dump"] = dump_dataset(database, pipeline["dataset_name"], server.base) if exists else None
            result["phases"].append(told)
    finally:
        server.close()
        if not keep:
            shutil.rmtree(work, ignore_errors=True)
    return json.loads(json.dumps(result, default=str).replace(server.base, "{{BASE}}"))
