"""Committed dumps, short: what every dataset of dlt has alike (the system tables) is kept once."""
import json
import os

HERE = os.path.dirname(os.path.abspath(__file__))
FOLDER = os.path.join(HERE, "expected")
ALIKE = os.path.join(FOLDER, "alike.json")
_alike = None


def alike():
    global _alike
    if _alike is None:
        with open(ALIKE) as file:
            _alike = json.load(file)
    return _alike


def _places(dump):
    """Every (object, key, kind) of a dump that may hold one of the things that are alike."""
    for phase in dump["phases"]:
        inner = phase.get("dump")
        if not inner:
            continue
        for name in list(inner["tables"]):
            yield inner["tables"], name, f"table {name}"
        for schema in inner["schemas"]:
            for name in list(schema["tables"]):
                yield schema["tables"], name, f"columns {name}"
        stored = inner["strict"].get("last_stored_schema")
        if stored:
            for name in list(stored["tables"]):
                yield stored["tables"], name, f"schema {name}"
            yield stored, "settings", "settings"


def path(section, name):
    return os.path.join(FOLDER, section, f"{name}.json")


def write(section, name, dump):
    dump = json.loads(json.dumps(dump))
    for owner, key, kind in _places(dump):
        if alike().get(kind) == owner[key]:
            owner[key] = "alike"
    os.makedirs(os.path.join(FOLDER, section), exist_ok=True)
    with open(path(section, name), "w") as file:
        json.dump(dump, file, ensure_ascii=False, indent=None, separators=(",", ":"))
        file.write("\n")


def read(section, name):
    with open(path(section, name)) as file:
        return whole(json.load(file))


def whole(dump):
    """With the parts that are alike put back."""
    for owner, key, kind in _places(dump):
        if owner[key] == "alike":
            owner[key] = json.loads(json.dumps(alike()[kind]))
    return dump
