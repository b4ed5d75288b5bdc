"""
What a folder of dlt programs says without running it: pipelines, their sources and runs, as JSON on stdout.
Files are parsed with `ast`; what is not plain is told with file and line.
"""
import ast
import json
import os
import sys

from static_values import Dynamic, Scope, Values, called, dotted, text_of

REST_ARGUMENTS = ["config", "name", "section", "max_table_nesting", "root_key", "schema", "schema_contract", "parallelized"]
DATABASE_ARGUMENTS = ["credentials", "schema", "metadata", "table_names", "chunk_size", "backend"]
TABLE_ARGUMENTS = ["credentials", "table", "schema", "metadata", "incremental", "chunk_size", "backend"]
PIPELINE_ARGUMENTS = ["pipeline_name", "pipelines_dir", "pipeline_salt", "destination", "staging", "dataset_name"]
SKIPPED = {"node_modules", "__pycache__", "venv", "env", "site-packages"}
SOURCES = {
    "rest_api_source": ("rest_api", REST_ARGUMENTS),
    "rest_api_resources": ("rest_api", ["config"]),
    "sql_database": ("sql_database", DATABASE_ARGUMENTS),
    "sql_table": ("sql_table", TABLE_ARGUMENTS),
}


class Reader:
    def __init__(self, path, name):
        self.name = name
        self.problems = []
        self.runs = []
        self.found_sources = set()
        self.used_sources = set()
        self.hints = {}
        with open(path, "rb") as file:
            self.tree = ast.parse(file.read(), name)
        self.module = Scope(self.tree.body)
        self.functions = {
            node.name: node for node in self.tree.body if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        }
        self.values = Values(self.tell, self.functions)

    def tell(self, node, what):
        problem = {"file": self.name, "line": getattr(node, "lineno", 1), "what": what}
        if problem not in self.problems:
            self.problems.append(problem)

    def read(self):
        self._decorated()
        scopes = [(self.tree.body, self.module)]
        scopes += [(one.body, Scope(one.body, self.module, self._defaults(one))) for one in self.functions.values()]
        for body, scope in scopes:
            for node in self._nodes(body):
                if isinstance(node, ast.Call) and called(node) == "apply_hints":
                    self._apply_hints(node, scope)
        for body, scope in scopes:
            for node in self._nodes(body):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "run":
                    self._run(node, scope)
                if called(node) in SOURCES:
                    self.found_sources.add((node.lineno, called(node)))
        for line, name in sorted(self.found_sources - self.used_sources):
            place = ast.Constant(None)
            place.lineno = line
            self.tell(place, "`%s` is not given to a `.run(...)` that can be followed" % name)

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
        arguments = function.args
        named = arguments.posonlyargs + arguments.args
        pairs = list(zip(named[len(named) - len(arguments.defaults):], arguments.defaults))
        pairs += [(one, default) for one, default in zip(arguments.kwonlyargs, arguments.kw_defaults) if default]
        return {one.arg: (default, self.module) for one, default in pairs}

    def _decorated(self):
        """Functions that dlt calls are code: they are told, unless all they do is hand out a REST config."""
        for name, function in self.functions.items():
            for decorator in function.decorator_list:
                kind = dotted(decorator.func if isinstance(decorator, ast.Call) else decorator)
                if kind in ("dlt.resource", "dlt.transformer", "resource", "transformer"):
                    self.tell(function, "`%s` is a function (`@%s`): write it as a resource of a TypeScript module" % (name, kind))
                elif kind in ("dlt.source", "source") and self._inner_config(function) is None:
                    self.tell(function, "`%s` is a function (`@%s`): write it as a TypeScript module" % (name, kind))

    def _inner_config(self, function):
        calls = [node for node in self._nodes(function.body) if called(node) in ("rest_api_resources", "rest_api_source")]
        return calls[0] if len(calls) == 1 else None

    def _run(self, node, scope):
        pipeline = self._pipeline(node.func.value, scope)
        if pipeline is None:
            if dotted(node.func) == "dlt.run":
                self.tell(node, "`dlt.run` without a pipeline: make one with `dlt.pipeline(...)`")
            return
        options = {}
        data = node.args[0] if node.args else None
        for keyword in node.keywords:
            if keyword.arg == "data":
                data = keyword.value
            elif keyword.arg is not None:
                taken, value = self.values.part(keyword.value, scope, keyword.arg)
                if taken:
                    options[keyword.arg] = value
        for source in self._sources(data, scope):
            self.runs.append({
                "file": self.name, "line": node.lineno, "pipeline": pipeline, "options": options, "source": source,
            })

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
        if not (isinstance(node, ast.Call) and called(node) == "pipeline"):
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

    def _destination(self, node, scope):
        if isinstance(node, ast.Name):
            try:
                node, scope = scope.find(node)
            except Dynamic:
                pass
        if isinstance(node, ast.Call):
            name = called(node)
            first = {"destination": "destination_name", "duckdb": "credentials"}.get(name, "credentials")
            given = self.values.arguments(node, scope, [first])
            return given if name == "destination" else {"destination_type": name, **given}
        if isinstance(node, ast.Attribute):
            return {"destination_type": node.attr}
        taken, value = self.values.part(node, scope, "destination")
        return {"destination_type": value} if taken else {}

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
            for one in sources:
                one.setdefault("hints", {}).update(self.hints.get(node.id, {}))
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
            if isinstance(node.func, ast.Attribute) and node.func.attr.startswith("add_"):
                self.tell(node, "`%s` is code and is not taken" % node.func.attr)
                return self._sources(node.func.value, scope, selected)
            if called(node) in SOURCES:
                return self._source(node, scope, selected, None)
            if isinstance(node.func, ast.Name) and node.func.id in self.functions:
                return self._own_source(node, scope, selected)
        self.tell(node, "run: data that is made at run time")
        return []

    def _source(self, node, scope, selected, own):
        kind, positional = SOURCES[called(node)]
        self.used_sources.add((node.lineno, called(node)))
        made = {"kind": kind, "call": called(node), "line": node.lineno, "arguments": {}}
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
        if inner is None:
            self.tell(node, "run: `%s` is a function" % node.func.id)
            return []
        name, section = function.name, os.path.splitext(os.path.basename(self.name))[0]
        for decorator in function.decorator_list:
            if isinstance(decorator, ast.Call):
                for keyword in decorator.keywords:
                    if keyword.arg == "name":
                        name = text_of(keyword.value) or name
                    elif keyword.arg == "section":
                        section = text_of(keyword.value) or section
        given = self._defaults(function)
        for key, (default, where) in list(given.items()):
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
        return self._source(inner, inner_scope, selected, {"name": name, "section": section})

    def _apply_hints(self, node, scope):
        """`source.resource.apply_hints(...)` and `source.resources["resource"].apply_hints(...)`."""
        of = node.func.value
        resource = None
        if isinstance(of, ast.Attribute) and isinstance(of.value, ast.Name):
            variable, resource = of.value.id, of.attr
        elif isinstance(of, ast.Subscript) and isinstance(of.value, ast.Attribute) and of.value.attr == "resources":
            key = of.slice.value if isinstance(of.slice, ast.Index) else of.slice
            variable, resource = dotted(of.value.value), text_of(key)
        if resource is None:
            self.tell(node, "apply_hints: the resource is known only at run time")
            return
        hints = self.values.arguments(node, scope, [])
        self.hints.setdefault(variable, {}).setdefault(resource, {}).update(hints)


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
            problems.append({"file": name, "line": line, "what": "not Python that this Python can parse"})
            continue
        reader.read()
        runs += reader.runs
        problems += reader.problems
    json.dump({"runs": runs, "problems": problems}, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1])
