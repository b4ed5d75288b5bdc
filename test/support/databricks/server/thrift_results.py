"""One operation of the Thrift protocol, its state and its rows."""

import json
import re
import threading
import uuid
import pyarrow as pa
from databricks.sql.thrift_api.TCLIService import ttypes as t

try:
    import lz4.frame as lz4
except ImportError:
    lz4 = None


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
