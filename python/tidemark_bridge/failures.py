"""What went wrong, sorted where the exception is known. Messages may quote a row, so most of them stay in the log."""
import os
import sys
import traceback

NETWORK = {
    "ConnectionError", "ConnectTimeout", "ReadTimeout", "Timeout", "ChunkedEncodingError", "TimeoutError",
    "ConnectionResetError", "ConnectionRefusedError", "ConnectionAbortedError", "BrokenPipeError",
    "ProtocolError", "MaxRetryError", "NewConnectionError", "IncompleteRead", "RemoteDisconnected",
    "OperationalError", "InterfaceError", "ConnectError", "RemoteProtocolError", "ReadError", "PoolTimeout",
}  # fmt: skip
RETRIED_STATUS = {408, 425, 429, 500, 502, 503, 504}


class Failed(Exception):
    """An error with a kind the worker knows, and a message that may be shown."""

    def __init__(self, kind, message, **more):
        super().__init__(message)
        self.kind = kind
        self.more = more


def chain(error):
    seen = []
    while error is not None and error not in seen:
        seen.append(error)
        inner = getattr(error, "exception", None)
        error = error.__cause__ or (inner if isinstance(inner, BaseException) else None)
    return seen


def root_cause(error):
    return chain(error)[-1]


def project_frames(error, project):
    """Places in the project's own files, outermost first: `file:line in function`."""
    frames = []
    for frame in traceback.extract_tb(error.__traceback__):
        path = os.path.abspath(frame.filename)
        inside = path.startswith(os.path.join(project, ""))
        if inside and "site-packages" not in path and not frame.filename.startswith("<"):
            frames.append("%s:%s in %s" % (os.path.relpath(path, project), frame.lineno, frame.name))
    return frames


def describe(error, project):
    """The event `failed` for an exception that left the project's code or dlt."""
    try:
        return described(error, project)
    except Exception as trouble:
        # An exception of a kind that is not known here: its class is told, and all of it is in the log.
        log(trouble)
        return {"kind": "raised", "class": type(root_cause(error)).__name__, "frames": [], "transient": False}


def described(error, project):
    if isinstance(error, Failed):
        return {"kind": error.kind, "message": str(error), **error.more}
    causes = chain(error)
    cause = causes[-1]
    frames = next((f for f in (project_frames(e, project) for e in reversed(causes)) if f), [])
    event = {
        "kind": "raised",
        "class": type(cause).__name__,
        "frames": frames[-8:],
        "resource": next((getattr(e, "pipe_name") for e in causes if hasattr(e, "pipe_name")), None),
        "status": status_of(cause),
    }
    for one in causes:
        name = type(one).__name__
        if name == "ConfigFieldMissingException":
            return {**event, "kind": "config", "fields": config_names(one)}
        if name == "DataValidationError":
            return {
                **event,
                "kind": "contract",
                "table": getattr(one, "table_name", None),
                "column": getattr(one, "column_name", None),
                "entity": getattr(one, "schema_entity", None),
            }
        if name == "DictValidationException":
            return {**event, "kind": "arguments", "message": str(one)}
    if isinstance(cause, ModuleNotFoundError):
        return {**event, "kind": "missing_module", "message": str(cause), "module": cause.name}
    if type(cause).__name__ == "MissingDependencyException":
        return {**event, "kind": "missing_module", "message": str(cause).split("\n")[0], "module": None}
    if isinstance(cause, MemoryError):
        return {**event, "kind": "memory"}
    event["transient"] = is_transient(cause)
    return event


def config_names(error):
    """dlt's own names of what it looked for, from its traces: the variable that it asks for first."""
    names = []
    for field, traces in (getattr(error, "traces", None) or {}).items():
        found = traces_in(traces)
        best = next((t.key for t in found if t.key == t.key.upper()), None)
        names.append(best or field)
    return names


def traces_in(traces):
    """dlt's versions keep them in a list, or in lists for each alternative of a type."""
    if hasattr(traces, "key"):
        return [traces]
    if hasattr(traces, "traces"):
        traces = traces.traces
    if isinstance(traces, dict):
        traces = list(traces.values())
    if isinstance(traces, (list, tuple)):
        return [one for inner in traces for one in traces_in(inner)]
    return []


def status_of(error):
    status = getattr(getattr(error, "response", None), "status_code", None)
    return status if isinstance(status, int) else None


def is_transient(error):
    status = status_of(error)
    if status is not None:
        return status in RETRIED_STATUS
    return any(cls.__name__ in NETWORK for cls in type(error).__mro__)


def log(error):
    """The whole traceback for the worker's log, which masks secrets."""
    traceback.print_exception(type(error), error, error.__traceback__, file=sys.stderr)
    sys.stderr.flush()
