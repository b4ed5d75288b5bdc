"""The catalog calls of the Thrift protocol: GetTables, GetColumns and their like."""

import re
import pyarrow as pa
from databricks.sql.thrift_api.TCLIService import ttypes as t
from catalog import STORE
from information_schema import fields, schemas, tables
from settings import CAT, CATALOGS
from thrift_results import TYPES


class Metadata:
    def GetCatalogs(self, r):
        return self.start(
            t.TOperationType.GET_CATALOGS,
            r,
            lambda S: pa.table({"TABLE_CAT": [CAT, "system"]}),
            t.TGetCatalogsResp,
            "[GetCatalogs]",
        )

    def GetTableTypes(self, r):
        return self.start(
            t.TOperationType.GET_TABLE_TYPES,
            r,
            lambda S: pa.table({"TABLE_TYPE": ["TABLE", "VIEW"]}),
            t.TGetTableTypesResp,
            "[GetTableTypes]",
        )

    def GetTypeInfo(self, r):
        return self.start(
            t.TOperationType.GET_TYPE_INFO,
            r,
            lambda S: pa.table({"TYPE_NAME": [x.upper() for x in TYPES], "DATA_TYPE": [0] * len(TYPES)}),
            t.TGetTypeInfoResp,
            "[GetTypeInfo]",
        )

    def GetSchemas(self, r):
        def f(S):
            n = [s for s in schemas(S) if like(s, r.schemaName) and cat(r)]
            return pa.table(
                {
                    "TABLE_SCHEM": pa.array(n, pa.string()),
                    "TABLE_CATALOG": pa.array([CAT] * len(n), pa.string()),
                }
            )

        return self.start(
            t.TOperationType.GET_SCHEMAS,
            r,
            f,
            t.TGetSchemasResp,
            "[GetSchemas %s %s]" % (r.catalogName, r.schemaName),
        )

    def rows(self, S, r):
        if not cat(r):
            return []
        return [
            x
            for x in tables(S, {s for s in schemas(S) if like(s, r.schemaName)})
            if like(x["name"], r.tableName)
        ]

    def GetTables(self, r):
        def f(S):
            x = [
                y
                for y in self.rows(S, r)
                if not r.tableTypes or ("VIEW" if y["type"] == "VIEW" else "TABLE") in r.tableTypes
            ]
            st = lambda l: pa.array(l, pa.string())
            return pa.table(
                {
                    "TABLE_CAT": st([CAT] * len(x)),
                    "TABLE_SCHEM": st([y["schema"] for y in x]),
                    "TABLE_NAME": st([y["name"] for y in x]),
                    "TABLE_TYPE": st(["VIEW" if y["type"] == "VIEW" else "TABLE" for y in x]),
                    "REMARKS": st([y["comment"] or "" for y in x]),
                    "TYPE_CAT": st([None] * len(x)),
                    "TYPE_SCHEM": st([None] * len(x)),
                    "TYPE_NAME": st([None] * len(x)),
                    "SELF_REFERENCING_COL_NAME": st([None] * len(x)),
                    "REF_GENERATION": st([None] * len(x)),
                }
            )

        return self.start(
            t.TOperationType.GET_TABLES,
            r,
            f,
            t.TGetTablesResp,
            "[GetTables %s %s %s]" % (r.catalogName, r.schemaName, r.tableName),
        )

    def GetColumns(self, r):
        def f(S):
            out = []
            for x in self.rows(S, r):
                for i, c in enumerate(fields(S, x["schema"], x["name"])):
                    if like(c.name, r.columnName):
                        out.append(
                            (
                                CAT,
                                x["schema"],
                                x["name"],
                                c.name,
                                0,
                                c.dataType.simpleString().upper(),
                                1 if c.nullable else 0,
                                (c.metadata or {}).get("comment"),
                                i,
                                "YES" if c.nullable else "NO",
                            )
                        )
            names = [
                "TABLE_CAT",
                "TABLE_SCHEM",
                "TABLE_NAME",
                "COLUMN_NAME",
                "DATA_TYPE",
                "TYPE_NAME",
                "NULLABLE",
                "REMARKS",
                "ORDINAL_POSITION",
                "IS_NULLABLE",
            ]
            return pa.table(
                {
                    n: pa.array(
                        [o[i] for o in out],
                        pa.int32() if n in ("DATA_TYPE", "NULLABLE", "ORDINAL_POSITION") else pa.string(),
                    )
                    for i, n in enumerate(names)
                }
            )

        return self.start(
            t.TOperationType.GET_COLUMNS,
            r,
            f,
            t.TGetColumnsResp,
            "[GetColumns %s %s %s]" % (r.catalogName, r.schemaName, r.tableName),
        )

    def GetFunctions(self, r):
        return self.start(
            t.TOperationType.GET_FUNCTIONS,
            r,
            lambda S: pa.table({"FUNCTION_NAME": pa.array([], pa.string())}),
            t.TGetFunctionsResp,
            "[GetFunctions]",
        )

    def GetPrimaryKeys(self, r):
        def f(S):
            o = [
                (CAT, k[0], k[1], n, i + 1, c["name"])
                for k, cs in STORE.cons.items()
                for c in cs
                if c["type"][0] == "P" and k == (r.schemaName.lower(), r.tableName.lower())
                for i, n in enumerate(c["cols"])
            ]
            return pa.table(
                {
                    n: pa.array([x[i] for x in o], pa.int32() if n == "KEQ_SEQ" else pa.string())
                    for i, n in enumerate(
                        ["TABLE_CAT", "TABLE_SCHEM", "TABLE_NAME", "COLUMN_NAME", "KEQ_SEQ", "PK_NAME"]
                    )
                }
            )

        return self.start(t.TOperationType.EXECUTE_STATEMENT, r, f, t.TGetPrimaryKeysResp, "[GetPrimaryKeys]")

    def GetCrossReference(self, r):
        return self.start(
            t.TOperationType.EXECUTE_STATEMENT,
            r,
            lambda S: pa.table({"PKTABLE_CAT": pa.array([], pa.string())}),
            t.TGetCrossReferenceResp,
            "[GetCrossReference]",
        )


def like(v, p):
    if not p or p in ("%", "*"):
        return True
    rx = re.sub(
        r"\\(.)|(%)|(_)|(.)",
        lambda m: re.escape(m[1] or "") if m[1] else ".*" if m[2] else "." if m[3] else re.escape(m[4]),
        p,
    )
    return re.fullmatch(rx, v, re.I) is not None


def cat(r):
    return not r.catalogName or r.catalogName.replace("\\", "").lower() in CATALOGS or r.catalogName == "%"
