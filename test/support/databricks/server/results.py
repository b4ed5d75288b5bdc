"""A Spark result as an Arrow table, as Databricks sends it."""

import json
import pyarrow as pa
from pyspark.sql import functions as F
from pyspark.sql import types as T
from settings import CAT


def one(**kw):
    return pa.table({k: pa.array([v]) for k, v in kw.items()})


def arrow(df):
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
