"""
Mutants of dlt programs, one changed thing each, and what every one of them would load, as dlt itself has it.

    mutate_programs.py PROGRAMS OUT [SHARE]

PROGRAMS holds a folder per program with its pipeline.py. Each mutant becomes OUT/<program>-<number>/pipeline.py; number 0
is the program itself. Every mutant is run in a child of its own in which `Pipeline.run` only tells what it was given:
nothing is requested, nothing is loaded. JSON lines on stdout: {"at", "program", "what", "runs", "failed"}.
"""
import ast
import copy
import hashlib
import json
import os
import runpy
import shutil
import sqlite3
import sys

import dlt
import dlt.sources.rest_api  # noqa: F401 - before the children are forked
import dlt.sources.sql_database  # noqa: F401

BODIES = ("body", "orelse")


def mutants(tree):
    """(what was changed, the changed tree), the tree itself first."""
    yield "as it is", tree
    nodes = list(ast.walk(tree))
    for i, node in enumerate(nodes):
        for change in changes_of(node):
            made = copy.deepcopy(tree)
            changed = list(ast.walk(made))[i]
            what = change(changed)
            if what:
                yield "line %d: %s" % (getattr(node, "lineno", 1), what), ast.fix_missing_locations(made)


def changes_of(node):
    for field in BODIES:
        body = getattr(node, field, None)
        for at in range(len(body) if isinstance(body, list) else 0):
            yield lambda one, field=field, at=at: drop(getattr(one, field), at)
            yield lambda one, field=field, at=at: swap(getattr(one, field), at)
            yield lambda one, field=field, at=at: limit(getattr(one, field), at)
    for at in range(len(getattr(node, "decorator_list", []))):
        yield lambda one, at=at: "without " + ast.unparse(one.decorator_list.pop(at))
    for at in range(len(node.keywords) if isinstance(node, ast.Call) else 0):
        yield lambda one, at=at: "without " + ast.unparse(one.keywords.pop(at))
    for at in range(len(node.keys) if isinstance(node, ast.Dict) else 0):
        yield lambda one, at=at: drop_entry(one, at)
    if isinstance(node, ast.Constant) and isinstance(node.value, (str, int, float)):
        yield other_value


def drop(body, at):
    if isinstance(body[at], ast.Pass):
        return None
    what = "without `%s`" % ast.unparse(body[at]).split("\n")[0]
    body[at] = ast.Pass()
    return what


def swap(body, at):
    if at + 1 >= len(body):
        return None
    body[at], body[at + 1] = body[at + 1], body[at]
    return "the next statement before `%s`" % ast.unparse(body[at + 1]).split("\n")[0]


def limit(body, at):
    one = body[at]
    if not (isinstance(one, ast.Assign) and isinstance(one.targets[0], ast.Name) and isinstance(one.value, ast.Call)):
        return None
    said = "%s.add_limit(1)" % one.targets[0].id
    body.insert(at + 1, ast.parse(said).body[0])
    return "with " + said


def drop_entry(one, at):
    key = one.keys.pop(at)
    one.values.pop(at)
    return "without entry " + (ast.unparse(key) if key else "**")


def other_value(one):
    old = one.value
    one.value = not old if isinstance(old, bool) else old + "_x" if isinstance(old, str) else old + 1
    return "%r in place of %r" % (one.value, old)


def meaning(folder, runs):
    """What the program hands to `run`; in a child."""
    os.chdir(folder)
    sys.argv = ["pipeline.py"]
    sys.path.insert(0, folder)
    before, told = dict(os.environ), []

    def run(pipeline, data=None, **more):
        runs.append({
            "pipeline": pipeline.pipeline_name, "dataset": pipeline.dataset_name, "told": sorted(told), "env": changed(before),
            "destination": said(vars(pipeline.destination)) if pipeline.destination else None,
            "arguments": {name: said(vars(value) if name == "destination" and not isinstance(value, str) else value) for name, value in more.items() if value is not None},
            "data": [source(one) for one in (data if isinstance(data, (list, tuple)) else [data])],
        })

    dlt.Pipeline.run = run
    accessor = type(dlt.config).__mro__[1]
    accessor.__setitem__ = lambda self, key, value: told.append("%s=%r" % (key, value))
    runpy.run_path("pipeline.py", run_name="__main__")


def changed(before):
    return sorted("%s=%s" % item for item in os.environ.items() if before.get(item[0]) != item[1])


def source(data):
    if hasattr(data, "resources"):
        schema = data.schema.to_dict()
        return {
            "name": data.name, "section": data.section, "settings": schema.get("settings"), "nesting": data.max_table_nesting,
            "normalizers": said(schema.get("normalizers")), "root_key": data.root_key, "contract": said(data.schema_contract),
            "resources": [resource(one) for one in data.selected_resources.values()],
        }
    return resource(data) if hasattr(data, "_pipe") else said(data)


def resource(one):
    return {
        "name": one.name, "section": one.section, "arguments": said(one.explicit_args), "hints": said(one._hints),
        "steps": [said(step) for step in one._pipe.steps[1:]], "nesting": one.max_table_nesting,
        "limit": said(one.limit), "parent": one._pipe.parent.name if one._pipe.has_parent else None,
    }


def said(value, depth=0):
    """Any object as text, by what it holds and without addresses."""
    if depth > 8:
        return "…"
    if isinstance(value, dict):
        return {str(key): said(inner, depth + 1) for key, inner in value.items()}
    if isinstance(value, (list, tuple, set)):
        return [said(inner, depth + 1) for inner in value]
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    name = getattr(value, "__qualname__", None) or type(value).__qualname__
    if callable(value) or not hasattr(value, "__dict__") or type(value).__module__.startswith(("sqlalchemy", "requests", "threading")):
        return name
    return {"is": name, **{key: said(inner, depth + 1) for key, inner in vars(value).items() if not key.startswith("__")}}


def in_child(folder):
    reads, writes = os.pipe()
    child = os.fork()
    if child == 0:
        silent = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silent, 1)
        os.dup2(silent, 2)
        answer = {"runs": []}
        try:
            meaning(folder, answer["runs"])
        except BaseException as error:
            answer["failed"] = type(error).__name__
        with os.fdopen(writes, "w") as out:
            json.dump(answer, out, sort_keys=True, default=lambda one: type(one).__name__)
        os._exit(0)
    os.close(writes)
    with os.fdopen(reads) as answer:
        text = answer.read()
    os.waitpid(child, 0)
    return json.loads(text or '{"runs": [], "failed": "ended"}')


def is_chosen(program, what, share):
    return int(hashlib.sha256(("%s %s" % (program, what)).encode()).hexdigest()[:8], 16) / 0xFFFFFFFF < share


def main(programs, out, share=1.0):
    for program in sorted(os.listdir(programs)):
        path = os.path.join(programs, program, "pipeline.py")
        if not os.path.isfile(path):
            continue
        with open(path, encoding="utf-8") as file:
            text = file.read()
        try:
            tree = ast.parse(text)
        except SyntaxError:
            continue
        seen = set()
        for number, (what, made) in enumerate(mutants(tree)):
            text = ast.unparse(made) + "\n"
            if text in seen or (number > 0 and not is_chosen(program, what, share)):
                continue
            seen.add(text)
            at = "%s-%d" % (program, number)
            folder = os.path.join(out, at)
            shutil.copytree(os.path.join(programs, program), folder)
            with open(os.path.join(folder, "pipeline.py"), "w", encoding="utf-8") as file:
                file.write(text)
            database = sqlite3.connect(os.path.join(folder, "shop.db"))
            database.executescript("create table a (id integer primary key, at text); create table b (id integer primary key, name text)")
            database.close()
            print(json.dumps({"at": at, "program": program, "what": what, **in_child(folder)}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], float(sys.argv[3]) if len(sys.argv) > 3 else 1.0)
