"""One shared Spark+Delta; a Session per Thrift session; executes one (Databricks) statement -> pyarrow.Table."""

import os
import re
import json
import time
import glob
import fnmatch
import shutil
import threading
import datetime
import decimal
import uuid
import pyarrow as pa
from pyspark.sql import SparkSession
from pyspark.sql import types as T, functions as F
import sqlrewrite as R
import logging

logging.getLogger("SQLQueryContextLogger").disabled = True

OWNER = os.environ.get("DBX_OWNER", "standin")
CAT = os.environ.get("DBX_CATALOG", "main")
CATALOGS = [CAT] + [c for c in ("main", "workspace", "hive_metastore", "samples") if c != CAT]
HERE = os.path.dirname(os.path.abspath(__file__))
LAB = os.path.abspath(os.environ.get("DBX_ROOT") or os.path.join(HERE, "run"))
VOLROOT = LAB + "/vol"
TRUTH = {
    "int": int,
    "integer": int,
    "bigint": int,
    "smallint": int,
    "tinyint": int,
    "double": float,
    "float": float,
}


def start_spark(mem="2g", jars=None, fast=True):
    jars = jars or os.environ.get("DBX_JARS") or os.path.join(HERE, "jars")
    js = ":".join(
        sorted(p for p in glob.glob(jars + "/*.jar") if re.search(r"/delta-(spark|storage|kernel)", p))
    )
    java = (
        os.environ.get("DBX_JAVA", "-XX:+UseSerialGC -XX:TieredStopAtLevel=1") + " -Xss4m -Duser.timezone=UTC"
    )
    if os.environ.get("DBX_CDS"):
        java += " " + os.environ["DBX_CDS"]
    b = SparkSession.builder.master("local[2]").appName("dbx-standin")
    for k, v in {
        "spark.driver.extraClassPath": js,
        "spark.driver.memory": mem,
        "spark.driver.extraJavaOptions": java,
        "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
        "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
        "spark.sql.warehouse.dir": LAB + "/wh",
        "spark.local.dir": LAB + "/scratch",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.shuffle.partitions": "2",
        "spark.databricks.delta.snapshotPartitions": "1",
        "spark.default.parallelism": "2",
        "spark.sql.sources.parallelPartitionDiscovery.parallelism": "2",
        "spark.sql.sources.default": "delta",
        "spark.sql.legacy.keepCommandOutputSchema": "true",  # databaseName / database as on Databricks
        "spark.sql.session.timeZone": "UTC",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.sql.variable.substitute": "false",
        "spark.sql.adaptive.enabled": "false" if fast else "true",
        "spark.databricks.delta.schema.autoMerge.enabled": "false",
        "spark.log.level": "ERROR",
        "spark.sql.execution.arrow.maxRecordsPerBatch": "50000",
        "spark.sql.legacy.parameterSubstitution.constantsOnly": "true",  # Delta 4.4.0's DeltaSqlParser.parsePlanWithParameters drops Spark 4.2 parameters
    }.items():
        b = b.config(k, v)
    for kv in filter(None, os.environ.get("DBX_CONF", "").split(";")):
        b = b.config(*kv.split("=", 1))
    return b.getOrCreate()


class SqlError(Exception):
    def __init__(self, msg, state="42000", cls=None):
        super().__init__(msg)
        self.sqlstate, self.cls = state, cls


def to_sql_error(e):
    if isinstance(e, SqlError):
        return e
    while "Cannot find main error class" in str(e) and e.__context__ is not None:
        e = e.__context__  # pyspark's own exception conversion failed on a Delta error class
    o, state, cls, msg = getattr(e, "_origin", None) or getattr(e, "java_exception", None), None, None, None
    try:
        x = o  # runtime errors inside toArrow arrive wrapped ("Exception thrown in awaitResult"): take the innermost SparkThrowable
        while x is not None:
            try:
                if x.getCondition():
                    o = x
            except Exception:
                pass
            x = x.getCause()
        if (
            o is not None
        ):  # do NOT use str(e)/getMessage(): Delta's error classes are unknown to SparkThrowableHelper
            msg = o.getMessage()
            try:
                state = o.getSqlState()
            except Exception:
                pass
            try:
                cls = o.getCondition()
            except Exception:
                try:
                    cls = o.getErrorClass()  # Delta exceptions: io.delta.exceptions.Concurrent*Exception
                except Exception:
                    pass
    except Exception:
        pass
    msg = msg or str(e)
    if "SPARK_JOB_CANCELLED" in msg or "SPARK_JOB_CANCELLED" in str(e):
        return SqlError("[OPERATION_CANCELED] Operation has been canceled. SQLSTATE: HY008", "HY008")
    msg = msg.replace("`spark_catalog`", "`%s`" % CAT).replace("spark_catalog", CAT)
    m = re.search(r"SQLSTATE: (\w{5})", msg)
    if not m and cls and state:
        msg = (msg if msg.lstrip().startswith("[") else "[%s] %s" % (cls, msg)) + " SQLSTATE: %s" % state
    return SqlError(msg.strip(), state or (m and m[1]) or "XX000", cls)


class Store:
    """what Unity Catalog keeps and Spark does not"""

    def __init__(self):
        self.volumes, self.cons, self.tags, self.lock = {}, {}, {}, threading.RLock()


STORE = Store()


def one(**kw):
    return pa.table({k: pa.array([v]) for k, v in kw.items()})


EMPTY = None


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

    # ---- helpers
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
        p = [x for x in parts]
        if len(p) == 3:
            p = p[1:]
        if len(p) == 1:
            p = [self.cur_schema()] + p
        return tuple(x.lower() for x in p)

    def q(self, t):
        return "`%s`.`%s`" % t

    def local(self, p):
        p = re.sub(r"^dbfs:", "", p)
        m = re.match(r"^/Volumes/([^/]+)/([^/]+)/([^/]+)(/.*)?$", p)
        if not m:
            raise SqlError("[INVALID_VOLUME_PATH] %s SQLSTATE: 22023" % p, "22023")
        if (m[1].lower(), m[2].lower(), m[3].lower()) not in STORE.volumes:
            raise SqlError(
                "[UC_VOLUME_NOT_FOUND] Volume `%s`.`%s`.`%s` does not exist. Please use 'SHOW VOLUMES' to list available volumes. SQLSTATE: 42704"
                % (m[1], m[2], m[3]),
                "42704",
                "UC_VOLUME_NOT_FOUND",
            )
        f = os.path.normpath(VOLROOT + p)
        if not f.startswith(VOLROOT + "/Volumes/"):
            raise SqlError("bad path", "22023")
        return f

    # ---- catalog walking
    def schemas(self):
        return [r[0] for r in self.spark.sql("SHOW SCHEMAS").collect()]

    def tables(self, schemas=None):
        jc = self.spark._jsparkSession.sessionState().catalog()
        out = []
        for s in self.schemas():
            if schemas is not None and s not in schemas:
                continue
            it = jc.listTables(s).iterator()
            while it.hasNext():
                i = it.next()
                if i.database().isEmpty():
                    continue
                try:
                    md = jc.getTableMetadata(i)
                except Exception:
                    continue  # dropped meanwhile
                view = md.tableType().name() == "VIEW"
                g = lambda o: o.get() if o.isDefined() else None
                out.append(
                    dict(
                        schema=s,
                        name=i.table(),
                        type=(
                            "VIEW"
                            if view
                            else ("EXTERNAL" if md.tableType().name() == "EXTERNAL" else "MANAGED")
                        ),
                        fmt=None if view else (g(md.provider()) or "delta").upper(),
                        comment=g(md.comment()),
                        created=md.createTime(),
                        view=g(md.viewText()) if view else None,
                    )
                )
        return out

    def info_schema(self, which, sql):
        lits = {R.unstr(v).lower() for k, v in R.lex(sql) if k == "str"}
        wild = not lits or any("%" in l for l in lits)
        names = self.schemas()
        hit = [s for s in names if s in lits]
        only = None if wild or not hit else set(hit)
        ts = lambda ms: datetime.datetime.fromtimestamp(ms / 1000, datetime.timezone.utc)
        if which == "schemata":
            return self.mk(
                [(CAT, s, OWNER) for s in names + ["information_schema"]],
                "catalog_name string, schema_name string, schema_owner string",
            )
        if which == "catalogs":
            return self.mk([(CAT,)], "catalog_name string")
        if which in ("tables", "views"):
            t = self.tables(only)
            if which == "tables":
                return self.mk(
                    [
                        (
                            CAT,
                            x["schema"],
                            x["name"],
                            x["type"],
                            "YES",
                            "NO",
                            OWNER,
                            x["comment"],
                            ts(x["created"]),
                            OWNER,
                            ts(x["created"]),
                            OWNER,
                            x["fmt"] or "VIEW",
                            None,
                        )
                        for x in t
                    ],
                    "table_catalog string, table_schema string, table_name string, table_type string, is_insertable_into string, commit_action string, table_owner string, comment string, created timestamp, created_by string, last_altered timestamp, last_altered_by string, data_source_format string, storage_sub_directory string",
                )
            return self.mk(
                [(CAT, x["schema"], x["name"], x["view"], "NONE", "NO") for x in t if x["type"] == "VIEW"],
                "table_catalog string, table_schema string, table_name string, view_definition string, check_option string, is_materialized string",
            )
        if which == "columns":
            rows = []
            tb = self.tables(only)
            th = [x for x in tb if x["name"] in lits]
            for x in (th if th and not wild else tb):
                for i, f in enumerate(self.fields(x["schema"], x["name"])):
                    dt = f.dataType
                    full = dt.simpleString()
                    num = isinstance(dt, (T.IntegralType, T.FractionalType))
                    base = re.sub(r"[(<].*", "", full).upper()
                    base = {"BIGINT": "LONG", "SMALLINT": "SHORT", "TINYINT": "BYTE"}.get(base, base)
                    prec = (
                        dt.precision
                        if isinstance(dt, T.DecimalType)
                        else {
                            "int": 10,
                            "bigint": 19,
                            "smallint": 5,
                            "tinyint": 3,
                            "double": 53,
                            "float": 24,
                        }.get(full)
                    )
                    md = f.metadata or {}
                    rows.append(
                        (
                            CAT,
                            x["schema"],
                            x["name"],
                            f.name,
                            i,
                            md.get("CURRENT_DEFAULT"),
                            "YES" if f.nullable else "NO",
                            full,
                            base,
                            0 if base == "STRING" else None,
                            prec,
                            (
                                dt.scale
                                if isinstance(dt, T.DecimalType)
                                else (0 if isinstance(dt, T.IntegralType) else None)
                            ),
                            md.get("comment"),
                            "YES" if "delta.identity.start" in md else "NO",
                            "NEVER" if "delta.generationExpression" not in md else "ALWAYS",
                            None,
                        )
                    )
            return self.mk(
                rows,
                "table_catalog string, table_schema string, table_name string, column_name string, ordinal_position int, column_default string, is_nullable string, full_data_type string, data_type string, character_maximum_length long, numeric_precision int, numeric_scale int, comment string, is_identity string, is_generated string, partition_ordinal_position int",
            )
        C = [(k, c) for k, cs in STORE.cons.items() for c in cs]
        if which == "table_constraints":
            return self.mk(
                [(CAT, k[0], c["name"], CAT, k[0], k[1], c["type"], "NO", "NO", "NO") for k, c in C],
                "constraint_catalog string, constraint_schema string, constraint_name string, table_catalog string, table_schema string, table_name string, constraint_type string, is_deferrable string, initially_deferred string, enforced string",
            )
        if which in ("key_column_usage", "constraint_column_usage"):
            return self.mk(
                [
                    (
                        CAT,
                        k[0],
                        c["name"],
                        CAT,
                        k[0],
                        k[1],
                        n,
                        i + 1,
                        (i + 1) if c["type"][0] == "F" else None,
                    )
                    for k, c in C
                    for i, n in enumerate(c["cols"])
                ],
                "constraint_catalog string, constraint_schema string, constraint_name string, table_catalog string, table_schema string, table_name string, column_name string, ordinal_position int, position_in_unique_constraint int",
            )
        if which == "referential_constraints":
            rows = []
            for k, c in C:
                if c["type"][0] != "F":
                    continue
                ref = self.full(c["ref"])
                pk = next((x["name"] for x in STORE.cons.get(ref, []) if x["type"][0] == "P"), None)
                rows.append((CAT, k[0], c["name"], CAT, ref[0], pk, "NONE", "NO ACTION", "NO ACTION"))
            return self.mk(
                rows,
                "constraint_catalog string, constraint_schema string, constraint_name string, unique_constraint_catalog string, unique_constraint_schema string, unique_constraint_name string, match_option string, update_rule string, delete_rule string",
            )
        if which == "volumes":
            return self.mk(
                [
                    (c, s, v, d["type"], OWNER, d["comment"], "/Volumes/%s/%s/%s" % (c, s, v))
                    for (c, s, v), d in STORE.volumes.items()
                ],
                "volume_catalog string, volume_schema string, volume_name string, volume_type string, volume_owner string, comment string, storage_location string",
            )
        tagcols = {
            "table_tags": "catalog_name string, schema_name string, table_name string, tag_name string, tag_value string",
            "schema_tags": "catalog_name string, schema_name string, tag_name string, tag_value string",
            "column_tags": "catalog_name string, schema_name string, table_name string, column_name string, tag_name string, tag_value string",
            "column_masks": "table_catalog string, table_schema string, table_name string, column_name string, mask_name string, using_columns string",
            "row_filters": "table_catalog string, table_schema string, table_name string, filter_name string, target_columns string",
        }
        if which in tagcols:
            n = tagcols[which].count(",") - 1 if which.endswith("tags") else 0
            return self.mk(
                [
                    (CAT,) + k + (a, b)
                    for k, d in STORE.tags.items()
                    if which.endswith("tags") and len(k) == n - 1
                    for a, b in d.items()
                ],
                tagcols[which],
            )
        raise SqlError("[TABLE_OR_VIEW_NOT_FOUND] information_schema.%s SQLSTATE: 42P01" % which, "42P01")

    def mk(self, rows, schema):
        """LocalRelation through VALUES: no Spark job, ~10x faster than createDataFrame"""
        cs = [c.strip().split(" ") for c in schema.split(",")]

        def lit(v):
            if v is None:
                return "NULL"
            if isinstance(v, (int, float)):
                return str(v)
            if isinstance(v, datetime.datetime):
                return "timestamp'%s'" % v.strftime("%Y-%m-%d %H:%M:%S.%f+00:00")
            return "'" + str(v).replace("\\", "\\\\").replace("'", "\\'") + "'"

        sel = ", ".join("CAST(c%d AS %s) AS `%s`" % (i, t, n) for i, (n, t) in enumerate(cs))
        vals = (
            ", ".join("(" + ", ".join(map(lit, r)) + ")" for r in rows)
            or "(" + ", ".join(["NULL"] * len(cs)) + ")"
        )
        return self.spark.sql(
            "SELECT %s FROM VALUES %s AS t(%s)%s"
            % (sel, vals, ", ".join("c%d" % i for i in range(len(cs))), "" if rows else " WHERE false")
        )

    def fields(self, s, t):
        try:
            return self.spark.table("`%s`.`%s`" % (s, t)).schema.fields
        except Exception:
            return []  # broken view / dropped meanwhile

    # ---- execution
    def execute(self, sql, params=None):
        s = R.strip_comments(sql)
        script = R.compound(s)
        if script is not None:  # SQL scripting: the statements run one by one, no transaction around them
            r = None
            for one in script:
                r = self.execute(one, params)
            return r
        with self.lock:
            try:
                for rx, fn in HANDLERS:
                    m = rx.match(s)
                    if m:
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
            self.info_schema(which, s).createOrReplaceGlobalTempView(n)
            self.tmpviews.append(n)
            return "global_temp." + n

        return R.rewrite(s, CATALOGS, VOLROOT, view)

    def run(self, s, params=None):
        s2 = self.rewrite(s)
        df = self.spark.sql(s2, args=params) if params else self.spark.sql(s2)
        t = self.arrow(df)
        if re.match(r"(?i)\s*(DESC|DESCRIBE|SHOW|EXPLAIN)\b", s):
            t = rename_cat(t)
        return t

    def arrow(self, df):
        sch = df.schema
        if not sch.fields:
            return None
        sel, change = [], False
        for i, f in enumerate(sch.fields):
            k = type(f.dataType).__name__
            if nullable(f.dataType) != f.dataType:
                change = True
            if k in (
                "VariantType",
                "NullType",
                "DayTimeIntervalType",
                "YearMonthIntervalType",
                "CalendarIntervalType",
            ):
                change = True
            sel.append(k)
        if change:
            tmp = df.toDF(*["c%d" % i for i in range(len(sel))])
            df = tmp.select(
                *[
                    (
                        F.to_json(F.col("c%d" % i))
                        if k == "VariantType"
                        else (
                            F.col("c%d" % i).cast("string")
                            if k
                            in (
                                "NullType",
                                "DayTimeIntervalType",
                                "YearMonthIntervalType",
                                "CalendarIntervalType",
                            )
                            else (
                                F.col("c%d" % i).cast(nullable(sch[i].dataType))
                                if nullable(sch[i].dataType) != sch[i].dataType
                                else F.col("c%d" % i)
                            )
                        )
                    )
                    for i, k in enumerate(sel)
                ]
            )
        else:
            df = df.toDF(*["c%d" % i for i in range(len(sel))])  # Arrow wants unique names
        t = df.toArrow()
        flds = [
            pa.field(
                f.name,
                t.schema.field(i).type,
                True,
                {
                    "Spark:DataType:SqlName": f.dataType.simpleString().upper(),
                    "Spark:DataType:JsonType": f.dataType.json(),
                },
            )
            for i, f in enumerate(sch.fields)
        ]
        t = pa.table(t.columns, schema=pa.schema(flds))
        t = t.replace_schema_metadata({"spark": json.dumps([f.dataType.simpleString() for f in sch.fields])})
        return t


def nullable(d):
    """pyspark's toArrow cannot view arrays whose nested fields are NOT NULL (OPTIMIZE metrics etc.)"""
    if isinstance(d, T.StructType):
        return T.StructType([T.StructField(f.name, nullable(f.dataType), True) for f in d])
    if isinstance(d, T.ArrayType):
        return T.ArrayType(nullable(d.elementType), True)
    if isinstance(d, T.MapType):
        return T.MapType(nullable(d.keyType), nullable(d.valueType), True)
    return d


def rename_cat(t):
    for i, f in enumerate(t.schema):
        if pa.types.is_string(f.type):
            t = t.set_column(
                i,
                f,
                pa.array(
                    [None if v is None else v.replace("spark_catalog", CAT) for v in t.column(i).to_pylist()],
                    pa.string(),
                ),
            )
    return t


HANDLERS = []


def on(rx):
    def d(fn):
        HANDLERS.append((re.compile(rx, re.I | re.S), fn))
        return fn

    return d


N = R.NAME
STRL = r"('(?:[^'\\]|\\.|'')*'|\"(?:[^\"\\]|\\.)*\")"


@on(r"^USE\s+CATALOG\s+(%s)$|^SET\s+CATALOG\s+(%s)$" % (N, N))
def _use_catalog(S, m, s, p):
    S.use_catalog(R.split_name(m[1] or m[2])[0])


@on(r"^USE\s+(?:SCHEMA\s+|DATABASE\s+)?(%s)$" % N)
def _use(S, m, s, p):
    n = R.split_name(m[1])
    if len(n) == 1 and n[0].lower() in CATALOGS:
        return S.use_catalog(n[0])
    S.spark.sql("USE `%s`" % n[-1])


@on(r"^CREATE\s+CATALOG\b")
def _cc(S, m, s, p):
    return None


@on(r"^SHOW\s+CATALOGS")
def _sc(S, m, s, p):
    return pa.table({"catalog": CATALOGS[:1] + ["system"]})


@on(r"^SHOW\s+(?:SCHEMAS|DATABASES)\s+(?:IN|FROM)\s+(%s)(?:\s+(?:LIKE\s+)?%s)?$" % (N, STRL))
def _ss(S, m, s, p):
    c = R.split_name(m[1])[0].lower()
    if c not in CATALOGS:
        raise SqlError("[NO_SUCH_CATALOG_EXCEPTION] Catalog '%s' was not found. SQLSTATE: 42704" % c, "42704")
    return S.run("SHOW SCHEMAS" + (" LIKE " + m[2] if m[2] else ""))


@on(
    r"^CREATE\s+(EXTERNAL\s+)?VOLUME\s+(IF\s+NOT\s+EXISTS\s+)?(%s)(?:\s+LOCATION\s+%s)?(?:\s+COMMENT\s+%s)?$"
    % (N, STRL, STRL)
)
def _cv(S, m, s, p):
    k = S.vol(m[3])
    if k[1] not in S.schemas():
        raise SqlError(
            "[SCHEMA_NOT_FOUND] The schema `%s`.`%s` cannot be found. SQLSTATE: 42704" % k[:2],
            "42704",
            "SCHEMA_NOT_FOUND",
        )
    with STORE.lock:
        if k in STORE.volumes:
            if m[2]:
                return None
            raise SqlError(
                "[VOLUME_ALREADY_EXISTS] Cannot create volume `%s`.`%s`.`%s` because it already exists. SQLSTATE: 42000"
                % k,
                "42000",
                "VOLUME_ALREADY_EXISTS",
            )
        STORE.volumes[k] = dict(
            type="EXTERNAL" if m[1] else "MANAGED", comment=R.unstr(m[5]) if m[5] else None
        )
        os.makedirs(VOLROOT + "/Volumes/%s/%s/%s" % k, exist_ok=True)


def _vol(self, name):
    n = [x.lower() for x in R.split_name(name)]
    return tuple(([self.catalog, self.cur_schema()] + n)[-3:] if len(n) < 3 else n)


Session.vol = _vol


@on(r"^DROP\s+VOLUME\s+(IF\s+EXISTS\s+)?(%s)$" % N)
def _dv(S, m, s, p):
    k = S.vol(m[2])
    if STORE.volumes.pop(k, None) is None and not m[1]:
        raise SqlError(
            "[UC_VOLUME_NOT_FOUND] Volume `%s`.`%s`.`%s` does not exist. SQLSTATE: 42704" % k, "42704"
        )
    shutil.rmtree(VOLROOT + "/Volumes/%s/%s/%s" % k, ignore_errors=True)


@on(r"^SHOW\s+VOLUMES(?:\s+(?:IN|FROM)\s+(%s))?(?:\s+(?:LIKE\s+)?%s)?$" % (N, STRL))
def _sv(S, m, s, p):
    sch = R.split_name(m[1])[-1].lower() if m[1] else S.cur_schema()
    r = sorted(k for k in STORE.volumes if k[1] == sch and (not m[2] or fnmatch.fnmatch(k[2], R.unstr(m[2]))))
    return pa.table(
        {
            "database": pa.array([k[1] for k in r], pa.string()),
            "volume_name": pa.array([k[2] for k in r], pa.string()),
        }
    )


@on(r"^DESC(?:RIBE)?\s+VOLUME\s+(%s)$" % N)
def _descv(S, m, s, p):
    k = S.vol(m[1])
    d = STORE.volumes.get(k)
    if not d:
        raise SqlError(
            "[UC_VOLUME_NOT_FOUND] Volume `%s`.`%s`.`%s` does not exist. SQLSTATE: 42704" % k, "42704"
        )
    return one(
        name=k[2],
        catalog=k[0],
        database=k[1],
        owner=OWNER,
        storageLocation="/Volumes/%s/%s/%s" % k,
        volumeType=d["type"],
        comment=d["comment"] or "",
    )


@on(r"^LIST\s+%s(?:\s+LIMIT\s+(\d+))?$" % STRL)
def _list(S, m, s, p):
    v = R.unstr(m[1])
    d = S.local(v)
    es = sorted(os.scandir(d), key=lambda e: e.name) if os.path.isdir(d) else []
    return pa.table(
        {
            "path": pa.array([v.rstrip("/") + "/" + e.name for e in es], pa.string()),
            "name": pa.array([e.name for e in es], pa.string()),
            "size": pa.array([e.stat().st_size for e in es], pa.int64()),
            "modification_time": pa.array([int(e.stat().st_mtime * 1000) for e in es], pa.int64()),
        }
    )


class Staging(Exception):
    def __init__(self, table):
        self.table = table


PRESIGN = {}
BASE = ["https://localhost"]


def presign(method, path):
    t = uuid.uuid4().hex
    PRESIGN[t] = (method, path, time.time() + 900)
    return "%s/__presigned/%s" % (BASE[0], t)


def staging(op, local, path):
    f = [
        pa.field("operation", pa.string()),
        pa.field("localFile", pa.string()),
        pa.field("presignedUrl", pa.string()),
        pa.field("headers", pa.string(), True, {"Spark:DataType:SqlName": "MAP<STRING, STRING>"}),
    ]
    if op == "REMOVE":  # real server omits localFile; node driver crashes on null (path.relative)
        return pa.table(
            [[op], [presign(op, path)], ["{}"]], schema=pa.schema([f[0], f[2], f[3]])
        ).replace_schema_metadata(
            {"spark": json.dumps(["string", "string", "map<string,string>"]), "staging": "1"}
        )
    t = pa.table(
        [[op], pa.array([local], pa.string()), [presign(op, path)], [json.dumps({"x-standin-staging": "1"})]],
        schema=pa.schema(f),
    ).replace_schema_metadata(
        {"spark": json.dumps(["string", "string", "string", "map<string,string>"]), "staging": "1"}
    )
    return t


@on(r"^PUT\s+%s\s+INTO\s+%s(\s+OVERWRITE)?$" % (STRL, STRL))
def _put(S, m, s, p):
    f = S.local(R.unstr(m[2]))
    if os.path.exists(f) and not m[3]:
        raise SqlError(
            "[FILE_IN_STAGING_PATH_ALREADY_EXISTS] File in staging path %s already exists but OVERWRITE is not set SQLSTATE: 42K05"
            % R.unstr(m[2]),
            "42K05",
        )
    return staging("PUT", re.sub(r"^file:", "", R.unstr(m[1])), f)


@on(r"^GET\s+%s\s+TO\s+%s$" % (STRL, STRL))
def _get(S, m, s, p):
    f = S.local(R.unstr(m[1]))
    if not os.path.exists(f):
        raise SqlError("[PATH_NOT_FOUND] Path does not exist: %s. SQLSTATE: 42K03" % R.unstr(m[1]), "42K03")
    return staging("GET", re.sub(r"^file:", "", R.unstr(m[2])), f)


@on(r"^REMOVE\s+%s$" % STRL)
def _rm(S, m, s, p):
    return staging("REMOVE", None, S.local(R.unstr(m[1])))


COPY = (
    r"^COPY\s+INTO\s+(?P<t>%s|delta\.`[^`]+`)(?:\s+BY\s+POSITION|\s+\((?P<cols>[^)]*)\))?\s+FROM\s+(?:%s|\(\s*SELECT\s+(?P<sel>.*?)\s+FROM\s+%s\s*(?P<where>WHERE.*?)?\))(?:\s+WITH\s*\(.*?\))?\s+FILEFORMAT\s*=\s*(?P<fmt>\w+)"
    r"(?P<rest>.*)$"
) % (N, STRL.replace("(", "(?P<src>", 1), STRL.replace("(", "(?P<src2>", 1))


@on(COPY)
def _copy(S, m, s, p):
    tgt = S.full(R.split_name(m["t"]))
    qn = S.q(tgt)
    rest = m["rest"]
    src = R.unstr(m["src"] or m["src2"])
    fmt = m["fmt"].lower()
    grab = lambda w: R.options((re.search(w + r"\s*\((.*?)\)", rest, re.I | re.S) or [0, ""])[1])
    fo, co = grab("FORMAT_OPTIONS"), grab("COPY_OPTIONS")
    if not S.spark.catalog.tableExists("spark_catalog.%s.%s" % tgt):
        raise SqlError(
            "[TABLE_OR_VIEW_NOT_FOUND] The table or view `%s`.`%s`.`%s` cannot be found. SQLSTATE: 42P01"
            % ((CAT,) + tgt),
            "42P01",
            "TABLE_OR_VIEW_NOT_FOUND",
        )
    base = S.local(src) if re.match(r"(dbfs:)?/Volumes/", src) else re.sub(r"^file:", "", src)
    mf = re.search(r"\bFILES\s*=\s*\((.*?)\)", rest, re.I | re.S)
    mp = re.search(r"\bPATTERN\s*=\s*" + STRL, rest, re.I)
    if mf:
        files = [os.path.join(base, R.unstr(x)) for x in re.findall(STRL, mf[1])]
    elif any(c in base for c in "*?[{"):
        files = glob.glob(base)
    elif os.path.isdir(base):
        files = [
            f
            for f in glob.glob(base + "/**", recursive=True)
            if os.path.isfile(f) and not os.path.basename(f).startswith(("_", "."))
        ]
    else:
        files = [base]
    if mp:
        files = [f for f in files if fnmatch.fnmatch(os.path.relpath(f, base), R.unstr(mp[1]))]
    miss = [f for f in files if not os.path.exists(f)]
    if miss or not files:
        raise SqlError(
            "[PATH_NOT_FOUND] Path does not exist: dbfs:%s. SQLSTATE: 42K03"
            % (miss[0][len(VOLROOT) :] if miss else src),
            "42K03",
            "PATH_NOT_FOUND",
        )
    loc = S.spark.sql("DESCRIBE DETAIL " + qn).select("location").first()[0].replace("file:", "")
    led = loc + "/_delta_log/_copy_into_log/files.json"
    with STORE.lock:
        done = set(json.load(open(led))) if os.path.exists(led) else set()
    force = co.get("force", "false").lower() == "true"
    new = sorted(f for f in files if force or f not in done)
    n = 0
    if new:
        merge = co.get("mergeSchema", "false").lower() == "true"
        rd = S.spark.read.format(fmt).options(**fo)
        df = rd.load(new)
        if (
            fmt == "json" and not m["sel"]
        ):  # a STRING column of the target takes the JSON text as it is (objects, "01:02:03"), not a cast of the inferred type
            txt = {
                f.name.lower()
                for f in S.spark.table(qn).schema.fields
                if isinstance(f.dataType, T.StringType)
            }
            want = T.StructType(
                [
                    T.StructField(f.name, T.StringType() if f.name.lower() in txt else f.dataType)
                    for f in df.schema.fields
                ]
            )
            if want != df.schema:
                df = rd.schema(want).load(new)
        if m["sel"]:
            df.createOrReplaceTempView("__copy_src")
            df = S.spark.sql("SELECT %s FROM __copy_src %s" % (S.rewrite(m["sel"]), m["where"] or ""))
        w = df.write.format("delta").mode("append")
        if merge:
            w = w.option("mergeSchema", "true")
        else:
            have = {f.name.lower() for f in S.spark.table(qn).schema.fields}
            extra = [f.name for f in df.schema.fields if f.name.lower() not in have]
            if extra:
                raise SqlError(
                    "[COPY_INTO_SCHEMA_MISMATCH_WITH_TARGET_TABLE] A schema mismatch was detected while copying into the Delta table (Table: %s.%s.%s). extra columns %s. This may indicate an issue with the incoming data, or the Delta table schema can be evolved automatically according to the incoming data by setting: COPY_OPTIONS ('mergeSchema' = 'true') SQLSTATE: 42KDG"
                    % ((CAT,) + tgt + (extra,)),
                    "42KDG",
                    "COPY_INTO_SCHEMA_MISMATCH_WITH_TARGET_TABLE",
                )
        w.saveAsTable("spark_catalog." + qn)
        n = S.last_metric(qn, "numOutputRows")
        with STORE.lock:
            os.makedirs(os.path.dirname(led), exist_ok=True)
            json.dump(sorted(done | set(new)), open(led, "w"))
    return one(num_affected_rows=n, num_inserted_rows=n, num_skipped_corrupt_files=0)


def _last_metric(self, qn, key):
    # last commit's operationMetrics straight from the log file: no Spark job
    loc = self.spark.sql("DESCRIBE DETAIL " + qn).select("location").first()[0].replace("file:", "")
    fs = sorted(glob.glob(loc + "/_delta_log/*.json"))
    for line in open(fs[-1]):
        d = json.loads(line)
        if "commitInfo" in d:
            return int(d["commitInfo"].get("operationMetrics", {}).get(key, 0))
    return 0


Session.last_metric = _last_metric


@on(r"^INSERT\s+(?:INTO|OVERWRITE)\s+(?:TABLE\s+)?(%s)" % N)
def _insert(S, m, s, p):
    r = S.run(s, p)
    if r is not None:
        return r
    t = S.full(R.split_name(m[1]))
    try:
        n = S.last_metric(S.q(t), "numOutputRows")
    except Exception:
        return None
    return one(num_affected_rows=n, num_inserted_rows=n)


def has_sub(s):
    return (
        re.search(r"\bSELECT\b", "".join(v for k, v in R.lex(s) if k not in ("str", "bt")), re.I) is not None
    )


def sub_depth(s):
    """deepest nesting of SELECT inside parentheses"""
    st, best = [], 0
    toks = [x for x in R.lex(s) if x[0] not in ("ws", "cm")]
    for i, (k, v) in enumerate(toks):
        if v == "(":
            st.append(i + 1 < len(toks) and toks[i + 1][1].upper() in ("SELECT", "WITH"))
            best = max(best, sum(st))
        elif v == ")" and st:
            st.pop()
    return best


def split_where(s):
    """'... WHERE cond' -> (before, cond) at parenthesis depth 0"""
    d, pos = 0, 0
    for k, v in R.lex(s):
        if v == "(":
            d += 1
        elif v == ")":
            d -= 1
        elif k == "id" and d == 0 and v.upper() == "WHERE":
            return s[:pos].strip(), s[pos + len(v) :].strip()
        pos += len(v)
    return s.strip(), None


def dml_with_subquery(S, op, table, alias, cond, sets, p):
    """Databricks allows (un-nested) subqueries in the condition of DELETE and UPDATE, OSS Delta does not: the same effect with MERGE.
    The condition is a function of the row, so rows equal in all columns are hit together."""
    if sub_depth(cond) > 1:
        raise SqlError(
            "[DELTA_NESTED_SUBQUERY_NOT_SUPPORTED] Nested subquery is not supported in the %s condition. SQLSTATE: 0A000"
            % op,
            "0A000",
            "DELTA_NESTED_SUBQUERY_NOT_SUPPORTED",
        )
    k = S.full(R.split_name(table))
    a = alias or "`__tgt`"
    cs = [
        f.name
        for f in S.spark.table(S.q(k)).schema.fields
        if type(f.dataType).__name__ not in ("MapType", "VariantType")
    ]
    src = (
        "SELECT DISTINCT %s FROM %s AS %s WHERE %s"
        % (", ".join("%s.`%s` AS `__k%d`" % (a, c, i) for i, c in enumerate(cs)), table, a, cond)
        if alias
        else "SELECT DISTINCT %s FROM %s WHERE %s"
        % (", ".join("`%s` AS `__k%d`" % (c, i) for i, c in enumerate(cs)), table, cond)
    )
    r = S.run(
        "MERGE INTO %s AS %s USING (%s) AS `__src` ON %s WHEN MATCHED THEN %s"
        % (
            table,
            a,
            src,
            " AND ".join("%s.`%s` <=> `__src`.`__k%d`" % (a, c, i) for i, c in enumerate(cs)),
            "DELETE" if op == "DELETE" else "UPDATE SET " + sets,
        ),
        p,
    )
    return one(num_affected_rows=r.column("num_affected_rows")[0].as_py())


@on(r"^DELETE\s+FROM\s+(%s)(?:\s+(?:AS\s+)?(?!WHERE\b)(`[^`]+`|\w+))?\s+WHERE\s+(.*)$" % N)
def _del(S, m, s, p):
    if not has_sub(m[3]):
        return NotImplemented
    return dml_with_subquery(S, "DELETE", m[1], m[2], m[3], None, p)


@on(r"^UPDATE\s+(%s)(?:\s+(?:AS\s+)?(?!SET\b)(`[^`]+`|\w+))?\s+SET\s+(.*)$" % N)
def _upd(S, m, s, p):
    sets, cond = split_where(m[3])
    if cond is None or not has_sub(cond):
        return NotImplemented
    return dml_with_subquery(S, "UPDATE", m[1], m[2], cond, sets, p)


def strip_uc(s):
    s = re.sub(r"\bCLUSTER\s+BY\s+AUTO\b", "", s, flags=re.I)
    return s


def drop_cons(k):
    STORE.cons.pop(k, None)


@on(r"^CREATE\s+(OR\s+REPLACE\s+)?(?:EXTERNAL\s+)?TABLE\s+(IF\s+NOT\s+EXISTS\s+)?(%s)" % N)
def _ct(S, m, s, p):
    s2, name, cons = R.extract_constraints(strip_uc(s))
    k = S.full(R.split_name(m[3]))
    if m[2] and S.spark.catalog.tableExists("spark_catalog.%s.%s" % k):
        return None
    r = S.run(s2, p)
    drop_cons(k)
    for c in cons:
        add_cons(S, k, c, pk_not_null=True)
    return r


def add_cons(S, k, c, pk_not_null=False):
    if c["type"][0] == "P":
        if any(x["type"][0] == "P" for x in STORE.cons.get(k, [])):
            raise SqlError(
                "[DELTA_PRIMARY_KEY_ALREADY_EXISTS] Table `%s`.`%s` already has a primary key SQLSTATE: 42P16"
                % k,
                "42P16",
            )
        nn = {f.name.lower(): f.nullable for f in S.spark.table(S.q(k)).schema.fields}
        for x in c["cols"]:
            if nn.get(x.lower(), True) and not pk_not_null:
                raise SqlError(
                    "[UC_INVALID_PRIMARY_KEY] Cannot create the primary key `%s` because its child column(s) `%s` is nullable. Please change the column nullability and retry. SQLSTATE: 42000"
                    % (c["name"], x),
                    "42000",
                )
    with STORE.lock:
        l = STORE.cons.setdefault(k, [])
        base, i = c["name"], 1
        while any(x["name"].lower() == c["name"].lower() for x in l):
            c["name"] = "%s_%d" % (base, i)
            i += 1  # an unnamed key added twice
        l.append(c)


@on(r"^ALTER\s+TABLE\s+(%s)\s+ADD\s+((?:CONSTRAINT\s+\S+\s+)?(?:PRIMARY|FOREIGN)\s+KEY.*)$" % N)
def _addc(S, m, s, p):
    k = S.full(R.split_name(m[1]))
    S.spark.table(S.q(k))
    add_cons(S, k, R.parse_constraint(m[2], k[1]))


@on(
    r"^ALTER\s+TABLE\s+(%s)\s+DROP\s+(?:CONSTRAINT\s+(IF\s+EXISTS\s+)?(%s)|(PRIMARY)\s+KEY(?:\s+IF\s+EXISTS)?)(?:\s+(?:CASCADE|RESTRICT))?$"
    % (N, N)
)
def _dropc(S, m, s, p):
    k = S.full(R.split_name(m[1]))
    cs = STORE.cons.get(k, [])
    keep = [
        c
        for c in cs
        if not (c["type"][0] == "P" if m[4] else c["name"].lower() == R.split_name(m[3])[0].lower())
    ]
    if len(keep) == len(cs) and not m[4]:
        return S.run(re.sub(r"\s+(CASCADE|RESTRICT)$", "", s, flags=re.I))
    STORE.cons[k] = keep


@on(r"^ALTER\s+(?:TABLE|VIEW)\s+(%s)\s+(?:ALTER\s+COLUMN\s+(%s)\s+)?(SET|UNSET)\s+TAGS\s*\((.*)\)$" % (N, N))
def _tags(S, m, s, p):
    k = S.full(R.split_name(m[1])) + ((R.unq(m[2]),) if m[2] else ())
    if m[3].upper() == "SET":
        STORE.tags.setdefault(k, {}).update(
            {
                **{
                    R.unstr(x): ""
                    for x in re.findall(STRL + r"(?=\s*(?:,|$))", re.sub(r"=\s*" + STRL, "=0", m[4]))
                },
                **R.options(m[4]),
            }
        )
    else:
        [STORE.tags.get(k, {}).pop(R.unstr(x), None) for x in re.findall(STRL, m[4])]


@on(r"^ALTER\s+(?:TABLE|VIEW)\s+(%s)\s+RENAME\s+TO\s+(%s)$" % (N, N))
def _ren(S, m, s, p):
    a, b = S.full(R.split_name(m[1])), S.full(R.split_name(m[2]))
    S.spark.sql(
        "ALTER %s spark_catalog.%s RENAME TO %s" % (re.match(r"ALTER\s+(\w+)", s, re.I)[1], S.q(a), S.q(b))
    )
    for d in (STORE.cons, STORE.tags):
        if a in d:
            d[b] = d.pop(a)


@on(r"^ALTER\s+TABLE\s+(%s)\s+(?:ALTER|CHANGE)\s+COLUMN\s+(%s)\s+SET\s+NOT\s+NULL$" % (N, N))
def _not_null(S, m, s, p):
    # open-source Delta refuses it; as a CHECK it holds for the rows that are there and for those to come
    column = R.unq(m[2])
    name = "not_null_" + re.sub(r"\W", "_", column)
    return S.run("ALTER TABLE %s ADD CONSTRAINT `%s` CHECK (`%s` IS NOT NULL)" % (m[1], name, column))


@on(r"^ALTER\s+TABLE\s+(%s)\s+CLUSTER\s+BY\s+AUTO$" % N)
def _cba(S, m, s, p):
    return None


@on(
    r"^(ALTER\s+\S+\s+%s\s+(?:SET\s+)?OWNER\s+TO\b|GRANT\b|REVOKE\b|ANALYZE\s+TABLE\b|COMMENT\s+ON\s+(?:CATALOG|VOLUME)\b|REFRESH\s+FOREIGN)"
    % N
)
def _noop(S, m, s, p):
    return None


@on(r"^DROP\s+(TABLE|VIEW)\s+(IF\s+EXISTS\s+)?(%s)$" % N)
def _drop(S, m, s, p):
    r = S.run(s)
    k = S.full(R.split_name(m[3]))
    drop_cons(k)
    STORE.tags.pop(k, None)
    return r


@on(r"^DROP\s+(?:SCHEMA|DATABASE)\s+(?:IF\s+EXISTS\s+)?(%s)" % N)
def _drops(S, m, s, p):
    r = S.run(s)
    sch = R.split_name(m[1])[-1].lower()
    with STORE.lock:
        for k in [k for k in STORE.cons if k[0] == sch]:
            drop_cons(k)
        for k in [k for k in STORE.volumes if k[1] == sch]:
            STORE.volumes.pop(k)
            shutil.rmtree(VOLROOT + "/Volumes/%s/%s/%s" % k, ignore_errors=True)
    return r


@on(r"^DESC(?:RIBE)?\s+(?:TABLE\s+)?EXTENDED\s+(%s)\s+AS\s+JSON$" % N)
def _dj(S, m, s, p):
    try:
        return S.run(
            s
        )  # views, temp views: Spark answers; Delta (v2) tables: NOT_SUPPORTED_COMMAND_FOR_V2_TABLE
    except Exception as e:
        if "NOT_SUPPORTED_COMMAND_FOR_V2_TABLE" not in str(to_sql_error(e)):
            raise
    k = S.full(R.split_name(m[1]))
    f = S.spark.table(S.q(k)).schema
    x = next(y for y in S.tables({k[0]}) if y["name"] == k[1])
    d = dict(
        table_name=k[1],
        catalog_name=CAT,
        namespace=[k[0]],
        schema_name=k[0],
        columns=[
            dict(
                name=c.name,
                type=jtype(c.dataType),
                nullable=c.nullable,
                **({"comment": c.metadata["comment"]} if "comment" in (c.metadata or {}) else {})
            )
            for c in f
        ],
        type=x["type"],
        provider=(x["fmt"] or "").lower() or None,
        owner=OWNER,
        comment=x["comment"],
        view_text=x["view"],
    )
    if x["type"] != "VIEW":
        r = S.spark.sql("DESCRIBE DETAIL " + S.q(k)).first()
        d.update(
            location=r["location"],
            table_properties=r["properties"],
            partition_columns=r["partitionColumns"],
            clustering_information=list(r["clusteringColumns"] or []) or None,
        )
        cs = STORE.cons.get(k, [])
        if cs:
            d["table_constraints"] = str(
                [
                    (
                        c["name"],
                        "%s (%s)%s"
                        % (
                            c["type"],
                            ", ".join("`%s`" % z for z in c["cols"]),
                            (" REFERENCES `%s`" % "`.`".join(c["ref"])) if c["type"][0] == "F" else "",
                        ),
                    )
                    for c in cs
                ]
            )
    return one(json_metadata=json.dumps({a: b for a, b in d.items() if b is not None}))


def jtype(t):
    if isinstance(t, T.DecimalType):
        return dict(name="decimal", precision=t.precision, scale=t.scale)
    if isinstance(t, T.ArrayType):
        return dict(name="array", element_type=jtype(t.elementType), element_nullable=t.containsNull)
    if isinstance(t, T.MapType):
        return dict(
            name="map",
            key_type=jtype(t.keyType),
            value_type=jtype(t.valueType),
            value_nullable=t.valueContainsNull,
        )
    if isinstance(t, T.StructType):
        return dict(
            name="struct", fields=[dict(name=f.name, type=jtype(f.dataType), nullable=f.nullable) for f in t]
        )
    if isinstance(t, T.StringType):
        return dict(name="string", collation="UTF8_BINARY")
    if isinstance(t, T.TimestampType):
        return dict(name="timestamp_ltz")
    return dict(name=t.simpleString())


@on(r"^SHOW\s+TABLE\s+EXTENDED\s+(?:IN|FROM)\s+(%s)\s+LIKE\s+" % N)
def _ste(S, m, s, p):
    t = S.run(s)
    info = []
    for r in t.to_pylist():
        x = r["information"]
        if "Provider: delta" in x and "Schema: root" not in x:
            x = (
                x.rstrip("\n")
                + "\nSchema: root\n"
                + S.spark.table("`%s`.`%s`" % (r["database"], r["tableName"]))
                .schema.treeString()
                .split("\n", 1)[1]
                + "\n"
            )
        info.append(
            x
            if "Owner:" in x
            else (
                "Owner: standin\n" + x
                if False
                else x.replace("\nCreated Time:", "\nOwner: standin\nCreated Time:", 1)
            )
        )
    return t.set_column(
        t.schema.get_field_index("information"), t.schema.field("information"), pa.array(info, pa.string())
    )


@on(r"^COMMENT\s+ON\s+COLUMN\s+(%s)\s+IS\s+(.*)$" % N)
def _coc(S, m, s, p):
    n = R.split_name(m[1])
    k = S.full(n[:-1])
    return S.run(
        "ALTER TABLE %s ALTER COLUMN `%s` COMMENT %s"
        % (S.q(k), n[-1], "''" if m[2].strip().upper() == "NULL" else m[2])
    )


@on(r"^SHOW\s+CREATE\s+TABLE\s+(%s)$" % N)
def _sct(S, m, s, p):
    k = S.full(R.split_name(m[1]))
    x = next((y for y in S.tables({k[0]}) if y["name"] == k[1]), None)
    if not x or x["type"] == "VIEW":
        return NotImplemented
    r = S.spark.sql("DESCRIBE DETAIL " + S.q(k)).first()
    cs = [
        "  %s %s%s" % (c.name, c.dataType.simpleString().upper(), "" if c.nullable else " NOT NULL")
        for c in S.spark.table(S.q(k)).schema
    ] + [
        "  CONSTRAINT `%s` %s (%s)" % (c["name"], c["type"], ", ".join("`%s`" % z for z in c["cols"]))
        for c in STORE.cons.get(k, [])
    ]
    return one(
        createtab_stmt="CREATE TABLE %s.%s.%s (\n%s)\nUSING delta\n" % (CAT, k[0], k[1], ",\n".join(cs))
        + ("CLUSTER BY (%s)\n" % ",".join(r["clusteringColumns"]) if r["clusteringColumns"] else "")
    )


@on(r"^SET\s+spark\.databricks\.clusterUsageTags\.sparkVersion$")
def _sv2(S, m, s, p):
    return one(key="spark.databricks.clusterUsageTags.sparkVersion", value="17.3.x-standin")


@on(
    r"^CREATE\s+(OR\s+REPLACE\s+)?TABLE\s+(IF\s+NOT\s+EXISTS\s+)?(%s)\s+(?:DEEP\s+)?CLONE\s+(%s)(\s+(?:VERSION|TIMESTAMP)\s+AS\s+OF\s+\S+)?$"
    % (N, N)
)
def _deep(S, m, s, p):
    """DEEP CLONE (also plain CLONE) is not in open-source Delta: an empty table with the same columns and properties, then the rows"""
    k, src = S.full(R.split_name(m[3])), S.full(R.split_name(m[4]))
    exists = S.spark.catalog.tableExists("spark_catalog.%s.%s" % k)
    if exists and m[2]:
        return None
    if exists and not m[1]:
        raise SqlError(
            "[TABLE_OR_VIEW_ALREADY_EXISTS] Cannot create table or view `%s`.`%s` because it already exists. SQLSTATE: 42P07"
            % k,
            "42P07",
            "TABLE_OR_VIEW_ALREADY_EXISTS",
        )
    x = S.spark.sql("DESCRIBE DETAIL " + S.q(src)).first()
    qi = lambda c: "`" + c.replace("`", "``") + "`"
    ql = lambda v: "'" + v.replace("\\", "\\\\").replace("'", "\\'") + "'"
    cols = ", ".join(
        "%s %s%s%s"
        % (
            qi(f.name),
            f.dataType.simpleString(),
            "" if f.nullable else " NOT NULL",
            " COMMENT " + ql(f.metadata["comment"]) if "comment" in (f.metadata or {}) else "",
        )
        for f in S.spark.table(S.q(src)).schema.fields
    )
    part, clu, props = (
        list(x["partitionColumns"] or []),
        list(x["clusteringColumns"] or []),
        {
            a: b
            for a, b in (x["properties"] or {}).items()
            if not a.startswith(("delta.rowTracking.", "delta.columnMapping.max"))
        },
    )
    S.spark.sql(
        "CREATE %sTABLE %s (%s) USING delta%s%s%s"
        % (
            "OR REPLACE " if m[1] else "",
            S.q(k),
            cols,
            " PARTITIONED BY (%s)" % ", ".join(map(qi, part)) if part else "",
            " CLUSTER BY (%s)" % ", ".join(map(qi, clu)) if clu else "",
            (
                " TBLPROPERTIES (%s)" % ", ".join("%s=%s" % (ql(a), ql(b)) for a, b in props.items())
                if props
                else ""
            ),
        )
    )
    S.spark.sql("INSERT INTO %s SELECT * FROM %s%s" % (S.q(k), S.q(src), m[5] or ""))
    d = S.spark.sql("DESCRIBE DETAIL " + S.q(k)).first()
    drop_cons(k)
    return one(
        source_table_size=int(x["sizeInBytes"]),
        source_num_of_files=int(x["numFiles"]),
        num_removed_files=0,
        num_copied_files=int(d["numFiles"]),
        removed_files_size=0,
        copied_files_size=int(d["sizeInBytes"]),
    )


HANDLERS.sort(key=lambda h: 0 if h[1].__name__ == "_deep" else 1)
