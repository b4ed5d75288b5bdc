"""Tables: keys, tags, clones and what else Unity Catalog adds to CREATE and ALTER."""

import re
import shutil
import sqlrewrite as R
from catalog import STORE, drop_keys
from handlers import N, STRL, on
from results import one
from settings import VOLROOT
from sql_error import SqlError


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
    drop_keys(k)
    return one(
        source_table_size=int(x["sizeInBytes"]),
        source_num_of_files=int(x["numFiles"]),
        num_removed_files=0,
        num_copied_files=int(d["numFiles"]),
        removed_files_size=0,
        copied_files_size=int(d["sizeInBytes"]),
    )


def strip_uc(s):
    s = re.sub(r"\bCLUSTER\s+BY\s+AUTO\b", "", s, flags=re.I)
    return s


@on(r"^CREATE\s+(OR\s+REPLACE\s+)?(?:EXTERNAL\s+)?TABLE\s+(IF\s+NOT\s+EXISTS\s+)?(%s)" % N)
def _ct(S, m, s, p):
    s2, name, cons = R.extract_constraints(strip_uc(s))
    k = S.full(R.split_name(m[3]))
    if m[2] and S.spark.catalog.tableExists("spark_catalog.%s.%s" % k):
        return None
    r = S.run(s2, p)
    drop_keys(k)
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


@on(r"^DROP\s+(TABLE|VIEW)\s+(IF\s+EXISTS\s+)?(%s)$" % N)
def _drop(S, m, s, p):
    r = S.run(s)
    k = S.full(R.split_name(m[3]))
    drop_keys(k)
    STORE.tags.pop(k, None)
    return r


@on(r"^DROP\s+(?:SCHEMA|DATABASE)\s+(?:IF\s+EXISTS\s+)?(%s)" % N)
def _drops(S, m, s, p):
    r = S.run(s)
    sch = R.split_name(m[1])[-1].lower()
    with STORE.lock:
        for k in [k for k in STORE.cons if k[0] == sch]:
            drop_keys(k)
        for k in [k for k in STORE.volumes if k[1] == sch]:
            STORE.volumes.pop(k)
            shutil.rmtree(VOLROOT + "/Volumes/%s/%s/%s" % k, ignore_errors=True)
    return r
