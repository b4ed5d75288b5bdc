"""From a module of the project to a source: the module is imported, its function is called with the spec's arguments."""
import difflib
import importlib
import importlib.util
import os
import sys

from .failures import Failed, project_frames


def load_module(name, project):
    """A dotted name, or the path of a file, which gets the name it would have as an import."""
    if not name.endswith(".py"):
        return importlib.import_module(name)
    path = os.path.abspath(os.path.join(project, name))
    if not os.path.isfile(path):
        raise Failed("no_module", "There is no file %s in %s." % (name, project))
    folder, dotted = module_name(path)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    if all(part.isidentifier() for part in dotted.split(".")):
        module = importlib.import_module(dotted)
        if os.path.realpath(getattr(module, "__file__", None) or "") == os.path.realpath(path):
            return module
    # Another module has that name already, or it is none (a file `my-pipeline.py`).
    spec = importlib.util.spec_from_file_location(dotted.split(".")[-1], path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def module_name(path):
    """A file in packages is imported from above the outermost one."""
    folder, file = os.path.split(path)
    parts = [] if file == "__init__.py" else [file[:-3]]
    while os.path.isfile(os.path.join(folder, "__init__.py")):
        folder, package = os.path.split(folder)
        parts.insert(0, package)
    return folder, ".".join(parts)


def load_source(request, project):
    """A dlt source, bare resources in one as dlt would put them. Raises Failed."""
    from dlt.extract import DltResource, DltSource

    module = load_module(request["module"], project)
    made = make(module, request, project)
    if isinstance(made, DltSource):
        source = made
    else:
        resources = made if isinstance(made, (list, tuple)) else [made]
        if not resources or not all(isinstance(one, DltResource) for one in resources):
            raise not_a_source(request["source"], module, made)
        source = source_of(request, list(resources))
    return settled(source, request)


def settled(source, request):
    """The source as the spec wants it: its name is checked, its settings are set, its resources chosen."""
    if request.get("name"):
        require_name(source, request["name"])
    for key in ("max_table_nesting", "root_key", "schema_contract"):
        if request.get(key) is not None:
            setattr(source, key, request[key])
    wanted = request.get("resources")
    if wanted is not None:
        known = list(source.resources.keys())
        missing = [name for name in wanted if name not in known]
        if missing:
            raise Failed("arguments", "The source has no resource %s; it has: %s." % (listed(missing), listed(known)))
        source = source.with_resources(*wanted)
    return source


def make(module, request, project):
    name = request["source"]
    args = request.get("args") or {}
    made = module
    for part in name.split("."):
        if not hasattr(made, part):
            names = [one for one in vars(module) if not one.startswith("_")]
            near = difflib.get_close_matches(name, names, 1)
            hint = "; did you mean `%s`?" % near[0] if near else "."
            raise Failed("no_source", "Module %s has no `%s`%s" % (request["module"], name, hint))
        made = getattr(made, part)
    from dlt.extract import DltResource, DltSource

    if isinstance(made, DltSource) or (isinstance(made, DltResource) and not args):
        return made
    if not callable(made):
        raise not_a_source(name, module, made)
    try:
        return made(**args)
    except TypeError as error:
        # Raised by the call, not inside of the function.
        if not project_frames(error, project):
            raise Failed("arguments", "`%s` cannot be called with %s: %s" % (name, listed(args) or "no arguments", error))
        raise


def source_of(request, resources):
    """Bare resources: dlt puts them into a source whose schema is named after the pipeline."""
    from dlt.common.schema import Schema
    from dlt.extract import DltSource

    sections = {one.section for one in resources}
    section = sections.pop() if len(sections) == 1 else None
    pipeline = request["pipeline"]["pipeline_name"]
    return DltSource(Schema(request.get("name") or default_name(pipeline)), section or pipeline, resources)


def default_name(pipeline):
    try:
        from dlt.extract.utils import make_schema_with_default_name

        return make_schema_with_default_name(pipeline)
    except ImportError:
        from dlt.common.schema.utils import normalize_schema_name

        return normalize_schema_name(pipeline[: -len("_pipeline")] if pipeline.endswith("_pipeline") else pipeline)


def require_name(source, name):
    if source.name == name:
        return
    raise Failed(
        "arguments",
        "The source is called `%s` in Python, and the spec calls it `%s`. It is the name of the schema and of the stored state: leave `name` out, or write `%s`."
        % (source.name, name, source.name),
    )


def not_a_source(name, module, made):
    kind = type(made).__name__
    return Failed(
        "no_source",
        "`%s` of module %s gives %s where a dlt source or resource is needed: a function with @dlt.source or @dlt.resource, or one that returns such."
        % (name, getattr(module, "__name__", "?"), "nothing" if made is None else "a value of type %s" % kind),
    )


def listed(names):
    return ", ".join("`%s`" % name for name in names)
