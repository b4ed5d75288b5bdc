"""Catalogs, schemas, and what is accepted without effect."""

import pyarrow as pa
import sqlrewrite as R
from handlers import N, STRL, on
from results import one
from settings import CATALOGS
from sql_error import SqlError


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


@on(r"^SET\s+spark\.databricks\.clusterUsageTags\.sparkVersion$")
def _sv2(S, m, s, p):
    return one(key="spark.databricks.clusterUsageTags.sparkVersion", value="17.3.x-standin")


@on(
    r"^(ALTER\s+\S+\s+%s\s+(?:SET\s+)?OWNER\s+TO\b|ANALYZE\s+TABLE\b|COMMENT\s+ON\s+(?:CATALOG|VOLUME)\b|REFRESH\s+FOREIGN)"
    % N
)
def _noop(S, m, s, p):
    return None
