"""Errors as a Databricks client sees them: class, message, SQLSTATE."""

import re
from settings import CAT


class SqlError(Exception):
    def __init__(self, msg, state="42000", cls=None):
        super().__init__(msg)
        self.sqlstate, self.cls = state, cls


def to_sql_error(e):
    if isinstance(e, SqlError):
        return e
    while "Cannot find main error class" in str(e) and e.__context__ is not None:
        e = e.__context__  # pyspark's own exception conversion failed on a Delta error class
    o, state, cls, msg = getattr(e, "_origin", None) or getattr(e, "java_exception", None), None, None, None
    try:
        x = o  # runtime errors inside toArrow arrive wrapped ("Exception thrown in awaitResult"): take the innermost SparkThrowable
        while x is not None:
            try:
                if x.getCondition():
                    o = x
            except Exception:
                pass
            x = x.getCause()
        if (
            o is not None
        ):  # do NOT use str(e)/getMessage(): Delta's error classes are unknown to SparkThrowableHelper
            msg = o.getMessage()
            try:
                state = o.getSqlState()
            except Exception:
                pass
            try:
                cls = o.getCondition()
            except Exception:
                try:
                    cls = o.getErrorClass()  # Delta exceptions: io.delta.exceptions.Concurrent*Exception
                except Exception:
                    pass
    except Exception:
        pass
    msg = msg or str(e)
    if "SPARK_JOB_CANCELLED" in msg or "SPARK_JOB_CANCELLED" in str(e):
        return SqlError("[OPERATION_CANCELED] Operation has been canceled. SQLSTATE: HY008", "HY008")
    msg = msg.replace("`spark_catalog`", "`%s`" % CAT).replace("spark_catalog", CAT)
    m = re.search(r"SQLSTATE: (\w{5})", msg)
    if not m and cls and state:
        msg = (msg if msg.lstrip().startswith("[") else "[%s] %s" % (cls, msg)) + " SQLSTATE: %s" % state
    return SqlError(msg.strip(), state or (m and m[1]) or "XX000", cls)
