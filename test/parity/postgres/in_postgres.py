"""A database of its own for each run of a case on PostgreSQL, and how it is read for the one dump that all comparisons
use: DuckDB's SQL and its names of types, where PostgreSQL has the same."""
import os
import re
import sys
import uuid

import psycopg2

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from casekit import dump_connection

AS_IN_DUCKDB = {"bigint": "BIGINT", "integer": "INTEGER", "smallint": "SMALLINT", "boolean": "BOOLEAN",
                "double precision": "DOUBLE", "bytea": "BLOB", "jsonb": "JSON"}
COLUMNS = """select c.relname, a.attname, format_type(a.atttypid, a.atttypmod), case when a.attnotnull then 'NO' else 'YES' end
  from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
  where n.nspname = %s and c.relkind = 'r' and a.attnum > 0 and not a.attisdropped order by c.relname, a.attnum"""


class Reader:
    """A connection as `dump_connection` wants it."""

    def __init__(self, dsn):
        self.connection = psycopg2.connect(dsn)
        self.connection.autocommit = True

    def execute(self, sql, parameters=()):
        self.cursor = self.connection.cursor()
        self.columns = "information_schema.columns" in sql
        sql = COLUMNS if self.columns else re.sub(r"\bhex\(", "encode('hex', ", sql)
        sql = re.sub(r"encode\('hex', (\"(?:[^\"]|\"\")*\")\)", r"upper(encode(\1, 'hex'))", sql)
        self.cursor.execute(sql, parameters or None)
        return self

    def fetchall(self):
        rows = self.cursor.fetchall()
        return [(t, c, AS_IN_DUCKDB.get(kind, kind), nullable) for t, c, kind, nullable in rows] if self.columns else rows

    def close(self):
        self.connection.close()


def in_postgres(admin_dsn):
    """A `destination` for run_case."""

    def execute(sql):
        connection = psycopg2.connect(admin_dsn)
        connection.autocommit = True
        try:
            connection.cursor().execute(sql)
        finally:
            connection.close()

    class InPostgres:
        def __init__(self, work):
            self.name = "case_" + uuid.uuid4().hex[:12]
            execute(f"CREATE DATABASE {self.name}")
            self.dsn = re.sub(r"/[^/]*$", f"/{self.name}", admin_dsn)
            self.fields = {"postgres": self.dsn}

        def dump(self, dataset, base):
            # dlt folds the names of datasets there, normalized or not
            dump = dump_connection(Reader(self.dsn), dataset.lower(), base)
            return dump if dump["tables"] else None

        def close(self):
            execute(f"DROP DATABASE {self.name} WITH (FORCE)")

    return InPostgres
