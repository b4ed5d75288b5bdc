"""Thrift-over-HTTPS front: TCLIService.Processor shipped in databricks-sql-connector + presigned URLs + Files REST API."""

import sys
import os
import ssl
import json
import base64
import time
import uuid
import threading
import datetime
import decimal
import traceback
import re
import shutil
import urllib.parse
import logging
from http.server import ThreadingHTTPServer, BaseHTTPRequestHandler
from concurrent.futures import ThreadPoolExecutor
import pyarrow as pa
from thrift.protocol import TBinaryProtocol
from thrift.transport import TTransport
from databricks.sql.thrift_api.TCLIService import TCLIService, ttypes as t
import engine as E

try:
    import lz4.frame as lz4
except ImportError:
    lz4 = None

LOG = (
    open(os.environ.get("DBX_LOG", E.LAB + "/statements.log"), "a", buffering=1)
    if os.makedirs(E.LAB, exist_ok=True) is None
    else None
)
OK = t.TStatus(statusCode=t.TStatusCode.SUCCESS_STATUS)
V = t.TProtocolVersion.SPARK_CLI_SERVICE_PROTOCOL_V8
I = t.TTypeId
TYPES = {
    "boolean": I.BOOLEAN_TYPE,
    "tinyint": I.TINYINT_TYPE,
    "smallint": I.SMALLINT_TYPE,
    "int": I.INT_TYPE,
    "bigint": I.BIGINT_TYPE,
    "float": I.FLOAT_TYPE,
    "double": I.DOUBLE_TYPE,
    "string": I.STRING_TYPE,
    "timestamp": I.TIMESTAMP_TYPE,
    "timestamp_ntz": I.TIMESTAMP_TYPE,
    "binary": I.BINARY_TYPE,
    "array": I.ARRAY_TYPE,
    "map": I.MAP_TYPE,
    "struct": I.STRUCT_TYPE,
    "decimal": I.DECIMAL_TYPE,
    "date": I.DATE_TYPE,
    "varchar": I.STRING_TYPE,
    "char": I.STRING_TYPE,
}
ARROW = [
    (pa.types.is_boolean, "boolean"),
    (pa.types.is_int8, "tinyint"),
    (pa.types.is_int16, "smallint"),
    (pa.types.is_int32, "int"),
    (pa.types.is_int64, "bigint"),
    (pa.types.is_float64, "double"),
    (pa.types.is_string, "string"),
]


def err(msg, state="HY000", code=t.TStatusCode.ERROR_STATUS):
    return t.TStatus(statusCode=code, sqlState=state, errorMessage=msg, displayMessage=msg)


def coldesc(name, ty, pos):
    base = re.match(r"\w+", ty)[0]
    q = None
    m = re.match(r"decimal\((\d+),(\d+)\)", ty)
    if m:
        q = t.TTypeQualifiers(
            qualifiers={
                "precision": t.TTypeQualifierValue(i32Value=int(m[1])),
                "scale": t.TTypeQualifierValue(i32Value=int(m[2])),
            }
        )
    return t.TColumnDesc(
        columnName=name,
        typeDesc=t.TTypeDesc(
            types=[
                t.TTypeEntry(
                    primitiveEntry=t.TPrimitiveTypeEntry(
                        type=TYPES.get(base, I.STRING_TYPE), typeQualifiers=q
                    )
                )
            ]
        ),
        position=pos,
        comment="",
    )


TOKENS = {}


class Op:
    def __init__(self, kind, sid):
        g = uuid.uuid4()
        self.guid, self.sid = g.bytes, sid
        self.h = t.TOperationHandle(
            operationId=t.THandleIdentifier(guid=g.bytes, secret=g.bytes),
            operationType=kind,
            hasResultSet=True,
        )
        self.state, self.error, self.table, self.pos, self.done, self.lz4, self.tag = (
            t.TOperationState.RUNNING_STATE,
            None,
            None,
            0,
            threading.Event(),
            False,
            "op" + g.hex,
        )

    def status(self):
        r = t.TGetOperationStatusResp(status=OK, operationState=self.state, hasResultSet=True)
        if self.error:
            r.sqlState, r.errorMessage, r.displayMessage, r.errorCode = (
                self.error.sqlstate,
                str(self.error),
                str(self.error),
                0,
            )
        if (
            self.state == t.TOperationState.FINISHED_STATE
            and self.table is not None
            and self.table.num_rows == 1
            and self.table.column_names[0] == "num_affected_rows"
        ):
            r.numModifiedRows = self.table.column(0)[0].as_py()
        return r

    def meta(self):
        tb = self.table if self.table is not None else pa.table({})
        md = tb.schema.metadata or {}
        tys = (
            json.loads(md[b"spark"])
            if b"spark" in md
            else [next(n for f, n in ARROW if f(x.type)) for x in tb.schema]
        )
        return t.TGetResultSetMetadataResp(
            status=OK,
            schema=t.TTableSchema(
                columns=[coldesc(f.name, ty, i + 1) for i, (f, ty) in enumerate(zip(tb.schema, tys))]
            ),
            resultFormat=t.TSparkRowSetType.ARROW_BASED_SET,
            lz4Compressed=self.lz4,
            arrowSchema=tb.schema.remove_metadata().serialize().to_pybytes(),
            isStagingOperation=b"staging" in md,
        )

    def fetch(self, n, orientation=None):
        tb = self.table if self.table is not None else pa.table({})
        if orientation == t.TFetchOrientation.FETCH_FIRST:
            self.pos = 0
        start = self.pos
        sl = tb.slice(start, n) if n else tb.slice(start)
        self.pos += sl.num_rows
        z = (lambda b: lz4.compress(b)) if self.lz4 else (lambda b: b)
        bs = [
            t.TSparkArrowBatch(batch=z(b.serialize().to_pybytes()), rowCount=b.num_rows)
            for b in sl.to_batches(max_chunksize=20000)
            if b.num_rows
        ]
        return t.TFetchResultsResp(
            status=OK,
            hasMoreRows=self.pos < tb.num_rows,
            results=t.TRowSet(startRowOffset=start, rows=[], arrowBatches=bs),
        )


class Handler:
    def __init__(self, spark):
        self.spark, self.sessions, self.ops, self.pool = spark, {}, {}, ThreadPoolExecutor(8)

    def S(self, h):
        s = self.sessions.get(h.sessionId.guid)
        if s is None:
            raise KeyError
        return s

    def OpenSession(self, r):
        g = uuid.uuid4()
        ns = r.initialNamespace
        conf = dict(r.configuration or {})
        try:
            self.sessions[g.bytes] = E.Session(self.spark, ns and ns.catalogName, ns and ns.schemaName, conf)
        except Exception as e:
            e = E.to_sql_error(e)
            return t.TOpenSessionResp(status=err(str(e), e.sqlstate), serverProtocolVersion=V)
        proto = min(V, r.client_protocol_i64 or r.client_protocol or V)
        LOG.write(
            json.dumps(
                {
                    "t0": time.time(),
                    "open": g.hex[:6],
                    "proto": hex(r.client_protocol_i64 or 0),
                    "conf": conf,
                    "ns": ns and [ns.catalogName, ns.schemaName],
                }
            )
            + "\n"
        )
        return t.TOpenSessionResp(
            status=OK,
            serverProtocolVersion=proto,
            sessionHandle=t.TSessionHandle(
                sessionId=t.THandleIdentifier(guid=g.bytes, secret=g.bytes), serverProtocolVersion=proto
            ),
            configuration=conf,
            initialNamespace=ns or t.TNamespace(catalogName=E.CAT, schemaName="default"),
            canUseMultipleCatalogs=True,
        )

    def CloseSession(self, r):
        if self.sessions.pop(r.sessionHandle.sessionId.guid, None):
            LOG.write(
                json.dumps({"t0": time.time(), "close": r.sessionHandle.sessionId.guid.hex()[:6]}) + "\n"
            )
        for k in [k for k, o in self.ops.items() if o.sid == r.sessionHandle.sessionId.guid]:
            self.ops.pop(k)
        return t.TCloseSessionResp(status=OK)

    def params(self, ps):
        out = []
        for p in ps or []:
            v = p.value.stringValue if p.value is not None else None
            ty = (p.type or "STRING").upper()
            if v is not None:
                if re.match(r"INT|BIGINT|SMALLINT|TINYINT", ty) and "INTERVAL" not in ty:
                    v = int(v)
                elif ty in ("DOUBLE", "FLOAT"):
                    v = float(v)
                elif ty.startswith("DECIMAL"):
                    v = decimal.Decimal(v)
                elif ty == "BOOLEAN":
                    v = v.lower() == "true"
                elif ty == "DATE":
                    v = datetime.date.fromisoformat(v[:10])
                elif ty.startswith("TIMESTAMP"):
                    v = datetime.datetime.fromisoformat(v.replace("Z", "+00:00"))
            out.append((p.name, v))
        if not out:
            return None
        return {k: v for k, v in out} if out[0][0] else [v for _, v in out]

    def start(self, kind, req, fn, resp, text, inline_wait=5.0):
        try:
            S = self.S(req.sessionHandle)
        except KeyError:
            return resp(status=err("Invalid SessionHandle", "08003", t.TStatusCode.INVALID_HANDLE_STATUS))
        op = Op(kind, req.sessionHandle.sessionId.guid)
        self.ops[op.guid] = op
        op.lz4 = bool(lz4 and getattr(req, "canDecompressLZ4Result", False))

        def work():
            t0 = time.time()
            sc = self.spark.sparkContext
            try:
                sc.setJobGroup(op.tag, text[:100], True)
                op.table = fn(S)
                if op.table is not None and isinstance(op.table, pa.Table):
                    op.table = op.table.combine_chunks()
                if op.state == t.TOperationState.RUNNING_STATE:
                    op.state = t.TOperationState.FINISHED_STATE
            except Exception as e:
                op.error = E.to_sql_error(e)
                if op.state == t.TOperationState.RUNNING_STATE:
                    op.state = t.TOperationState.ERROR_STATE
                if os.environ.get("DBX_DEBUG"):
                    traceback.print_exc()
            finally:
                LOG.write(
                    json.dumps(
                        {
                            "t0": t0,
                            "t1": time.time(),
                            "s": op.sid.hex()[:6],
                            "ms": int((time.time() - t0) * 1000),
                            "sql": text,
                            "err": op.error and str(op.error)[:300],
                        }
                    )
                    + "\n"
                )
                op.done.set()

        self.pool.submit(work)
        r = resp(status=OK, operationHandle=op.h)
        gd = req.getDirectResults
        op.done.wait(inline_wait if gd else (None if not req.runAsync else 0))
        if gd:
            d = t.TSparkDirectResults(operationStatus=op.status())
            if op.state == t.TOperationState.FINISHED_STATE:
                d.resultSetMetadata = op.meta()
                d.resultSet = op.fetch(gd.maxRows)
                if not d.resultSet.hasMoreRows:
                    d.closeOperation = t.TCloseOperationResp(status=OK)
                    self.ops.pop(op.guid, None)
            elif op.state == t.TOperationState.ERROR_STATE:
                d.closeOperation = t.TCloseOperationResp(status=OK)
                self.ops.pop(op.guid, None)
            r.directResults = d
        return r

    def ExecuteStatement(self, r):
        ps = self.params(r.parameters)
        return self.start(
            t.TOperationType.EXECUTE_STATEMENT,
            r,
            lambda S: S.execute(r.statement, ps),
            t.TExecuteStatementResp,
            r.statement,
        )

    def op(self, h):
        return self.ops.get(h.operationId.guid)

    BADOP = err("Invalid OperationHandle", "HY000", t.TStatusCode.INVALID_HANDLE_STATUS)

    def GetOperationStatus(self, r):
        o = self.op(r.operationHandle)
        if not o:
            return t.TGetOperationStatusResp(status=self.BADOP)
        o.done.wait(2)
        return o.status()

    def CancelOperation(self, r):
        o = self.op(r.operationHandle)
        if o:
            if not o.done.is_set():
                o.state = t.TOperationState.CANCELED_STATE
                self.spark.sparkContext.cancelJobGroup(o.tag)
        return t.TCancelOperationResp(status=OK if o else self.BADOP)

    def CloseOperation(self, r):
        self.ops.pop(r.operationHandle.operationId.guid, None)
        return t.TCloseOperationResp(status=OK)

    def GetResultSetMetadata(self, r):
        o = self.op(r.operationHandle)
        if not o:
            return t.TGetResultSetMetadataResp(status=self.BADOP)
        o.done.wait()
        if o.error:
            return t.TGetResultSetMetadataResp(status=err(str(o.error), o.error.sqlstate))
        return o.meta()

    def FetchResults(self, r):
        o = self.op(r.operationHandle)
        if not o:
            return t.TFetchResultsResp(status=self.BADOP)
        o.done.wait()
        if o.error:
            return t.TFetchResultsResp(status=err(str(o.error), o.error.sqlstate))
        x = o.fetch(r.maxRows, r.orientation)
        if r.includeResultSetMetadata:
            x.resultSetMetadata = o.meta()
        return x

    def GetInfo(self, r):
        v = {
            t.TGetInfoType.CLI_SERVER_NAME: "Spark SQL",
            t.TGetInfoType.CLI_DBMS_NAME: "Spark SQL",
            t.TGetInfoType.CLI_DBMS_VER: self.spark.version,
        }.get(r.infoType, "")
        return t.TGetInfoResp(status=OK, infoValue=t.TGetInfoValue(stringValue=v))

    def GetCatalogs(self, r):
        return self.start(
            t.TOperationType.GET_CATALOGS,
            r,
            lambda S: pa.table({"TABLE_CAT": [E.CAT, "system"]}),
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
            n = [s for s in S.schemas() if like(s, r.schemaName) and cat(r)]
            return pa.table(
                {
                    "TABLE_SCHEM": pa.array(n, pa.string()),
                    "TABLE_CATALOG": pa.array([E.CAT] * len(n), pa.string()),
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
            for x in S.tables({s for s in S.schemas() if like(s, r.schemaName)})
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
                    "TABLE_CAT": st([E.CAT] * len(x)),
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
                for i, c in enumerate(S.fields(x["schema"], x["name"])):
                    if like(c.name, r.columnName):
                        out.append(
                            (
                                E.CAT,
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
                (E.CAT, k[0], k[1], n, i + 1, c["name"])
                for k, cs in E.STORE.cons.items()
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

    def GetDelegationToken(self, r):
        return t.TGetDelegationTokenResp(status=err("unsupported"))


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
    return not r.catalogName or r.catalogName.replace("\\", "").lower() in E.CATALOGS or r.catalogName == "%"


class H(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    proc = None

    def setup(self):
        self.request.settimeout(900)
        self.request.do_handshake() if isinstance(self.request, ssl.SSLSocket) else None
        super().setup()

    def log_message(self, *a):
        pass

    def body(self):
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            out = b""
            while True:
                n = int(self.rfile.readline().split(b";")[0], 16)
                out += self.rfile.read(n)
                self.rfile.readline()
                if n == 0:
                    return out
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def send(self, code, data=b"", ct="application/json", **h):
        self.send_response(code)
        self.send_header("Content-Type", ct)
        self.send_header("Content-Length", str(len(data)))
        for k, v in h.items():
            self.send_header(k.replace("_", "-"), str(v))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def auth(self):
        tok = os.environ.get("DBX_TOKEN")
        given = self.headers.get("Authorization", "")
        if not tok or given == "Bearer " + tok or TOKENS.get(given[7:], 0) > time.time():
            return True
        self.send(
            403,
            b'{"error_code":"403","message":"Invalid access token."}',
            x_databricks_reason_phrase="Invalid access token.",
            x_thriftserver_error_message="Invalid access token.",
        )
        return False

    def oauth(self, b):
        """client credentials of a service principal: Basic authentication or form fields"""
        form = dict(urllib.parse.parse_qsl(b.decode()))
        LOG.write(
            json.dumps({"t0": time.time(), "http": "POST " + self.path, "grant": form.get("grant_type")})
            + "\n"
        )
        basic = self.headers.get("Authorization", "")
        given = (
            base64.b64decode(basic[6:]).decode()
            if basic.startswith("Basic ")
            else "%s:%s" % (form.get("client_id"), form.get("client_secret"))
        )
        if form.get("grant_type") != "client_credentials" or given != os.environ.get(
            "DBX_CLIENT", "standin-client:standin-secret"
        ):
            return self.send(
                401, b'{"error":"invalid_client","error_description":"Client authentication failed"}'
            )
        token = "oauth-" + uuid.uuid4().hex
        life = int(os.environ.get("DBX_OAUTH_SECONDS", "3600"))
        TOKENS[token] = time.time() + life
        self.send(
            200,
            json.dumps(
                {"access_token": token, "token_type": "Bearer", "expires_in": life, "scope": "all-apis"}
            ).encode(),
        )

    def do_POST(self):
        b = self.body()
        p = self.path.split("?")[0]
        if p == "/oidc/v1/token":
            return self.oauth(b)
        if not re.match(r"^/(sql/|cliservice)", p):
            LOG.write(json.dumps({"t0": time.time(), "http": "POST " + self.path}) + "\n")
            return self.send(404, b"{}")
        if not self.auth():
            return
        i, o = TTransport.TMemoryBuffer(b), TTransport.TMemoryBuffer()
        H.proc.process(
            (
                TBinaryProtocol.TBinaryProtocol(i, string_length_limit=None, container_length_limit=None)
                if True
                else None
            ),
            TBinaryProtocol.TBinaryProtocol(o),
        )
        self.send(200, o.getvalue(), "application/x-thrift")

    def files(self):
        p = urllib.parse.unquote(self.path.split("?")[0])
        b = self.body() if self.command in ("PUT", "POST", "DELETE") else b""
        m = re.match(r"^/__presigned/(\w+)$", p)
        if m:
            e = E.PRESIGN.get(m[1])
            verb = {"PUT": "PUT", "GET": "GET", "REMOVE": "DELETE"}
            if not e or verb[e[0]] != self.command or e[2] < time.time():
                return self.send(403, b"expired or wrong verb")
            f = e[1]
            LOG.write(
                json.dumps(
                    {
                        "t0": time.time(),
                        "file": self.command,
                        "path": f.replace(E.VOLROOT, ""),
                        "bytes": len(b),
                    }
                )
                + "\n"
            )
        else:
            if "curl" not in self.headers.get("User-Agent", ""):
                LOG.write(json.dumps({"t0": time.time(), "http": self.command + " " + self.path}) + "\n")
            if p == "/.well-known/databricks-config":
                return self.send(
                    200,
                    json.dumps(
                        {
                            "oidc_endpoint": E.BASE[0] + "/oidc",
                            "account_id": "standin",
                            "workspace_id": "1",
                            "cloud": "AWS",
                        }
                    ).encode(),
                )
            m = re.match(r"^/api/2\.0/fs/(files|directories)(/Volumes/.*)$", p)
            if not m:
                return self.send(404, b"{}")
            if not self.auth():
                return
            try:
                f = E.Session.local(None, m[2])
            except E.SqlError as x:
                return self.send(404, json.dumps({"error_code": "NOT_FOUND", "message": str(x)}).encode())
            if m[1] == "directories":
                if self.command == "PUT":
                    os.makedirs(f, exist_ok=True)
                    return self.send(204)
                if not os.path.isdir(f):
                    return self.send(404, b'{"error_code":"NOT_FOUND"}')
                if self.command == "DELETE":
                    os.rmdir(f)
                    return self.send(204)
                return self.send(
                    200,
                    json.dumps(
                        {
                            "contents": [
                                {
                                    "path": m[2].rstrip("/") + "/" + e.name,
                                    "is_directory": e.is_dir(),
                                    "file_size": e.stat().st_size,
                                    "last_modified": int(e.stat().st_mtime * 1000),
                                    "name": e.name,
                                }
                                for e in os.scandir(f)
                            ]
                        }
                    ).encode(),
                )
            if self.command == "PUT" and os.path.exists(f) and "overwrite=true" not in self.path:
                return self.send(
                    409, b'{"error_code":"ALREADY_EXISTS","message":"The file being created already exists."}'
                )
        if self.command == "PUT":
            os.makedirs(os.path.dirname(f), exist_ok=True)
            tmp = f + "." + uuid.uuid4().hex
            with open(tmp, "wb") as fh:
                fh.write(b)
            os.replace(tmp, f)
            return self.send(200 if "__presigned" in p else 204)
        if not os.path.exists(f):
            return self.send(404, b'{"error_code":"NOT_FOUND","message":"The file does not exist."}')
        if self.command == "DELETE":
            try:
                os.rmdir(f) if os.path.isdir(f) else os.unlink(f)  # dlt removes the file, then its folder
            except OSError:
                return self.send(
                    409, b'{"error_code":"DIRECTORY_NOT_EMPTY","message":"The directory is not empty."}'
                )
            return self.send(204)
        if os.path.isdir(f):
            return self.send(404, b'{"error_code":"NOT_FOUND","message":"The path is a directory."}')
        self.send(200, open(f, "rb").read(), "application/octet-stream")

    do_PUT = do_GET = do_DELETE = do_HEAD = files


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64
    allow_reuse_address = True


def end_with_parent():
    """The starter holds our stdin: when it dies, however it dies, the server goes too."""
    sys.stdin.read()
    os._exit(0)


def main():
    port = int(os.environ.get("DBX_PORT", "0"))
    t0 = time.time()
    threading.Thread(target=end_with_parent, daemon=True).start()
    for d in ("/wh", "/vol/Volumes", "/scratch"):
        os.makedirs(E.LAB + d, exist_ok=True)
    spark = E.start_spark(os.environ.get("DBX_MEM", "2g"), fast=os.environ.get("DBX_FAST", "1") == "1")
    print("spark %.1fs" % (time.time() - t0), flush=True)
    if os.environ.get("DBX_WARM"):
        spark.sql("create schema if not exists warm")
        [
            spark.sql(x).collect()
            for x in (
                "create table warm.w(id bigint) ",
                "insert into warm.w values (1)",
                "merge into warm.w t using (select 2 id) s on t.id=s.id when not matched then insert *",
                "drop schema warm cascade",
            )
        ]
    H.proc = TCLIService.Processor(Handler(spark))
    s = Server(("127.0.0.1", port), H)
    port = s.server_address[1]  # port 0: any free one
    E.BASE[0] = "https://localhost:%d" % port
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls = os.environ.get("DBX_TLS") or os.path.join(E.HERE, "tls")
    c.load_cert_chain(tls + "/server.pem", tls + "/server.key")
    s.socket = c.wrap_socket(s.socket, server_side=True, do_handshake_on_connect=False)
    print("ready %.1fs on %d" % (time.time() - t0, port), flush=True)
    s.serve_forever()


main()
