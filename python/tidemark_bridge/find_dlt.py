"""The right `dlt`. On Databricks' compute a hook first in `sys.meta_path` answers `import dlt` with Lakeflow's module."""
import importlib
import importlib.machinery
import importlib.util
import os
import sys

from .events import send
from .failures import Failed

OLDEST = (1, 10)
TESTED = ((1, 31),)


def find():
    """Imports dlt and says which one it is. Raises Failed of kind `no_dlt` or `dlt_version`."""
    module, why = imported()
    if not is_dlthub(module):
        module = around_hooks(module, why)
    version = version_of(module)
    numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
    if numbers < OLDEST:
        raise Failed(
            "dlt_version",
            "The project's Python has dlt %s, and dlt %d.%d or later is needed: pip install -U dlt." % (version, *OLDEST),
        )
    send("dlt", version=version, python=sys.version.split()[0], executable=sys.executable)
    if numbers not in TESTED:
        tested = ", ".join("%d.%d" % one for one in TESTED)
        send("note", text="dlt %s is not among the versions tried with Tidemark (%s); it is used all the same" % (version, tested))
    return module


def imported():
    try:
        return importlib.import_module("dlt"), None
    except ImportError as error:
        return None, str(error)


def is_dlthub(module):
    """Lakeflow's module has tables and views; dlthub's has pipelines, sources and resources."""
    return module is not None and all(hasattr(module, name) for name in ("pipeline", "source", "resource", "secrets"))


def version_of(module):
    version = getattr(module, "__version__", None)
    if isinstance(version, str):
        return version
    from importlib.metadata import version as installed

    return installed("dlt")


def around_hooks(other, why):
    place = installed_place()
    if place is None:
        if other is None:
            raise Failed("no_dlt", "The project's Python (%s) has no dlt: %s." % (sys.executable, why))
        raise Failed(
            "no_dlt",
            "`import dlt` gives %s, which is not dlthub's dlt, and dlthub's is not installed in the project's Python (%s): pip install dlt."
            % (said_of(other), sys.executable),
        )
    for name in [name for name in sys.modules if name == "dlt" or name.startswith("dlt.")]:
        del sys.modules[name]
    sys.meta_path.insert(0, OnlyDlthub(place))
    module = importlib.import_module("dlt")
    hook = next((finder_name(one) for one in sys.meta_path[1:] if answers(one)), "an import hook")
    send(
        "note",
        text="`import dlt` gave %s by %s (Lakeflow's module of the same name); dlthub's dlt of %s is used instead, in this process only"
        % (said_of(other), hook, os.path.join(place, "dlt")),
    )
    return module


class OnlyDlthub:
    """A finder for `dlt` and what is below it, from the folder where dlthub's package lies."""

    def __init__(self, place):
        self._place = place

    def find_spec(self, name, path=None, target=None):
        if name == "dlt":
            return importlib.machinery.PathFinder.find_spec(name, [self._place])
        if name.startswith("dlt."):
            return importlib.machinery.PathFinder.find_spec(name, path)
        return None


def installed_place():
    for folder in sys.path:
        package = os.path.join(folder or os.getcwd(), "dlt")
        if os.path.isfile(os.path.join(package, "__init__.py")) and os.path.isdir(os.path.join(package, "extract")):
            return folder or os.getcwd()
    return None


def said_of(module):
    return "a module without a file" if getattr(module, "__file__", None) is None else str(module.__file__)


def finder_name(finder):
    return finder.__name__ if isinstance(finder, type) else type(finder).__name__


def answers(finder):
    if finder in (importlib.machinery.PathFinder, importlib.machinery.BuiltinImporter, importlib.machinery.FrozenImporter):
        return False
    try:
        return finder.find_spec("dlt", None) is not None
    except Exception:
        return False
