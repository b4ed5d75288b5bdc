"""One session per Thrift session; executes one (Databricks) statement, which gives an Arrow table."""

import re
import threading
import uuid
import denials
import handlers
import information_schema
import results
import sqlrewrite as R
import statement_copy
import statement_describe
import statement_dml
import statement_grants
import statement_namespaces
import statement_tables
import statement_volumes
from settings import CAT, CATALOGS, VOLROOT
from sql_error import SqlError


class Session:
    def __init__(self, root, catalog=None, schema=None, conf=None):
        self.spark = root.newSession()
        self.catalog = CAT
        self.tmpviews = []
        for k, v in (conf or {}).items():
            if k.lower() in ("ansi_mode",):
                self.spark.conf.set("spark.sql.ansi.enabled", v)
            elif k.lower() in ("timezone",):
                self.spark.conf.set("spark.sql.session.timeZone", v)
            elif k.startswith("spark.sql."):
                try:
                    self.spark.conf.set(k, v)
                except Exception:
                    pass
        if catalog:
            self.use_catalog(catalog)
        if schema:
            try:
                self.spark.sql("USE `%s`" % schema)
            except Exception:
                pass  # Databricks too: USE of an absent schema fails only at first use
        self.lock = threading.RLock()

    # ---- names
    def use_catalog(self, c):
        if c.lower() not in CATALOGS:
            raise SqlError(
                "[NO_SUCH_CATALOG_EXCEPTION] Catalog '%s' was not found. SQLSTATE: 42704" % c,
                "42704",
                "NO_SUCH_CATALOG_EXCEPTION",
            )
        self.catalog = c.lower()

    def cur_schema(self):
        return self.spark.catalog.currentDatabase()

    def full(self, parts):
        p = list(parts)
        if len(p) == 3:
            p = p[1:]
        if len(p) == 1:
            p = [self.cur_schema()] + p
        return tuple(x.lower() for x in p)

    def q(self, t):
        return "`%s`.`%s`" % t

    def vol(self, name):
        n = [x.lower() for x in R.split_name(name)]
        return tuple(([self.catalog, self.cur_schema()] + n)[-3:] if len(n) < 3 else n)

    # ---- execution
    def execute(self, sql, params=None):
        s = R.strip_comments(sql)
        script = R.compound(s)
        if script is not None:  # SQL scripting: the statements run one by one, no transaction around them
            r = None
            for one in script:
                r = self.execute(one, params)
            return r
        denials.check(s, self.cur_schema)
        with self.lock:
            try:
                for fn, m in handlers.find(s):
                    r = fn(self, m, s, params)
                    if r is not NotImplemented:
                        return r
                return self.run(s, params)
            finally:
                while self.tmpviews:
                    self.spark.catalog.dropGlobalTempView(self.tmpviews.pop())

    def rewrite(self, s):
        def view(which):
            n = "is_%s_%s" % (which, uuid.uuid4().hex[:12])
            information_schema.view_of(self, which, s).createOrReplaceGlobalTempView(n)
            self.tmpviews.append(n)
            return "global_temp." + n

        return R.rewrite(s, CATALOGS, VOLROOT, view)

    def run(self, s, params=None):
        s2 = self.rewrite(s)
        df = self.spark.sql(s2, args=params) if params else self.spark.sql(s2)
        t = results.arrow(df)
        if re.match(r"(?i)\s*(DESC|DESCRIBE|SHOW|EXPLAIN)\b", s):
            t = results.rename_cat(t)
        return t


# imported for the handlers that they register, in this order
STATEMENTS = (
    statement_grants,
    statement_namespaces,
    statement_volumes,
    statement_copy,
    statement_dml,
    statement_tables,
    statement_describe,
)
