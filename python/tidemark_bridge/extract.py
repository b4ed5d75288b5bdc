"""Lets dlt extract a source into a working folder that the worker has filled with the pipeline's state and schemas."""
import os

from .events import Progress, send
from .failures import Failed

# Written by dlt for what it extracted itself: rows as typed JSON lists, tables of Arrow as parquet.
ROWS = ("typed-jsonl", "puae-jsonl")


def extract(request, source, pipeline=None, method=None):
    """`method`: dlt's own `Pipeline.extract`, where a program's calls of it are taken over."""
    pipeline = pipeline or make_pipeline(request)
    apply_hints(source, request.get("resource_hints") or {})
    if request.get("range"):
        set_range(source, request["range"])
    take_load_id(request["load_id"])
    info = (method or type(pipeline).extract)(pipeline, source, **(request.get("run") or {}))
    hand_over(pipeline, info, source.name)


def make_pipeline(request):
    import dlt

    wanted = request["pipeline"]
    return dlt.pipeline(
        pipeline_name=wanted["pipeline_name"],
        pipelines_dir=request["folder"],
        destination=make_destination(wanted["destination"]),
        dataset_name=wanted["dataset_name"],
        progress=make_collector(),
    )


def make_destination(wanted):
    """Only its capabilities are asked for: names, types and merge strategies. It is never connected to."""
    import dlt

    factory = getattr(dlt.destinations, wanted["type"], None)
    limits = {key: wanted[key] for key in ("max_identifier_length", "max_column_identifier_length") if key in wanted}
    try:
        destination = factory(**limits)
        destination.capabilities()
        return destination
    except Exception:
        # The project may not have the destination's own packages: dlt's plain one stands in, with the same limits.
        limits.setdefault("max_identifier_length", wanted["names"])
        limits.setdefault("max_column_identifier_length", wanted["names"])
        return dlt.destinations.dummy(**limits)


def make_collector():
    from dlt.common.runtime.collector import Collector

    progress = Progress()

    class Told(Collector):
        def update(self, name, inc=1, *args, **kwargs):
            if name != "Resources" and inc:
                progress.count(name, inc)

        def _start(self, step):
            pass

        def _stop(self):
            pass

    return Told()


def take_load_id(load_id):
    """Rows that carry dlt's load id (Arrow tables can) carry the one they are loaded with."""
    import dlt.extract.storage as storage

    if hasattr(storage, "create_load_id"):
        storage.create_load_id = lambda: load_id


def apply_hints(source, hints):
    import dlt

    for name, given in hints.items():
        if name not in source.resources:
            known = ", ".join(sorted(source.resources.keys()))
            raise Failed("arguments", "resource_hints name a resource `%s` that the source does not have; it has: %s." % (name, known))
        given = dict(given)
        nesting = given.pop("max_table_nesting", None)
        cursor = given.pop("incremental", None)
        if cursor is not None:
            given["incremental"] = make_incremental(cursor)
        resource = source.resources[name]
        resource.apply_hints(**given)
        if nesting is not None:
            resource.max_table_nesting = nesting


def make_incremental(given):
    import dlt

    given = dict(given)
    function = given.pop("last_value_func", None)
    if function is not None:
        given["last_value_func"] = min if function == "min" else max
    return dlt.sources.incremental(**given)


def set_range(source, wanted):
    """A backfill: the resource's own cursor over another range. With an end, dlt leaves the stored cursor alone."""
    from .describe import incremental_of

    resource = source.resources[wanted["resource"]]
    own = incremental_of(resource)
    if own is None:
        raise Failed("arguments", "Resource `%s` has no incremental, so it cannot be asked for a range." % wanted["resource"])
    like = own.initial_value if own.initial_value is not None else wanted.get("last_value")
    begin, end = (as_cursor(wanted.get(key), like) for key in ("from", "to"))
    ranged = own.copy() if hasattr(own, "copy") else own
    ranged.initial_value = begin
    ranged.end_value = end
    resource.apply_hints(incremental=ranged)


def as_cursor(value, like):
    """The bound in the type of the cursor; text stays text where the cursor is text."""
    import datetime

    if value is None or not isinstance(value, str) or like is None or isinstance(like, str):
        return value
    from dlt.common.time import ensure_pendulum_date, ensure_pendulum_datetime

    if isinstance(like, datetime.datetime):
        return ensure_pendulum_datetime(value)
    if isinstance(like, datetime.date):
        return ensure_pendulum_date(value)
    return type(like)(value)


def hand_over(pipeline, info, name):
    """Names the files of the extracted packages. Their formats are dlt's own, and read by the worker."""
    packages = []
    base = os.path.join(pipeline.working_dir, "normalize", "extracted")
    for load_id in info.loads_ids:
        folder = os.path.join(base, load_id)
        if os.path.isdir(folder):
            packages.append({"folder": folder, "files": files_of(os.path.join(folder, "new_jobs"))})
    state = os.path.join(pipeline.working_dir, "state.json")
    # As normalize takes it up.
    schema = next((s for s in (os.path.join(p["folder"], "schema.json") for p in packages) if os.path.isfile(s)), None)
    if schema is None:
        schema = os.path.join(pipeline.working_dir, "schemas", "%s.schema.json" % name)
    send("extracted", name=name, packages=packages, state=state, schema=schema)


def files_of(folder):
    return [file_of(os.path.join(folder, name)) for name in sorted(os.listdir(folder))]


def file_of(path):
    name = os.path.basename(path)
    if name.endswith(".gz"):
        name = name[:-3]
    table, _, _, kind = name.split(".", 3)
    found = {"table": table, "path": path, "bytes": os.path.getsize(path)}
    if kind == "parquet":
        import pyarrow.parquet

        metadata = pyarrow.parquet.ParquetFile(path)
        return {**found, "format": "parquet", "rows": metadata.metadata.num_rows, "columns": metadata.schema_arrow.names}
    if kind in ROWS:
        return {**found, "format": "lists"}
    return {**found, "format": kind}
