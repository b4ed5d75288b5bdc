"""One request, its events, one end: `described`, `extracted` or `failed`."""
import json
import os
import sys

from . import failures
from .events import FD, send


def main():
    os.set_inheritable(FD, False)
    replies = sys.stdin.buffer
    request = json.loads(replies.readline())
    # Whoever asks for input is told that there is none.
    sys.stdin = open(os.devnull)
    project = request["project"]
    os.chdir(project)
    sys.path.insert(0, project)
    try:
        serve(request, project, replies)
    except BaseException as error:  # SystemExit of the project's code included
        failures.log(error)
        send("failed", **failures.describe(error, project))
        sys.exit(3)


def serve(request, project, replies):
    from . import find_dlt

    find_dlt.find()
    from .describe import described
    from .extract import extract
    from .load_source import load_source

    if request["do"] == "program":
        from .take_over import Live

        Live(request, project, replies).run()
        return
    if request.get("program"):
        serve_program(request, project)
        return
    source = load_source(request, project)
    if request["do"] == "describe":
        send("described", **described(source))
    else:
        extract(request, source)


def serve_program(request, project):
    from dlt.pipeline.pipeline import Pipeline

    from .describe import described
    from .extract import extract, make_pipeline
    from .load_source import settled
    from .take_over import Program, Stop, the_source

    original = Pipeline.extract

    def describe(data, hints):
        import dlt

        pipeline = dlt.pipeline(pipeline_name=request["pipeline"]["pipeline_name"], pipelines_dir=request["folder"])
        source = settled(the_source(pipeline, data, hints), request)
        send("described", **described(source))
        # What comes after the run is seen when it is extracted.
        program.taken = True
        raise Stop()

    def take(data, hints):
        pipeline = make_pipeline(request)
        source = settled(the_source(pipeline, data, hints, request["name"]), request)
        extract(request, source, pipeline, original)

    program = Program(request, project, describe if request["do"] == "describe" else take)
    program.run()
