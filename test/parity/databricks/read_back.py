"""A Databricks dataset as the DuckDB file that dlt would have left, for the one dump that all comparisons use.

The mapping of types is this table: DuckDB's type, as dlt makes it, and the one that Databricks must have for the same
column. Where the column has another one it keeps its own name, and the comparison fails on it."""
import os
import re

import duckdb
import pyarrow as pa

ON_DATABRICKS = {
    "VARCHAR": "string",
    "JSON": "string",  # JSON text
    "TIME": "string",  # 01:02:03, or 01:02:03.000004
    "BIGINT": "bigint",
    "INTEGER": "int",
    "SMALLINT": "smallint",
    "TINYINT": "tinyint",
    "DOUBLE": "double",
    "BOOLEAN": "boolean",
    "DATE": "date",
    "BLOB": "binary",
    "TIMESTAMP WITH TIME ZONE": "timestamp",
    # one type for all precisions
    "TIMESTAMP": "timestamp_ntz",
    "TIMESTAMP_S": "timestamp_ntz",
    "TIMESTAMP_MS": "timestamp_ntz",
    "TIMESTAMP_NS": "timestamp_ntz",
}
DEFAULT = {"string": "VARCHAR", "int": "INTEGER", "binary": "BLOB", "timestamp": "TIMESTAMP WITH TIME ZONE",
           "timestamp_ntz": "TIMESTAMP"}
READ_AS_THEY_ARE = {"bigint", "int", "smallint", "tinyint", "double", "boolean", "binary", "string"}


def duckdb_type(databricks, expected):
    """The type in the DuckDB file: the expected one where the mapping allows it."""
    if expected is not None:
        wanted = expected.lower() if expected.startswith("DECIMAL") else ON_DATABRICKS.get(expected)
        if wanted == databricks:
            return expected
    return DEFAULT.get(databricks, databricks.upper())


def expected_types(dump):
    """table → column → DuckDB's type in dlt's dump."""
    tables = (dump or {}).get("tables") or {}
    return {name: {c: kind for c, kind, _ in table["columns"]} for name, table in tables.items()}


def text(value):
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def name(identifier):
    return "`" + identifier.replace("`", "``") + "`"


def quoted(identifier):
    return '"' + identifier.replace('"', '""') + '"'


def read_back(cursor, catalog, dataset, path, types):
    """Writes `path` anew. False: there is no such dataset, and no file."""
    if os.path.exists(path):
        os.remove(path)
    cursor.execute(f"SELECT 1 FROM {name(catalog)}.information_schema.schemata WHERE schema_name = {text(dataset)}")
    if not cursor.fetchall():
        return False
    cursor.execute(
        f"SELECT table_name, column_name, full_data_type, is_nullable FROM {name(catalog)}.information_schema.columns"
        f" WHERE table_schema = {text(dataset)} ORDER BY table_name, ordinal_position"
    )
    tables = {}
    for table, column, kind, nullable in cursor.fetchall():
        tables.setdefault(table, []).append((column, kind.lower(), nullable == "YES"))
    with duckdb.connect(path) as file:
        file.execute("SET TimeZone='UTC'")
        file.execute(f"CREATE SCHEMA {quoted(dataset)}")
        for table, columns in tables.items():
            made = [(c, duckdb_type(kind, types.get(table, {}).get(c)), nullable) for c, kind, nullable in columns]
            definition = ", ".join(f"{quoted(c)} {t}{'' if nullable else ' NOT NULL'}" for c, t, nullable in made)
            place = f"{quoted(dataset)}.{quoted(table)}"
            file.execute(f"CREATE TABLE {place} ({definition})")
            # what a driver may render in its own way crosses as text
            read = ", ".join(
                f"{name(c) if kind in READ_AS_THEY_ARE else f'CAST({name(c)} AS STRING)'} AS c{i}"
                for i, (c, kind, _) in enumerate(columns)
            )
            cursor.execute(f"SELECT {read} FROM {name(catalog)}.{name(dataset)}.{name(table)}")
            rows = cursor.fetchall_arrow()
            if rows.num_rows:
                rows = pa.table({f"c{i}": rows.column(i) for i in range(rows.num_columns)})
                casts = ", ".join(f"CAST(c{i} AS {t})" for i, (_, t, _) in enumerate(made))
                file.execute(f"INSERT INTO {place} SELECT {casts} FROM rows")
    return True
