"""What real dlt resolves: reads cases (JSON) on stdin, writes the answers in their order."""
import json
import os
import sys
import tempfile
from pathlib import Path

os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
import dlt
import dlt.sources.rest_api as rest
import dlt.sources.sql_database as sql
from dlt.common.configuration.container import Container
from dlt.common.configuration.specs.config_section_context import ConfigSectionContext
from dlt.common.configuration.specs.pluggable_run_context import PluggableRunContext
from dlt.common.configuration.resolve import inject_section


def auth_fields(case):
    seen = []
    real = rest.create_auth

    def remember(config):
        seen.append(real(config))
        return seen[-1]

    setattr(rest, "create_auth", remember)
    try:
        config = {"client": {"base_url": "http://h", "auth": case["auth"]}, "resources": ["a"]}
        rest.rest_api_source(config, name=case.get("name"))
    finally:
        setattr(rest, "create_auth", real)
    return {key: seen[0][key] for key in case["fields"]}


def sql_credentials(case):
    seen = []
    real = sql.engine_from_credentials

    def remember(credentials, *_, **__):
        seen.append(credentials)
        raise InterruptedError

    sql.engine_from_credentials = remember
    try:
        if case.get("table"):
            sql.sql_table(table=case["table"])
        else:
            sql.sql_database()
    except InterruptedError:
        pass
    finally:
        sql.engine_from_credentials = real
    return {key: seen[0][key] for key in ("host", "database", "username", "password")}


def destination(case):
    pipeline = dlt.pipeline("shop", destination=case.get("destination", "duckdb"))
    with inject_section(ConfigSectionContext(pipeline_name="shop", sections=("load",))):
        config = pipeline._get_destination_clients(dlt.Schema("s"))[0].config
    return {
        "type": config.destination_type,
        "path": os.path.relpath(config.credentials.database),
        "create_indexes": config.create_indexes,
        "replace_strategy": config.replace_strategy or "truncate-and-insert",
        "staging": config.staging_dataset_name_layout,
        "normalized": config.enable_dataset_name_normalization,
    }


def pipeline(case):
    # None given is not the same as nothing given: dlt takes it for a value
    given = {key: case[key] for key in ("dataset_name",) if key in case}
    made = dlt.pipeline("shop", destination="duckdb", **given)
    return {"dataset_name": made.dataset_name, "refresh": made.refresh}


def nesting(case):
    with inject_section(ConfigSectionContext(pipeline_name="shop", sections=("extract",))):
        schema = dlt.Schema("api")
    return {"max_nesting": (schema._normalizers_config["json"].get("config") or {}).get("max_nesting")}


KINDS = {
    "auth": auth_fields, "sql": sql_credentials, "destination": destination, "pipeline": pipeline, "nesting": nesting,
}


def run(case):
    with tempfile.TemporaryDirectory() as folder:
        project, everyone = Path(folder, "project"), Path(folder, "global")
        (project / ".dlt").mkdir(parents=True)
        everyone.mkdir()
        files = case.get("files", {})
        for name, text in files.items():
            (everyone / name[len("global/"):] if name.startswith("global/") else project / ".dlt" / name).write_text(text)
        os.chdir(project)
        before = dict(os.environ)
        os.environ.update(case.get("env", {}), DLT_DATA_DIR=str(Path(folder, "data")))
        try:
            context = Container()[PluggableRunContext]
            context.context._global_dir = str(everyone)
            context.reload_providers()
            if case["kind"] in ("auth", "sql"):
                dlt.pipeline("shop")
            return {"value": KINDS[case["kind"]](case)}
        except Exception as error:
            while error.__cause__ is not None and "Wrong" not in type(error).__name__:
                error = error.__cause__
            return {"error": type(error).__name__}
        finally:
            os.environ.clear()
            os.environ.update(before)
            os.chdir("/")


json.dump([run(case) for case in json.load(sys.stdin)], sys.stdout)
