"""Runs one case, phase by phase, each with the engine named for it, and takes its canonical dump."""
import json
import os
import shutil
import tempfile

from casekit import CaseServer, dump_dataset, subst_base


def write_phase(path, pipeline, base, place):
    """The file that an engine gets. `place`: where it loads and keeps its packages."""
    phase = {
        **place,
        "pipeline_name": pipeline["pipeline_name"],
        "dataset_name": pipeline["dataset_name"],
        "source": subst_base(pipeline["source"], base),
        "source_args": pipeline.get("source_args", {"name": "api"}),
        "run_args": pipeline.get("run_args", {}),
        "destination_args": pipeline.get("destination_args", {}),
        "apply_hints": pipeline.get("apply_hints"),
        "fresh_workdir": bool(pipeline.get("fresh_workdir")),
        "drop_pending": bool(pipeline.get("drop_pending")),
    }
    with open(path, "w") as file:
        json.dump(phase, file)
    return path


class InDuckDb:
    """Where a case is loaded, and read back from: a file in its folder."""

    def __init__(self, work):
        self.path = os.path.join(work, "data.duckdb")
        #: what a phase says of it
        self.fields = {"duckdb_path": self.path}

    def dump(self, dataset, base):
        return dump_dataset(self.path, dataset, base) if os.path.exists(self.path) else None

    def close(self):
        pass


def run_case(case, engines, order, keep=None, strangers=(), destination=InDuckDb):
    """order: names in `engines`, one per phase; the last one repeats. `strangers` are names whose phases begin in an
    empty working folder of their own, as on a machine that never saw the pipeline."""
    work = keep or tempfile.mkdtemp(prefix="parity_case_")
    os.makedirs(work, exist_ok=True)
    server = CaseServer()
    result = {"name": case["name"], "phases": []}
    at = destination(work)
    try:
        pipelines = os.path.join(work, "pipelines")
        os.makedirs(pipelines, exist_ok=True)
        answers = case["server"]["phases"]
        turns = [order[min(i, len(order) - 1)] for i in range(len(case["pipelines"]))]
        for i, pipeline in enumerate(case["pipelines"]):
            server.set_phase(answers[min(i, len(answers) - 1)])
            if pipeline.get("fresh_workdir"):
                shutil.rmtree(pipelines, ignore_errors=True)
                os.makedirs(pipelines, exist_ok=True)
            folder = tempfile.mkdtemp(dir=work) if turns[i] in strangers else pipelines
            place = {**at.fields, "pipelines_dir": folder}
            phase_file = write_phase(os.path.join(work, f"phase{i}.json"), pipeline, server.base, place)
            outcome = engines[turns[i]].run(phase_file, work)
            told = {"result": outcome, "requests": sorted(server.log)}
            told["dump"] = at.dump(pipeline["dataset_name"], server.base)
            result["phases"].append(told)
    finally:
        server.close()
        at.close()
        if not keep:
            shutil.rmtree(work, ignore_errors=True)
    return json.loads(json.dumps(result, default=str).replace(server.base, "{{BASE}}"))


def as_dlts_by_turns(case, parts, engines, destination=InDuckDb):
    """The dump of two dlts in place of the engines of a mixed lane: where dlt stands, one that keeps its folder; where
    ours stands, one with an empty folder, as ours keeps nothing about a dataset outside of it. Asked for only where a
    mixed lane differs from what dlt with a single folder does: dlt's folder knows what it does not store (versions
    counted up without a change), and dlt does not look at a schema stored by others while the state is as before."""
    order = ["stranger" if name == "cmd" else name for name in engines]
    return run_case(case, {"dlt": parts["dlt"], "stranger": parts["dlt"]}, order, strangers=("stranger",), destination=destination)
