"""What a source says of itself: names, parents, dispositions, cursors. Nothing is extracted."""
import inspect

LAST_VALUE = {"max": "max", "min": "min"}


def described(source):
    selected = set(source.resources.selected.keys())
    by_pipe = {id(one._pipe): name for name, one in source.resources.items()}
    return {
        "name": source.name,
        "section": source.section,
        "resources": [
            described_resource(name, one, name in selected, by_pipe) for name, one in source.resources.items()
        ],
    }


def described_resource(name, resource, selected, by_pipe):
    found = {"name": name, "selected": selected}
    parent = getattr(resource._pipe, "parent", None)
    if parent is not None:
        found["parent"] = by_pipe.get(id(parent)) or getattr(parent, "name", None)
    hint = resource.write_disposition
    if isinstance(hint, str):
        found["disposition"] = hint
    elif isinstance(hint, dict):
        found["disposition"] = hint.get("disposition", "append")
        if hint.get("strategy"):
            found["strategy"] = hint["strategy"]
        if hint.get("destination_scope"):
            found["has_scope"] = True
    if has_merge_key(resource):
        found["has_merge_key"] = True
    cursor = cursor_of(resource)
    if cursor is not None:
        found.update(cursor)
    return found


def has_merge_key(resource):
    hints = getattr(resource, "_hints", None) or {}
    return bool(hints.get("merge_key"))


def cursor_of(resource):
    incremental = incremental_of(resource)
    path = getattr(incremental, "cursor_path", None)
    if not isinstance(path, str):
        return None
    cursor = {"cursor_path": path}
    function = getattr(incremental, "last_value_func", None)
    name = getattr(function, "__name__", None)
    if name in LAST_VALUE:
        cursor["last_value_func"] = name
    initial = getattr(incremental, "initial_value", None)
    if initial is not None:
        cursor["initial_type"] = cursor_type(initial)
    return cursor


def incremental_of(resource):
    """An incremental set by a hint, or the default of the function's argument, which dlt binds when it is called."""
    step = resource.incremental
    inner = getattr(step, "incremental", None) if not hasattr(step, "cursor_path") else step
    if inner is not None:
        return inner
    try:
        from dlt.extract.incremental import Incremental

        for parameter in inspect.signature(resource._pipe.gen).parameters.values():
            if isinstance(parameter.default, Incremental):
                return parameter.default
        # dlt binds a copy of the function whose defaults are hidden behind its wrapper
        wrapped = getattr(resource._pipe.gen, "__wrapped__", None)
        for parameter in inspect.signature(wrapped).parameters.values() if wrapped else ():
            if isinstance(parameter.default, Incremental):
                return parameter.default
    except (TypeError, ValueError, AttributeError):
        pass
    return None


def cursor_type(value):
    import datetime

    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return "bigint"
    if isinstance(value, float):
        return "double"
    if isinstance(value, datetime.datetime):
        return "timestamp"
    if isinstance(value, datetime.date):
        return "date"
    return "text" if isinstance(value, str) else None
