"""Runs phases with real dlt, many per process: dlt is imported once (1.5 s), then each phase gets a fork of its own,
so that nothing of one phase (singletons, environment, configuration) reaches another.

Requests come as lines on stdin: {"id", "phase": path, "result": path, "cwd"}; `id` is printed when one is done.
"""
import contextlib
import json
import os
import sys
import threading
import traceback

ENV = {"RUNTIME__DLTHUB_TELEMETRY": "false", "RUNTIME__LOG_LEVEL": "CRITICAL", "TZ": "UTC"}


def credentials(to):
    """dlt's, of a connection as run_databricks.py has it"""
    driver = {"_port": to["port"], "_tls_trusted_ca_file": to["ca_file"], "enable_telemetry": False}
    same = {key: to[key] for key in ("server_hostname", "http_path", "catalog", "access_token")}
    return {**same, "connection_parameters": driver}


def run_phase(p):
    import dlt
    from dlt.pipeline.exceptions import PipelineStepFailed
    from dlt.sources.rest_api import rest_api_source

    if "databricks" in p:
        dest = dlt.destinations.databricks(credentials=credentials(p["databricks"]), **p["destination_args"])
    elif "postgres" in p:
        dest = dlt.destinations.postgres(p["postgres"], **p["destination_args"])
    else:
        dest = dlt.destinations.duckdb(p["duckdb_path"], **p["destination_args"])
    pipe = dlt.pipeline(
        p["pipeline_name"], pipelines_dir=p["pipelines_dir"], destination=dest, dataset_name=p["dataset_name"]
    )
    if p.get("drop_pending"):
        pipe.drop_pending_packages(with_partial_loads=True)
    try:
        src = rest_api_source(p["source"], **p["source_args"])
        for resource, hints in (p.get("apply_hints") or {}).items():
            src.resources[resource].apply_hints(**hints)
        pipe.run(src, **p["run_args"])
        return {"ok": True}
    except Exception as error:
        step = getattr(error, "step", None)
        inner = error
        while isinstance(inner, PipelineStepFailed) and inner.exception is not None:
            inner = inner.exception
        while inner.__cause__ is not None:
            inner = inner.__cause__
        if os.environ.get("CASE_DEBUG"):
            traceback.print_exc()
        return {"ok": False, "step": step, "exception": type(inner).__name__}
    finally:
        try:
            pipe.deactivate()
        except Exception:
            pass


def run_fork(request):
    os.chdir(request["cwd"])
    with open(request["phase"]) as file:
        phase = json.load(file)
    result = run_phase(phase)
    with open(request["result"], "w") as file:
        json.dump(result, file)


def main():
    os.environ.update(ENV)
    answers = os.fdopen(os.dup(1), "w")
    null = os.open(os.devnull, os.O_WRONLY)
    quiet = not os.environ.get("CASE_DEBUG")
    if quiet:
        os.dup2(null, 1)
    import dlt  # noqa: F401
    import dlt.destinations
    import dlt.sources.rest_api  # noqa: F401
    import duckdb  # noqa: F401
    import pyarrow  # noqa: F401

    # Only where PostgreSQL is loaded into: the environment for Databricks has no driver of it.
    with contextlib.suppress(ImportError):
        import psycopg2  # noqa: F401
    # Not before: an import that fails says so.
    if quiet:
        os.dup2(null, 2)

    lock = threading.Lock()

    def answer(line):
        with lock:
            answers.write(line + "\n")
            answers.flush()

    def wait(pid, name):
        os.waitpid(pid, 0)
        answer(name)

    answer("ready")
    for line in sys.stdin:
        request = json.loads(line)
        pid = os.fork()
        if pid == 0:
            code = 0
            try:
                run_fork(request)
            except BaseException:
                traceback.print_exc()
                code = 1
            finally:
                os._exit(code)
        threading.Thread(target=wait, args=(pid, request["id"]), daemon=True).start()


if __name__ == "__main__":
    main()
