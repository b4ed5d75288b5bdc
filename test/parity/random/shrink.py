"""Makes a failing plan smaller: takes parts away as long as it still fails. Greedy, from large parts to small ones,
until nothing can go or the time is over."""
import copy
import json
import time


def shrink(plan, fails, seconds):
    deadline = time.time() + seconds
    changed = True
    while changed:
        changed = False
        for candidate in _smaller(plan):
            if time.time() > deadline:
                return plan
            if fails(candidate):
                plan, changed = candidate, True
                break
    return plan


def _without(plan, change):
    made = copy.deepcopy(plan)
    change(made)
    return made


def _smaller(plan):
    phases = plan["phases"]
    for i in reversed(range(len(phases))):
        if len(phases) > 1:
            yield _without(plan, lambda p, i=i: p["phases"].pop(i))
    names = [r["name"] for r in phases[0]["resources"]]
    if len(names) > 1:
        for name in names:
            yield _without(plan, lambda p, name=name: _drop_resource(p, name))
    yield from _fewer_rows(plan)
    yield from _fewer_keys(plan)
    yield from _fewer_options(plan)


def _drop_resource(plan, name):
    for phase in plan["phases"]:
        phase["resources"] = [r for r in phase["resources"] if r["name"] != name]
        del phase["rows"][name]
        if phase.get("apply_hints"):
            phase["apply_hints"].pop(name, None)


def _fewer_rows(plan):
    for i, phase in enumerate(plan["phases"]):
        for name, rows in phase["rows"].items():
            size = len(rows)
            while size >= 1:
                for start in range(0, len(rows), size):
                    yield _without(plan, lambda p, a=(i, name, start, size): _cut_rows(p, *a))
                size //= 2


def _cut_rows(plan, i, name, start, size):
    rows = plan["phases"][i]["rows"][name]
    del rows[start : start + size]


def _paths(value, path=()):
    if isinstance(value, dict):
        for key, inner in value.items():
            yield (*path, key)
            yield from _paths(inner, (*path, key))
    elif isinstance(value, list):
        for inner in value:
            yield from _paths(inner, (*path, "[]"))


def _cut_path(value, path):
    if isinstance(value, list) and path[0] == "[]":
        for inner in value:
            _cut_path(inner, path[1:])
    elif isinstance(value, dict):
        if len(path) == 1:
            value.pop(path[0], None)
        elif path[0] in value:
            _cut_path(value[path[0]], path[1:])


def _fewer_keys(plan):
    for name in plan["phases"][0]["rows"]:
        found = {p for phase in plan["phases"] for row in phase["rows"][name] for p in _paths(row)}
        for path in sorted(found, key=lambda p: (len(p), json.dumps(p))):
            def change(p, name=name, path=path):
                for phase in p["phases"]:
                    for row in phase["rows"][name]:
                        _cut_path(row, path)
            yield _without(plan, change)


def _fewer_options(plan):
    for key in ("run_args", "destination_args", "apply_hints", "fresh_workdir"):
        if any(phase.get(key) for phase in plan["phases"]):
            def clear(p, key=key):
                for phase in p["phases"]:
                    phase[key] = None
            yield _without(plan, clear)
    for key in list(plan["phases"][0]["source_args"]):
        if key != "name":
            def drop(p, key=key):
                for phase in p["phases"]:
                    phase["source_args"].pop(key, None)
            yield _without(plan, drop)
    found = []
    for phase in plan["phases"]:
        for n, resource in enumerate(phase["resources"]):
            found += [(n, *path) for path in _paths(resource) if path not in (("name",), ("endpoint",), ("endpoint", "path"))]
    for n, *path in dict.fromkeys(found):
        def cut(p, n=n, path=path):
            for phase in p["phases"]:
                if n < len(phase["resources"]):
                    _cut_path(phase["resources"][n], tuple(path))
        yield _without(plan, cut)
