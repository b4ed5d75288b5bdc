"""
Which programs are understood wholly: a short list of statements and calls, known by where they are imported from. All
else is code, and what it does to a source is known only when it runs.
"""
import ast
import os

from static_values import dotted

SOURCES = {
    "dlt.sources.rest_api.rest_api_source": "rest_api_source",
    "dlt.sources.rest_api.rest_api_resources": "rest_api_resources",
    "dlt.sources.sql_database.sql_database": "sql_database",
    "dlt.sources.sql_database.sql_table": "sql_table",
}
# Modules whose functions change no source.
HARMLESS = ("logging.", "typing.", "os.getenv", "os.environ.get", "dlt.secrets.get", "dlt.config.get")
BUILT_IN = {"print", "dict", "list", "str", "int", "float", "len", "bool"}


class Names:
    """What names of a file stand for, by its imports. A name that the file also sets itself stands for nothing here."""

    def __init__(self, tree, folder):
        self.imported = {}
        self.foreign = {}
        self.own = set()
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                for one in node.names:
                    self._import(one.asname or one.name.split(".")[0], one.name if one.asname else one.name.split(".")[0], node, folder)
            elif isinstance(node, ast.ImportFrom):
                for one in node.names:
                    self._import(one.asname or one.name, "%s.%s" % (node.module or "", one.name), node, folder, node.level)
            elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                self.own.add(node.name)
            elif isinstance(node, ast.Name) and isinstance(node.ctx, (ast.Store, ast.Del)):
                self.own.add(node.id)
            elif isinstance(node, ast.arg):
                self.own.add(node.arg)

    def _import(self, name, path, node, folder, level=0):
        self.imported[name] = path
        root = path.split(".")[0]
        if level or os.path.exists(os.path.join(folder, root + ".py")) or os.path.isdir(os.path.join(folder, root)):
            self.foreign[name] = (node, path)

    def resolved(self, node):
        """Full name of what is called or named, "" where it is not known."""
        name = dotted(node)
        first, _, rest = name.partition(".")
        if not first or first in self.own or first not in self.imported or first in self.foreign:
            return ""
        return self.imported[first] + ("." + rest if rest else "")


class NotPlain(Exception):
    def __init__(self, node, why):
        super().__init__(why)
        self.node = node


class Strict:
    """Checks a file's body and the functions that it reaches. Raises NotPlain at the first thing that is not understood."""

    def __init__(self, tree, names, functions):
        self.tree = tree
        self.names = names
        self.functions = functions
        self.path = set()

    def check(self, function=None):
        self.path = set()
        for node, path in self.names.foreign.values():
            raise NotPlain(node, "`%s` comes from another file of the project" % path)
        self._ordered(self.tree.body)
        self._body(self.tree.body)
        if function is not None:
            self._reach(function)
        twice = self._set_twice(self.tree.body)
        if twice is not None and self.path:
            raise NotPlain(twice, "`%s` is set more than once" % twice.id)

    def _set_twice(self, body):
        seen = set()
        for node in body:
            for target in ast.walk(node) if isinstance(node, (ast.Assign, ast.AnnAssign)) else []:
                if isinstance(target, ast.Name) and isinstance(target.ctx, ast.Store):
                    if target.id in seen:
                        return target
                    seen.add(target.id)
        return None

    def _ordered(self, body):
        """A name of this body that is used before it is set: the program ends there, or means another object."""
        statements = list(straight(body))
        waiting = {name for one in statements for name in names_set(one)}
        for one in statements:
            if not isinstance(one, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                for used in ast.walk(one):
                    if isinstance(used, ast.Name) and isinstance(used.ctx, ast.Load) and used.id in waiting:
                        raise NotPlain(used, "`%s` is used before it is set" % used.id)
            waiting.difference_update(names_set(one))

    def _reach(self, function):
        if function.name in self.path:
            return
        self.path.add(function.name)
        if isinstance(function, ast.AsyncFunctionDef):
            raise NotPlain(function, "`%s` is asynchronous" % function.name)
        if not function.decorator_list:
            self._ordered(function.body)
            self._body(function.body)
            return
        self._source_function(function)

    def _source_function(self, function):
        if len(function.decorator_list) != 1 or self._decorator(function.decorator_list[0]) != "dlt.source":
            raise NotPlain(function, "`%s` is a function (`@%s`)" % (function.name, dotted(self._of(function.decorator_list[0])) or "…"))
        body = [one for one in function.body if not is_docstring(one)]
        last = body[-1] if body else None
        value = getattr(last, "value", None)
        inner = value.value if isinstance(last, ast.Expr) and isinstance(value, ast.YieldFrom) else value
        hands_out = isinstance(last, ast.Return) or (isinstance(last, ast.Expr) and isinstance(value, ast.YieldFrom))
        if not (hands_out and isinstance(inner, ast.Call) and SOURCES.get(self.names.resolved(inner.func)) == "rest_api_resources"):
            raise NotPlain(function, "`%s` does more than hand out the resources of one REST config" % function.name)
        for one in body[:-1]:
            if not isinstance(one, (ast.Assign, ast.AnnAssign)):
                raise NotPlain(one, "a statement in the source function `%s`" % function.name)
            self._statement(one)
        self._expression(inner)

    def _of(self, decorator):
        return decorator.func if isinstance(decorator, ast.Call) else decorator

    def _decorator(self, decorator):
        return self.names.resolved(self._of(decorator))

    def _body(self, body):
        for statement in body:
            self._statement(statement)

    def _statement(self, node):
        if isinstance(node, (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Pass)):
            return
        if is_docstring(node):
            return
        if isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if len(targets) != 1 or not isinstance(targets[0], ast.Name):
                raise NotPlain(node, "an assignment to %s" % said(targets[0]))
            if node.value is not None:
                self._expression(node.value)
            return
        if isinstance(node, ast.Return):
            if node.value is not None:
                self._expression(node.value)
            return
        if isinstance(node, ast.If) and is_main_guard(node.test) and not node.orelse:
            self._body(node.body)
            return
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            self._called(node.value)
            return
        raise NotPlain(node, "a statement that is understood only when it runs (%s)" % type(node).__name__.lower())

    def _called(self, node):
        """A call as a statement: a run, hints, a function of the program, or something to print."""
        if isinstance(node.func, ast.Attribute) and node.func.attr == "apply_hints":
            for part in [*node.args, *(one.value for one in node.keywords)]:
                self._expression(part)
            return
        self._expression(node)

    def _expression(self, node):
        for one in ast.walk(node):
            if isinstance(one, (ast.NamedExpr, ast.Await, ast.Yield, ast.YieldFrom, ast.Lambda)):
                raise NotPlain(one, "an expression that is understood only when it runs (%s)" % type(one).__name__.lower())
            if isinstance(one, ast.Call):
                self._call(one)

    def _call(self, node):
        attribute = node.func.attr if isinstance(node.func, ast.Attribute) else None
        if isinstance(node.func, ast.Name):
            name = node.func.id
            if name in self.functions:
                self._own_call(node, self.functions[name])
                return
            if name in BUILT_IN and name not in self.names.own:
                return
        full = self.names.resolved(node.func)
        if full in SOURCES or full.startswith(HARMLESS) or full.startswith(("dlt.pipeline", "dlt.destinations.", "dlt.sources.incremental", "dlt.sources.helpers.rest_client.", "dlt.sources.rest_api.typing.")):
            return
        if full in ("dlt.run", "dlt.sources.incremental"):
            return
        if attribute in ("run", "with_resources") and full == "":
            return
        if full and not full.startswith("dlt"):
            raise NotPlain(node, "a call of `%s`" % full)
        raise NotPlain(node, "%s is code" % ("`%s(…)`" % dotted(node.func) if dotted(node.func) else said(node)))

    def _own_call(self, node, function):
        if not function.decorator_list and (node.args or node.keywords):
            raise NotPlain(node, "`%s` is called with arguments" % function.name)
        self._reach(function)


def straight(body):
    """Statements as they run, those of `if __name__ == "__main__"` among them."""
    for one in body:
        if isinstance(one, ast.If) and is_main_guard(one.test):
            yield from straight(one.body)
        else:
            yield one


def names_set(statement):
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return [statement.name]
    if isinstance(statement, (ast.Import, ast.ImportFrom)):
        return [one.asname or one.name.split(".")[0] for one in statement.names]
    targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target] if isinstance(statement, ast.AnnAssign) else []
    return [one.id for one in targets if isinstance(one, ast.Name)]


def is_docstring(node):
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def is_main_guard(test):
    return (
        isinstance(test, ast.Compare)
        and dotted(test.left) == "__name__"
        and len(test.ops) == 1
        and isinstance(test.ops[0], ast.Eq)
        and isinstance(test.comparators[0], ast.Constant)
        and test.comparators[0].value == "__main__"
    )


def said(node):
    try:
        text = ast.unparse(node)
    except Exception:
        return "something"
    return "`%s`" % (text if len(text) <= 60 else text[:57] + "…")
