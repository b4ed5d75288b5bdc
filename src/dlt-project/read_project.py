"""
What a folder of dlt programs says without running it: pipelines, their sources and runs, as JSON on stdout.
Files are parsed with `ast`; what is not plain is told with file and line.
"""
import ast
import json
import os
import sys

from plain_programs import SOURCES, Names, NotPlain, Strict, is_main_guard, said
from static_values import Dynamic, Scope, Values, called, dotted, text_of

REST_ARGUMENTS = ["config", "name", "section", "max_table_nesting", "root_key", "schema", "schema_contract", "parallelized"]
DATABASE_ARGUMENTS = ["credentials", "schema", "metadata", "table_names", "chunk_size", "backend"]
TABLE_ARGUMENTS = ["credentials", "table", "schema", "metadata", "incremental", "chunk_size", "backend"]
PIPELINE_ARGUMENTS = ["pipeline_name", "pipelines_dir", "pipeline_salt", "destination", "staging", "dataset_name"]
SKIPPED = {"node_modules", "__pycache__", "venv", "env", "site-packages"}
ARGUMENTS = {
    "rest_api_source": ("rest_api", REST_ARGUMENTS),
    "rest_api_resources": ("rest_api", ["config"]),
    "sql_database": ("sql_database", DATABASE_ARGUMENTS),
    "sql_table": ("sql_table", TABLE_ARGUMENTS),
}


class Reader:
    """
    Every `.run(...)` of a file. A program that is understood wholly gives native sources; where a single thing is not,
    the run is one that Python has to do, with the reasons.
    """

    def __init__(self, path, name):
        self.name = name
        self.problems = []
        self.runs = []
        self.found_sources = set()
        self.used_sources = set()
        with open(path, "rb") as file:
            self.tree = ast.parse(file.read(), name)
        self.module = Scope(self.tree.body)
        self.functions = {
            node.name: node for node in self.tree.body if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        }
        self.folder = os.path.dirname(os.path.abspath(path))
        self.names = Names(self.tree, self.folder)
        self._follow()
        self.strict = Strict(self.tree, self.names, self.functions)
        self.values = Values(self.tell, self.functions, self.names)

    def _follow(self):
        """Plain values that come from another file of the project."""
        for name, (_, path) in self.names.foreign.items():
            module, _, wanted = path.rpartition(".")
            other = os.path.join(self.folder, *module.split(".")) + ".py"
            if not module or not os.path.isfile(other):
                continue
            try:
                with open(other, "rb") as file:
                    scope = Scope(ast.parse(file.read(), other).body)
            except (SyntaxError, ValueError):
                continue
            places = scope.places.get(wanted, [])
            if len(places) == 1 and isinstance(places[0][1], (ast.Constant, ast.List, ast.Dict)):
                self.module.given[name] = (places[0][1], scope)

    def tell(self, node, what):
        problem = {"file": self.name, "line": getattr(node, "lineno", 1), "what": what}
        if problem not in self.problems:
            self.problems.append(problem)

    def _told(self, work):
        """What `work` gives, and what it told, which then counts for one run and not for the file."""
        before, self.problems = self.problems, []
        try:
            return work(), self.problems
        finally:
            self.problems = before

    def read(self):
        scopes = [(self.tree.body, self.module, None)]
        for one in self.functions.values():
            scopes.append((one.body, Scope(one.body, self.module, self._defaults(one)), one))
        for body, scope, function in scopes:
            for node in self._nodes(body):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "run":
                    self._run(node, scope, function)
                if self._source_name(node):
                    self.found_sources.add((node.lineno, called(node)))
        self._elsewhere()
        if not self.runs:
            for line, name in sorted(self.found_sources - self.used_sources):
                place = ast.Constant(None)
                place.lineno = line
                self.tell(place, "`%s` is not given to a `.run(...)` that can be followed" % name)
        self._places()

    def _source_name(self, node):
        return SOURCES.get(self.names.resolved(node.func)) if isinstance(node, ast.Call) else None

    def _elsewhere(self):
        """Runs inside of classes and functions of functions, which nobody can start by name."""
        seen = {run["node"] for run in self.runs}
        for outer in ast.walk(self.tree):
            if not isinstance(outer, (ast.FunctionDef, ast.AsyncFunctionDef)) or outer in self.functions.values():
                continue
            for node in ast.walk(outer):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "run" and node not in seen:
                    if "pipeline" in dotted(node.func.value).lower():
                        self.tell(node, "`%s` inside of `%s`: run the program itself, `tidemark run %s`" % (dotted(node.func), outer.name, self.name))

    def _places(self):
        """How each run is reached when Python does it: by the program, or by one of its functions; and which one it is."""
        groups = {}
        for run in self.runs:
            function = run.pop("function")
            run["place"] = {"program": self.name}
            if function is not None and not self._is_called(function.name):
                if required(function):
                    run["unreachable"] = "function `%s` needs arguments, and nothing in the file calls it" % function.name
                run["place"]["function"] = function.name
            key = (str(run["pipeline"].get("pipeline_name")), run["place"].get("function"))
            groups.setdefault(key, []).append((run, function))
        for group in groups.values():
            nodes = {run["node"] for run, _ in group}
            if len(nodes) == 1:
                if self._repeats(next(iter(nodes))):
                    for run, _ in group:
                        run["several"] = True
                continue
            order = sorted(nodes, key=lambda node: node.lineno)
            straight = len({function for _, function in group}) == 1 and not any(self._repeats(node) for node in order)
            for run, function in group:
                if straight and (function is None or "function" in run["place"]):
                    run["place"]["run"] = order.index(run["node"]) + 1
                else:
                    run["several"] = True
        for run in self.runs:
            del run["node"]

    def _is_called(self, name):
        """By the program's own body, or by a function of it that is."""
        seen, waiting = set(), [node for one in self.tree.body if not isinstance(one, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) for node in ast.walk(one)]
        while waiting:
            node = waiting.pop()
            if isinstance(node, ast.Name) and node.id in self.functions and node.id not in seen:
                seen.add(node.id)
                waiting.extend(ast.walk(self.functions[node.id]))
        return name in seen

    def _repeats(self, wanted):
        """Inside of a loop or a branch: how often it runs is known only then."""
        for node in ast.walk(self.tree):
            if isinstance(node, (ast.For, ast.AsyncFor, ast.While, ast.Try, ast.ListComp)) or (isinstance(node, ast.If) and not is_main_guard(node.test)):
                if any(one is wanted for one in ast.walk(node)):
                    return True
        return False

    def _nodes(self, body):
        """All nodes of a body, without those of functions and classes inside."""
        stack = list(reversed(body))
        while stack:
            node = stack.pop()
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                continue
            yield node
            stack.extend(reversed(list(ast.iter_child_nodes(node))))

    def _defaults(self, function):
        """Parameters: those without a default hide names of the file, and stand for nothing that is known."""
        arguments = function.args
        named = arguments.posonlyargs + arguments.args
        everything = named + arguments.kwonlyargs + [one for one in (arguments.vararg, arguments.kwarg) if one]
        given = {one.arg: None for one in everything}
        pairs = list(zip(named[len(named) - len(arguments.defaults):], arguments.defaults))
        pairs += [(one, default) for one, default in zip(arguments.kwonlyargs, arguments.kw_defaults) if default]
        given.update({one.arg: (default, self.module) for one, default in pairs})
        return given

    def _inner_config(self, function):
        calls = [node for node in self._nodes(function.body) if self._source_name(node) == "rest_api_resources"]
        return calls[0] if len(calls) == 1 else None

    def _run(self, node, scope, function):
        pipeline, about_pipeline = self._told(lambda: self._pipeline(node.func.value, scope))
        if pipeline is None:
            if self.names.resolved(node.func) == "dlt.run":
                pipeline, about_pipeline = {}, []
            else:
                if "pipeline" in dotted(node.func.value).lower():
                    self.tell(node, "`%s`: the pipeline is made where it cannot be followed; run the program itself, `tidemark run %s`" % (dotted(node.func), self.name))
                return
        (options, sources), about_run = self._told(lambda: self._options_and_sources(node, scope))
        reasons = [*about_pipeline, *about_run]
        try:
            self.strict.check(function)
            if function is not None and [one for one in self._defaults(function) if self._is_called(function.name)]:
                raise NotPlain(function, "`%s` has parameters" % function.name)
        except NotPlain as why:
            reasons.insert(0, {"file": self.name, "line": getattr(why.node, "lineno", node.lineno), "what": str(why)})
        common = {
            "file": self.name, "line": node.lineno, "node": node, "function": function,
            "pipeline": pipeline, "options": options,
        }
        if not sources and not reasons:
            reasons.append({"file": self.name, "line": node.lineno, "what": "run: data that is made at run time"})
        for source in sources if not reasons else [None]:
            self.runs.append({**common, "source": source, "reasons": reasons})

    def _options_and_sources(self, node, scope):
        options = {}
        data = node.args[0] if node.args else None
        for keyword in node.keywords:
            if keyword.arg == "data":
                data = keyword.value
            elif keyword.arg == "destination":
                options["destination"] = self._destination(keyword.value, scope)
            elif keyword.arg is not None:
                taken, value = self.values.part(keyword.value, scope, keyword.arg)
                if taken:
                    options[keyword.arg] = value
                else:
                    options.setdefault("unknown", []).append(keyword.arg)
        return options, self._sources(data, scope)

    def _pipeline(self, node, scope):
        """Arguments of the `dlt.pipeline(...)` that an expression stands for."""
        for _ in range(20):
            if isinstance(node, ast.Name):
                try:
                    node, scope = scope.find(node)
                except Dynamic:
                    return None
            else:
                break
        if not (isinstance(node, ast.Call) and self.names.resolved(node.func) in ("dlt.pipeline", "dlt.pipeline.pipeline")):
            return None
        made = {}
        for i, one in enumerate(node.args):
            if i < len(PIPELINE_ARGUMENTS):
                self._argument(made, PIPELINE_ARGUMENTS[i], one, scope)
        for keyword in node.keywords:
            if keyword.arg is not None:
                self._argument(made, keyword.arg, keyword.value, scope)
        return made

    def _argument(self, made, name, node, scope):
        if name == "progress":
            return
        if name == "destination":
            made[name] = self._destination(node, scope)
            return
        taken, value = self.values.part(node, scope, name)
        if taken:
            made[name] = value
        else:
            made.setdefault("unknown", []).append(name)

    def _destination(self, node, scope):
        if isinstance(node, ast.Name):
            try:
                node, scope = scope.find(node)
            except Dynamic:
                pass
        full = self.names.resolved(node.func if isinstance(node, ast.Call) else node)
        if full.startswith("dlt.destinations."):
            name = full.split(".")[-1]
            if not isinstance(node, ast.Call):
                return {"destination_type": name}
            first = {"destination": "destination_name", "duckdb": "credentials"}.get(name, "credentials")
            given, about = self._told(lambda: self.values.arguments(node, scope, [first]))
            if about:
                self.problems.extend(one for one in about if one not in self.problems)
                return {"unknown": node.lineno}
            return given if name == "destination" else {"destination_type": name, **given}
        taken, value = self.values.part(node, scope, "destination")
        if taken and isinstance(value, str):
            return {"destination_type": value}
        return {"unknown": getattr(node, "lineno", 1)}

    def _sources(self, node, scope, selected=None):
        """Every source that an expression of `.run(...)` hands over."""
        if node is None:
            return []
        if isinstance(node, ast.Name):
            try:
                found, where = scope.find(node)
            except Dynamic as why:
                self.tell(why.node, "run: %s" % why)
                return []
            sources = self._sources(found, where, selected)
            hints = self._hints(node, where)
            for one in sources:
                one.setdefault("hints", {}).update(hints)
            return sources
        if isinstance(node, (ast.List, ast.Tuple)):
            return [one for item in node.elts for one in self._sources(item, scope, selected)]
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Attribute) and node.func.attr == "with_resources":
                names = [text_of(one) for one in node.args]
                if None in names:
                    self.tell(node, "with_resources: names that are known only at run time")
                    names = None
                return self._sources(node.func.value, scope, names)
            if self._source_name(node):
                return self._source(node, scope, selected, None)
            if isinstance(node.func, ast.Name) and node.func.id in self.functions:
                return self._own_source(node, scope, selected)
        self.tell(node, "run: %s is made at run time" % said(node))
        return []

    def _source(self, node, scope, selected, own):
        call = self._source_name(node)
        kind, positional = ARGUMENTS[call]
        self.used_sources.add((node.lineno, called(node)))
        made = {"kind": kind, "call": call, "line": node.lineno, "arguments": {}}
        made["arguments"] = self.values.arguments(node, scope, positional)
        if selected is not None:
            made["selected"] = selected
        if own is not None:
            made["own"] = own
        return [made]

    def _own_source(self, node, scope, selected):
        """A function with `@dlt.source` whose only work is a REST config."""
        function = self.functions[node.func.id]
        inner = self._inner_config(function)
        if inner is None or not function.decorator_list:
            self.tell(node, "run: `%s` is a function" % node.func.id)
            return []
        own = {"name": function.name, "section": os.path.splitext(os.path.basename(self.name))[0]}
        for decorator in function.decorator_list:
            for keyword in decorator.keywords if isinstance(decorator, ast.Call) else []:
                if keyword.arg not in ("name", "section", "max_table_nesting", "root_key", "schema_contract"):
                    self.tell(decorator, "the argument %s of @dlt.source" % keyword.arg)
                    continue
                taken, value = self.values.part(keyword.value, self.module, keyword.arg)
                if taken and value is not None:
                    own[keyword.arg] = value
            if isinstance(decorator, ast.Call) and decorator.args:
                self.tell(decorator, "an argument of @dlt.source without a name")
        given = self._defaults(function)
        for key, pair in list(given.items()):
            if pair is None:
                continue
            default, where = pair
            kind = dotted(default)
            if kind in ("dlt.secrets.value", "dlt.config.value"):
                wanted = "wanted_secret" if kind == "dlt.secrets.value" else "wanted_config"
                given[key] = (ast.Dict([ast.Constant(wanted)], [ast.Constant(key)]), where)
        names = [one.arg for one in function.args.args]
        for i, one in enumerate(node.args):
            if i < len(names):
                given[names[i]] = (one, scope)
        for keyword in node.keywords:
            if keyword.arg is not None:
                given[keyword.arg] = (keyword.value, scope)
        inner_scope = Scope(function.body, self.module, given)
        return self._source(inner, inner_scope, selected, own)

    def _hints(self, name, scope):
        """
        `source.resource.apply_hints(...)` and `source.resources["resource"].apply_hints(...)` between where the variable
        is set and where it is used.
        """
        found = {}
        begun = max((line for line, _, _ in scope.places.get(name.id, []) if line <= name.lineno), default=0)
        for node in self._nodes(scope.body):
            if not (isinstance(node, ast.Call) and called(node) == "apply_hints"):
                continue
            variable, resource = hinted(node.func.value)
            if variable not in (name.id, None):
                continue
            if resource is None:
                self.tell(node, "apply_hints: the resource is known only at run time")
            elif begun <= node.lineno <= name.lineno:
                if self._repeats(node):
                    self.tell(node, "apply_hints in a loop or a branch")
                hints = self.values.arguments(node, scope, [])
                for keyword in node.keywords:
                    if keyword.arg is None:
                        self.tell(node, "apply_hints with **")
                found.setdefault(resource, {}).update(hints)
        return found


def hinted(of):
    if isinstance(of, ast.Attribute) and isinstance(of.value, ast.Name):
        return of.value.id, of.attr
    if isinstance(of, ast.Subscript) and isinstance(of.value, ast.Attribute) and of.value.attr == "resources":
        key = of.slice.value if isinstance(of.slice, ast.Index) else of.slice
        return dotted(of.value.value) or None, text_of(key)
    return dotted(of) or None, None


def required(function):
    arguments = function.args
    named = len(arguments.posonlyargs) + len(arguments.args) - len(arguments.defaults)
    return named + sum(one is None for one in arguments.kw_defaults) > 0


def python_files(folder):
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(one for one in folders if not one.startswith(".") and one not in SKIPPED)
        for name in sorted(files):
            if name.endswith(".py"):
                yield os.path.join(place, name)


def main(folder):
    runs, problems = [], []
    for path in python_files(folder):
        name = os.path.relpath(path, folder)
        try:
            reader = Reader(path, name)
        except (SyntaxError, ValueError) as error:
            line = getattr(error, "lineno", None) or 1
            what = "Python %d.%d cannot read this line (%s): run `tidemark import` with a newer Python first on the PATH" % (
                sys.version_info[0], sys.version_info[1], getattr(error, "msg", None) or error,
            )
            problems.append({"file": name, "line": line, "what": what})
            continue
        reader.read()
        runs += reader.runs
        problems += reader.problems
    json.dump({"runs": runs, "problems": problems}, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1])
