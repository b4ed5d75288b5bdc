"""Values of Python expressions as far as they are plain: nothing of the file is executed."""
import ast

# Positional arguments of dlt's classes that have a form in JSON: (type, names of positional arguments).
CLASSES = {
    "BearerTokenAuth": ("bearer", ["token"]),
    "APIKeyAuth": ("api_key", ["name", "api_key", "location"]),
    "HttpBasicAuth": ("http_basic", ["username", "password"]),
    "OAuth2ClientCredentials": (
        "oauth2_client_credentials",
        ["access_token_url", "client_id", "client_secret", "access_token_request_data", "default_token_expiration"],
    ),
    "SinglePagePaginator": ("single_page", []),
    "JSONLinkPaginator": ("json_link", ["next_url_path"]),
    "JSONResponsePaginator": ("json_link", ["next_url_path"]),
    "HeaderLinkPaginator": ("header_link", ["links_next_key"]),
    "HeaderCursorPaginator": ("header_cursor", ["cursor_key", "cursor_param"]),
    "JSONResponseCursorPaginator": ("cursor", ["cursor_path", "cursor_param", "cursor_body_path"]),
    "OffsetPaginator": ("offset", ["limit", "offset", "offset_param", "limit_param", "total_path", "maximum_offset"]),
    "PageNumberPaginator": ("page_number", ["base_page", "page", "page_param", "total_path", "maximum_page"]),
}
INCREMENTAL = ["cursor_path", "initial_value"]
DICTS = {"dict", "RESTAPIConfig", "ClientConfig", "EndpointResource", "EndpointResourceBase", "Endpoint"}


# What specs call a place where a value is looked up.
MARKERS = ("env", "dlt_secret", "dlt_config", "wanted_secret", "wanted_config", "spec_ref")


class Dynamic(Exception):
    """An expression whose value is known only when the program runs."""

    def __init__(self, node, why):
        super().__init__(why)
        self.node = node


class Absent(Exception):
    """`dlt.secrets.value` or `dlt.config.value`: dlt looks the value up."""


def dotted(node):
    """`a.b.c` as text, "" for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        above = dotted(node.value)
        return above and above + "." + node.attr
    return ""


def called(node):
    """Last name of a called function, "" when it has none."""
    return dotted(node.func).split(".")[-1] if isinstance(node, ast.Call) else ""


def text_of(node):
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


class Scope:
    """Names of one function or module, each with the places where it is set."""

    def __init__(self, body, outer=None, given=None):
        self.outer = outer
        self.given = given or {}
        self.places = {}
        self.changed = {}
        self.body = body
        for statement in body:
            self._collect(statement, straight=True)

    def _collect(self, node, straight):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
            return
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value is not None:
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                if isinstance(target, ast.Name):
                    self.places.setdefault(target.id, []).append((node.lineno, node.value, straight))
                elif isinstance(target, (ast.Subscript, ast.Attribute)):
                    self._change(target.value, node)
                else:
                    # One of several targets stands for a part of the value.
                    for one in ast.walk(target):
                        if isinstance(one, ast.Name):
                            self.places.setdefault(one.id, []).append((node.lineno, node.value, False))
        elif isinstance(node, ast.AugAssign):
            self._change(node.target, node)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if node.func.attr in ("append", "extend", "insert", "update", "pop", "remove", "setdefault", "clear"):
                self._change(node.func.value, node)
        elif isinstance(node, (ast.For, ast.AsyncFor)):
            for one in ast.walk(node.target):
                if isinstance(one, ast.Name):
                    self.places.setdefault(one.id, []).append((node.lineno, node.iter, False))
        # `with` and `if __name__ == ...` run once and in order, loops and branches may not
        plain = isinstance(node, (ast.Expr, ast.Assign, ast.AnnAssign, ast.With, ast.Return)) or is_main(node)
        for child in ast.iter_child_nodes(node):
            self._collect(child, straight and plain)

    def _change(self, target, node):
        while isinstance(target, (ast.Subscript, ast.Attribute)):
            target = target.value
        if isinstance(target, ast.Name):
            self.changed.setdefault(target.id, []).append(node)

    def find(self, node):
        """The expression that a name stands for, with the scope it belongs to."""
        name = node.id
        places = [place for place in self.places.get(name, []) if place[0] < node.lineno or not self._same(node)]
        if places:
            if len(places) > 1 and not all(straight for _, _, straight in places):
                raise Dynamic(node, "`%s` is set in more than one place" % name)
            return places[-1][1], self
        if name in self.given:
            if self.given[name] is None:
                raise Dynamic(node, "`%s` is a parameter" % name)
            return self.given[name]
        if self.outer is None:
            raise Dynamic(node, "`%s` is not set in this file" % name)
        return self.outer.find(node)

    def _same(self, node):
        return self.body and self.body[0].lineno <= node.lineno <= max(one.end_lineno for one in self.body)


def is_main(node):
    return isinstance(node, ast.If) and isinstance(node.test, ast.Compare) and dotted(node.test.left) == "__name__"


class Values:
    """Evaluates plain expressions; what is not plain inside a dict or list is left out and told."""

    def __init__(self, told, functions, names):
        self.told = told
        self.functions = functions
        self.names = names
        self.depth = 0

    def of(self, node, scope):
        self.depth += 1
        if self.depth > 200:
            raise Dynamic(node, "names stand for each other")
        try:
            return self._of(node, scope)
        finally:
            self.depth -= 1

    def part(self, node, scope, path):
        """(True, value), or (False, None) after telling why not."""
        try:
            return True, self.of(node, scope)
        except Absent:
            return False, None
        except Dynamic as why:
            self.told(why.node, "%s%s" % (path and path + ": ", why))
            return False, None

    def _of(self, node, scope):
        if isinstance(node, ast.Constant):
            if node.value is None or isinstance(node.value, (str, bool, int, float)):
                return node.value
            raise Dynamic(node, "a value that JSON does not have")
        if isinstance(node, ast.Dict):
            return self._dict(node, scope)
        if isinstance(node, (ast.List, ast.Tuple, ast.Set)):
            parts = [self.part(one, scope, "[%d]" % i) for i, one in enumerate(node.elts)]
            return [value for taken, value in parts if taken]
        if isinstance(node, ast.Name):
            if node.id in self.functions:
                raise Dynamic(node, "`%s` is a function" % node.id)
            found, where = scope.find(node)
            for change in where.changed.get(node.id, []):
                self.told(change, "`%s` is changed after it was made; the change is not taken" % node.id)
            where.changed.pop(node.id, None)
            return self.of(found, where)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            value = self.of(node.operand, scope)
            if isinstance(value, (int, float)):
                return -value
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            left, right = self.of(node.left, scope), self.of(node.right, scope)
            if type(left) is type(right) and isinstance(left, (str, list, int, float)):
                return left + right
        if isinstance(node, ast.JoinedStr):
            return "".join(self._piece(piece, scope) for piece in node.values)
        if isinstance(node, ast.Subscript):
            return self._subscript(node, scope)
        if isinstance(node, ast.Attribute) and dotted(node) in ("dlt.secrets.value", "dlt.config.value"):
            raise Absent()
        if isinstance(node, ast.Call):
            return self._call(node, scope)
        kinds = {
            ast.Lambda: "a function", ast.ListComp: "a comprehension", ast.DictComp: "a comprehension",
            ast.IfExp: "a choice made at run time",
        }
        raise Dynamic(node, kinds.get(type(node), "a value that is known only at run time"))

    def _dict(self, node, scope):
        made = {}
        for key, value in zip(node.keys, node.values):
            if key is None:
                taken, inner = self.part(value, scope, "**")
                if taken and isinstance(inner, dict):
                    made.update(inner)
                continue
            taken, name = self.part(key, scope, "")
            if not taken or not isinstance(name, str):
                continue
            taken, inner = self.part(value, scope, name)
            if taken:
                made[name] = self._in_params(name, inner)
        # One without a place was made here, to stand for a parameter that dlt looks up.
        if len(made) == 1 and next(iter(made)) in MARKERS and hasattr(node, "lineno"):
            raise Dynamic(node, "a dict that a spec would read as a reference")
        return made

    def _in_params(self, key, value):
        """An Incremental among params is the dict form with its type (dlt: IncrementalParamConfig)."""
        if key == "params" and isinstance(value, dict):
            return {
                name: {"type": "incremental", **one} if isinstance(one, dict) and "cursor_path" in one else one
                for name, one in value.items()
            }
        return value

    def _piece(self, piece, scope):
        if isinstance(piece, ast.Constant):
            return str(piece.value)
        if isinstance(piece, ast.FormattedValue) and piece.conversion == -1 and piece.format_spec is None:
            value = self.of(piece.value, scope)
            if isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool)):
                return str(value)
        raise Dynamic(piece, "a text that is put together at run time")

    def _subscript(self, node, scope):
        base = dotted(node.value)
        key = node.slice.value if isinstance(node.slice, ast.Index) else node.slice  # Python 3.8
        name = text_of(key)
        if name is not None:
            if base == "dlt.secrets":
                return {"dlt_secret": name}
            if base == "dlt.config":
                return {"dlt_config": name}
            if base in ("os.environ", "environ"):
                return {"env": name}
        whole, at = self.of(node.value, scope), self.of(key, scope)
        try:
            return whole[at]
        except (KeyError, IndexError, TypeError):
            raise Dynamic(node, "a value that is known only at run time")

    def _call(self, node, scope):
        full, name = dotted(node.func), called(node)
        first = text_of(node.args[0]) if node.args else None
        if first is not None:
            if full == "dlt.secrets.get":
                return {"dlt_secret": first}
            if full == "dlt.config.get":
                return {"dlt_config": first}
            if full in ("os.getenv", "getenv", "os.environ.get", "environ.get"):
                return {"env": first}
        if full == "dict" and "dict" not in self.names.own:
            return self.arguments(node, scope, [])
        resolved = self.names.resolved(node.func)
        if not resolved.startswith("dlt."):
            raise Dynamic(node, "a call of `%s`" % (full or "a function"))
        if name in CLASSES:
            kind, positional = CLASSES[name]
            return {"type": kind, **self.arguments(node, scope, positional)}
        if name == "incremental" or name == "Incremental":
            return self.arguments(node, scope, INCREMENTAL)
        if name in DICTS:
            return self.arguments(node, scope, [])
        raise Dynamic(node, "a call of `%s`" % (full or "a function"))

    def arguments(self, node, scope, positional):
        """Arguments of a call by name."""
        made = {}
        for i, one in enumerate(node.args):
            if i >= len(positional):
                self.told(one, "an argument of `%s` that has no name here" % called(node))
                continue
            taken, value = self.part(one, scope, positional[i])
            if taken:
                made[positional[i]] = value
        for keyword in node.keywords:
            taken, value = self.part(keyword.value, scope, keyword.arg or "**")
            if taken and keyword.arg is None and isinstance(value, dict):
                made.update(value)
            elif taken and keyword.arg is not None:
                made[keyword.arg] = value
        return made
