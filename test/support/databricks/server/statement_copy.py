"""COPY INTO with its ledger of loaded files, and the counts of INSERT."""

import fnmatch
import glob
import json
import os
import re
import uuid
from pyspark.sql import types as T
import sqlrewrite as R
from catalog import STORE, local_path
from handlers import N, STRL, on
from results import one
from settings import CAT, VOLROOT
from sql_error import SqlError


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
    base = local_path(src) if re.match(r"(dbfs:)?/Volumes/", src) else re.sub(r"^file:", "", src)
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
    loc = location(S, tgt)
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
        mark = uuid.uuid4().hex
        w = df.write.format("delta").mode("append").option("userMetadata", mark)
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
        n = metric_of(S, tgt, mark, "numOutputRows")
        with STORE.lock:
            os.makedirs(os.path.dirname(led), exist_ok=True)
            json.dump(sorted(done | set(new)), open(led, "w"))
    return one(num_affected_rows=n, num_inserted_rows=n, num_skipped_corrupt_files=0)


def location(session, table):
    """the table's folder, from the catalog: DESCRIBE DETAIL would be a Spark job"""
    jvm = session.spark._jvm
    name = jvm.org.apache.spark.sql.catalyst.TableIdentifier(table[1], jvm.scala.Option.apply(table[0]))
    catalog = session.spark._jsparkSession.sessionState().catalog()
    return catalog.getTableMetadata(name).location().getPath()


def metric_of(session, table, mark, key):
    """of the operationMetrics of the commit that carries the mark, straight from the log; 0: the statement committed nothing"""
    fs = sorted(glob.glob(location(session, table) + "/_delta_log/*.json"), reverse=True)
    for f in fs:
        for line in open(f):
            d = json.loads(line)
            if d.get("commitInfo", {}).get("userMetadata") == mark:
                return int(d["commitInfo"].get("operationMetrics", {}).get(key, 0))
    return 0


USER_METADATA = "spark.databricks.delta.commitInfo.userMetadata"


@on(r"^INSERT\s+(?:INTO|OVERWRITE)\s+(?:TABLE\s+)?(%s)" % N)
def _insert(S, m, s, p):
    # an INSERT of no rows makes no commit, and others may commit meanwhile: its own is known by a mark
    mark = uuid.uuid4().hex
    S.spark.conf.set(USER_METADATA, mark)
    try:
        r = S.run(s, p)
    finally:
        S.spark.conf.unset(USER_METADATA)
    if r is not None:
        return r
    t = S.full(R.split_name(m[1]))
    try:
        n = metric_of(S, t, mark, "numOutputRows")
    except Exception:
        return None
    return one(num_affected_rows=n, num_inserted_rows=n)
