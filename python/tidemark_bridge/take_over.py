"""A program as it is: it runs, and what it hands to `pipeline.run` (or `extract`) is taken in dlt's place.

Only one of the program's runs is extracted; the ones before it are passed over. What the program does after it goes on
with an answer that looks like dlt's, as far as it needs no destination.
"""
import importlib
import json
import os
import runpy
import sys

from .events import send
from .failures import Failed
from .load_source import load_module

# Arguments of `run` that say what is extracted; the others say where to, which the spec does.
HINTS = (
    "table_name", "parent_table_name", "write_disposition", "columns", "primary_key", "schema", "schema_contract",
    "table_format", "loader_file_format",
)  # fmt: skip
AT_DESTINATION = ("sql_client", "destination_client", "dataset", "sync_destination", "drop", "sync_schema")


class Stop(BaseException):
    """The program is not needed any more; no `except Exception` of its own may catch this."""


class Answer:
    """Stands for dlt's LoadInfo, ExtractInfo and NormalizeInfo where the load is done elsewhere, later."""

    def __init__(self, pipeline, step="run"):
        self.pipeline = pipeline
        self.dataset_name = pipeline.dataset_name
        # One, as a run that loaded has: programs count them. The id itself is not known here.
        self.loads_ids = ["0"]
        self.load_packages = []
        self.metrics = {}
        self.has_failed_jobs = False
        self.row_counts = {}
        self.first_run = False
        self.said = "Pipeline %s was extracted; Tidemark loads it" % pipeline.pipeline_name

    def raise_on_failed_jobs(self):
        pass

    def asdict(self):
        name = self.pipeline.pipeline_name
        return {"pipeline": {"pipeline_name": name}, "loads_ids": self.loads_ids, "load_packages": []}

    def asstr(self, verbosity=0):
        return self.said

    def __str__(self):
        return self.asstr()


class Program:
    def __init__(self, request, project, take):
        self._request = request
        self._project = project
        self._take = take
        self._wanted = request.get("run_number") or 1
        self._seen = 0
        self._others = set()
        self.taken = False
        self._refused = None

    def run(self):
        """Raises Failed when the program ends without the run that is wanted."""
        self._patch()
        try:
            self._start()
        except Stop:
            pass
        except SystemExit as error:
            if not self.taken and error.code not in (None, 0):
                raise Failed("arguments", "The program ended by sys.exit(%r) before it ran the pipeline." % (error.code,))
        except Exception as error:
            if not self.taken:
                raise
            from .failures import log

            log(error)
            send("note", text="after its run the program ended with %s; what it does there is not part of the load" % type(error).__name__)
        # The program's own `except` may have caught it.
        if self._refused is not None:
            raise self._refused
        if not self.taken:
            raise Failed("no_source", self._nothing())

    def _start(self):
        function = self._request.get("function")
        program = self._request["program"]
        if function is None:
            path = os.path.join(self._project, program)
            if not os.path.isfile(path):
                raise Failed("no_module", "There is no file %s in %s." % (program, self._project))
            sys.argv = [path]
            sys.path.insert(0, os.path.dirname(path))
            runpy.run_path(path, run_name="__main__")
            return
        module = load_module(program, self._project)
        found = getattr(module, function, None)
        if not callable(found):
            names = [name for name, one in vars(module).items() if callable(one) and getattr(one, "__module__", None) == module.__name__]
            raise Failed("no_source", "%s has no function `%s`; it has: %s." % (program, function, ", ".join(names) or "none"))
        found(**(self._request.get("args") or {}))

    def _nothing(self):
        wanted = self._request["pipeline"]["pipeline_name"]
        other = ", ".join(sorted(self._others))
        if self._seen:
            return "The program runs pipeline `%s` %d times, and run %d is wanted." % (wanted, self._seen, self._wanted)
        if other:
            return "The program runs the pipelines %s, and the spec is for `%s`." % (other, wanted)
        return "The program ended without a run of pipeline `%s`." % wanted

    def _patch(self):
        from dlt.pipeline.pipeline import Pipeline

        program = self

        def run(pipeline, data=None, *args, **more):
            return program._on_run(pipeline, data, more)

        def later(pipeline, *args, **more):
            return Answer(pipeline)

        Pipeline.run = run
        Pipeline.extract = run
        Pipeline.normalize = later
        Pipeline.load = later
        for name in AT_DESTINATION:
            if hasattr(Pipeline, name):
                setattr(Pipeline, name, self._beyond(name))

        try:
            import dlt

            for name in ("package", "get_venv", "create_venv", "restore_venv"):
                if hasattr(dlt.dbt, name):
                    setattr(dlt.dbt, name, self._dbt)
        except Exception:
            # dlt's helper for dbt may not be installed.
            pass

    def _dbt(self, *args, **more):
        if self.taken:
            send("note", text="the program's dbt run is not part of the load: say it in the spec, transform: { dbt: { project_dir: … } }")
            raise Stop()
        raise self._refuse("The program runs dbt before its pipeline. Say it in the spec: transform: { dbt: { project_dir: … } }.")

    def _beyond(self, name):
        def beyond(pipeline, *args, **more):
            if self.taken:
                send("note", text="what the program does from pipeline.%s on is not part of the load" % name)
                raise Stop()
            raise self._refuse(
                "The program asks pipeline.%s for the destination before its run. Tidemark extracts before anything is loaded: take that out of the program, or run the program with dlt." % name,
            )

        return beyond

    def _refuse(self, message):
        self._refused = Failed("unsupported", message)
        return self._refused

    def _on_run(self, pipeline, data, more):
        if pipeline.pipeline_name != self._request["pipeline"]["pipeline_name"]:
            self._others.add("`%s`" % pipeline.pipeline_name)
            return Answer(pipeline)
        if data is None:
            return Answer(pipeline)
        self._seen += 1
        if self._seen < self._wanted:
            return Answer(pipeline)
        if self.taken:
            if self._request.get("run_number"):
                raise Stop()
            raise self._refuse(
                "The program runs pipeline `%s` more than once, and a spec is one load: say which by source.run, counted from 1." % pipeline.pipeline_name,
            )
        self._check(pipeline, more)
        self._take(data, {name: more[name] for name in HINTS if more.get(name) is not None})
        self.taken = True
        return Answer(pipeline)

    def _check(self, pipeline, more):
        if getattr(pipeline, "dev_mode", False):
            raise self._refuse("The program's pipeline has dev_mode, with which every run loads into another dataset. Take it out; load into a dataset_name of its own instead.")
        if more.get("refresh") or getattr(pipeline, "refresh", None):
            raise self._refuse("The program's run has `refresh`, which drops tables at the destination. Say it in the spec or by `tidemark run --refresh`.")


class RunFailed(Exception):
    """What a program gets from `pipeline.run` when the run that was done for it has failed."""


class Live(Program):
    """The program as it is: each of its runs is done by Tidemark while the program waits."""

    def __init__(self, request, project, replies):
        super().__init__(request, project, None)
        self._replies = replies
        self._counts = {}

    def run(self):
        self._patch()
        try:
            self._start()
        except SystemExit as error:
            if error.code not in (None, 0):
                raise Failed("arguments", "The program ended by sys.exit(%r)." % (error.code,))
        if self._refused is not None:
            raise self._refused
        send("ended", runs=sum(self._counts.values()))

    def _beyond(self, name):
        def beyond(pipeline, *args, **more):
            raise self._refuse(
                "The program asks pipeline.%s for the destination. Its loads are done elsewhere: read the dataset when the program has ended, or say what follows in a spec (transform, gate)." % name
            )

        return beyond

    def _dbt(self, *args, **more):
        raise self._refuse("The program runs dbt by dlt's helper. Say it in a spec: transform: { dbt: { project_dir: … } }.")

    def _on_run(self, pipeline, data, more):
        if data is None:
            return Answer(pipeline)
        self._check(pipeline, more)
        name = pipeline.pipeline_name
        self._counts[name] = self._counts.get(name, 0) + 1
        send(
            "run",
            number=self._counts[name],
            pipeline_name=name,
            dataset_name=more.get("dataset_name") or pipeline.dataset_name,
            destination=destination_of(more.get("destination") or pipeline.destination, more.get("credentials")),
        )
        reply = json.loads(self._replies.readline() or "{}")
        if "load" not in reply:
            raise RunFailed(reply.get("failed") or "Tidemark ended before the run was done.")
        answer = Answer(pipeline)
        answer.said = reply["said"]
        answer.loads_ids = reply["load"]
        answer.row_counts = reply["rows"]
        return answer


#: dlt's pipeline writes these into its destination when it opens it (dlt: WithLocalFiles): no options of the program.
OF_THE_PIPELINE = {"credentials", "destination_type", "destination_name", "local_dir", "pipeline_name", "pipeline_working_dir", "legacy_db_path"}


def destination_of(given, credentials=None):
    """Type, name and options as a spec has them, and the address where it stands in the code."""
    if given is None:
        return None
    if isinstance(given, str):
        found, options = {"destination_type": given}, {}
    else:
        found = {"destination_type": given.destination_type.split(".")[-1]}
        if given.destination_name and given.destination_name != found["destination_type"]:
            found["destination_name"] = given.destination_name
        options = dict(getattr(given, "config_params", None) or {})
    own = {key: value for key, value in options.items() if key not in OF_THE_PIPELINE}
    found.update((key, value) for key, value in own.items() if isinstance(value, (str, bool, int)))
    if credentials is None:
        credentials = options.get("credentials")
    if isinstance(credentials, str) or is_plain(credentials):
        found["credentials"] = credentials
    elif credentials is not None:
        found["unknown"] = "credentials that are an object in the code"
    return found


def is_plain(fields):
    return isinstance(fields, dict) and all(isinstance(value, (str, bool, int)) for value in fields.values())


def the_source(pipeline, data, hints, name=None):
    """dlt's own way from what `run` gets to a source. One load is one source."""
    from dlt.common.schema import Schema
    from dlt.extract import DltSource

    for place in ("dlt.extract.extract", "dlt.pipeline.helpers", "dlt.extract.source"):
        found = getattr(importlib.import_module(place), "data_to_sources", None)
        if found is not None:
            break
    if name is not None and "schema" not in hints and not isinstance(data, DltSource):
        hints = {**hints, "schema": Schema(name)}
    sources = found(data, pipeline, **hints)
    if len(sources) == 1:
        return sources[0]
    names = ", ".join("`%s`" % one.name for one in sources)
    raise Failed(
        "unsupported",
        "The program hands %d sources to one run (%s); each is a load of its own here. Give each its own pipeline.run." % (len(sources), names),
    )
