"""One request, its events, one end: `described`, `extracted` or `failed`."""
import json
import os
import sys

from . import failures
from .events import FD, send


def main():
    os.set_inheritable(FD, False)
    request = json.loads(sys.stdin.buffer.read())
    # Whoever asks for input is told that there is none.
    sys.stdin = open(os.devnull)
    project = request["project"]
    os.chdir(project)
    sys.path.insert(0, project)
    try:
        serve(request, project)
    except BaseException as error:  # SystemExit of the project's code included
        failures.log(error)
        send("failed", **failures.describe(error, project))
        sys.exit(3)


def serve(request, project):
    from . import find_dlt

    find_dlt.find()
    from .describe import described
    from .extract import extract
    from .load_source import load_source

    source = load_source(request, project)
    if request["do"] == "describe":
        send("described", **described(source))
    else:
        extract(request, source)
