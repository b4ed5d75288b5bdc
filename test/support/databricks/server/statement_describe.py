"""DESCRIBE and SHOW as Databricks answers them."""

import json
import pyarrow as pa
from pyspark.sql import types as T
import sqlrewrite as R
from catalog import STORE
from handlers import N, on
from information_schema import tables
from results import one
from settings import CAT, OWNER
from sql_error import to_sql_error


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
    x = next(y for y in tables(S, {k[0]}) if y["name"] == k[1])
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


@on(r"^COMMENT\s+ON\s+VIEW\s+(%s)\s+IS\s+(.*)$" % N)
def _comment_view(S, m, s, p):
    S.spark.sql("ALTER VIEW %s SET TBLPROPERTIES ('comment' = %s)" % (S.q(S.full(R.split_name(m[1]))), m[2]))


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
    x = next((y for y in tables(S, {k[0]}) if y["name"] == k[1]), None)
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
