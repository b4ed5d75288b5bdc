"""The Thrift service: sessions, statements and their results."""

import datetime
import decimal
import os
import re
import threading
import time
import traceback
import uuid
from concurrent.futures import ThreadPoolExecutor
import pyarrow as pa
from databricks.sql.thrift_api.TCLIService import TCLIService, ttypes as t
from faults import FAULTS
from protocol_log import LOG
from session import Session
from settings import CAT
from sql_error import to_sql_error
from thrift_metadata import Metadata
from thrift_results import OK, Op, V, err, lz4


class Service(Metadata):
    def __init__(self, spark):
        self.spark, self.sessions, self.ops, self.pool = spark, {}, {}, ThreadPoolExecutor(64)
        # statements that run at once; further ones wait, as in a warehouse
        self.slots = threading.Semaphore(8)

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
            self.sessions[g.bytes] = Session(self.spark, ns and ns.catalogName, ns and ns.schemaName, conf)
        except Exception as e:
            e = to_sql_error(e)
            return t.TOpenSessionResp(status=err(str(e), e.sqlstate), serverProtocolVersion=V)
        proto = min(V, r.client_protocol_i64 or r.client_protocol or V)
        LOG.write(
            t0=time.time(),
            open=g.hex[:6],
            proto=hex(r.client_protocol_i64 or 0),
            conf=conf,
            ns=ns and [ns.catalogName, ns.schemaName],
        )
        return t.TOpenSessionResp(
            status=OK,
            serverProtocolVersion=proto,
            sessionHandle=t.TSessionHandle(
                sessionId=t.THandleIdentifier(guid=g.bytes, secret=g.bytes), serverProtocolVersion=proto
            ),
            configuration=conf,
            initialNamespace=ns or t.TNamespace(catalogName=CAT, schemaName="default"),
            canUseMultipleCatalogs=True,
        )

    def CloseSession(self, r):
        if self.sessions.pop(r.sessionHandle.sessionId.guid, None):
            LOG.write(t0=time.time(), close=r.sessionHandle.sessionId.guid.hex()[:6])
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
                FAULTS.before_statement()
                with self.slots:
                    sc.setJobGroup(op.tag, text[:100], True)
                    op.table = fn(S)
                if op.table is not None and isinstance(op.table, pa.Table):
                    op.table = op.table.combine_chunks()
                if op.state == t.TOperationState.RUNNING_STATE:
                    op.state = t.TOperationState.FINISHED_STATE
            except Exception as e:
                op.error = to_sql_error(e)
                if op.state == t.TOperationState.RUNNING_STATE:
                    op.state = t.TOperationState.ERROR_STATE
                if os.environ.get("DBX_DEBUG"):
                    traceback.print_exc()
            finally:
                LOG.write(
                    t0=t0,
                    t1=time.time(),
                    s=op.sid.hex()[:6],
                    ms=int((time.time() - t0) * 1000),
                    sql=text,
                    err=op.error and str(op.error)[:300],
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

    def GetDelegationToken(self, r):
        return t.TGetDelegationTokenResp(status=err("unsupported"))


def processor_of(spark):
    return TCLIService.Processor(Service(spark))
