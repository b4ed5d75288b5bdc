"""Volumes, and staging through presigned URLs."""

import fnmatch
import json
import os
import re
import shutil
import time
import uuid
import pyarrow as pa
import sqlrewrite as R
from catalog import STORE, local_path, no_volume
from information_schema import schemas
from handlers import N, STRL, on
from results import one
from settings import OWNER, VOLROOT
from sql_error import SqlError


@on(
    r"^CREATE\s+(EXTERNAL\s+)?VOLUME\s+(IF\s+NOT\s+EXISTS\s+)?(%s)(?:\s+LOCATION\s+%s)?(?:\s+COMMENT\s+%s)?$"
    % (N, STRL, STRL)
)
def _cv(S, m, s, p):
    k = S.vol(m[3])
    if k[1] not in schemas(S):
        raise SqlError(
            "[SCHEMA_NOT_FOUND] The schema `%s`.`%s` cannot be found. SQLSTATE: 42704" % k[:2],
            "42704",
            "SCHEMA_NOT_FOUND",
        )
    with STORE.lock:
        if k in STORE.volumes:
            if m[2]:
                return None
            raise SqlError(
                "[VOLUME_ALREADY_EXISTS] Cannot create volume `%s`.`%s`.`%s` because it already exists. SQLSTATE: 42000"
                % k,
                "42000",
                "VOLUME_ALREADY_EXISTS",
            )
        STORE.volumes[k] = dict(
            type="EXTERNAL" if m[1] else "MANAGED", comment=R.unstr(m[5]) if m[5] else None
        )
        os.makedirs(VOLROOT + "/Volumes/%s/%s/%s" % k, exist_ok=True)


@on(r"^DROP\s+VOLUME\s+(IF\s+EXISTS\s+)?(%s)$" % N)
def _dv(S, m, s, p):
    k = S.vol(m[2])
    if STORE.volumes.pop(k, None) is None and not m[1]:
        raise no_volume(k)
    shutil.rmtree(VOLROOT + "/Volumes/%s/%s/%s" % k, ignore_errors=True)


@on(r"^SHOW\s+VOLUMES(?:\s+(?:IN|FROM)\s+(%s))?(?:\s+(?:LIKE\s+)?%s)?$" % (N, STRL))
def _sv(S, m, s, p):
    sch = R.split_name(m[1])[-1].lower() if m[1] else S.cur_schema()
    r = sorted(k for k in STORE.volumes if k[1] == sch and (not m[2] or fnmatch.fnmatch(k[2], R.unstr(m[2]))))
    return pa.table(
        {
            "database": pa.array([k[1] for k in r], pa.string()),
            "volume_name": pa.array([k[2] for k in r], pa.string()),
        }
    )


@on(r"^DESC(?:RIBE)?\s+VOLUME\s+(%s)$" % N)
def _descv(S, m, s, p):
    k = S.vol(m[1])
    d = STORE.volumes.get(k)
    if not d:
        raise no_volume(k)
    return one(
        name=k[2],
        catalog=k[0],
        database=k[1],
        owner=OWNER,
        storageLocation="/Volumes/%s/%s/%s" % k,
        volumeType=d["type"],
        comment=d["comment"] or "",
    )


@on(r"^LIST\s+%s(?:\s+LIMIT\s+(\d+))?$" % STRL)
def _list(S, m, s, p):
    v = R.unstr(m[1])
    d = local_path(v)
    es = sorted(os.scandir(d), key=lambda e: e.name) if os.path.isdir(d) else []
    return pa.table(
        {
            "path": pa.array([v.rstrip("/") + "/" + e.name for e in es], pa.string()),
            "name": pa.array([e.name for e in es], pa.string()),
            "size": pa.array([e.stat().st_size for e in es], pa.int64()),
            "modification_time": pa.array([int(e.stat().st_mtime * 1000) for e in es], pa.int64()),
        }
    )


PRESIGN = {}
BASE = ["https://localhost"]


def presign(method, path):
    t = uuid.uuid4().hex
    PRESIGN[t] = (method, path, time.time() + 900)
    return "%s/__presigned/%s" % (BASE[0], t)


def staging(op, local, path):
    f = [
        pa.field("operation", pa.string()),
        pa.field("localFile", pa.string()),
        pa.field("presignedUrl", pa.string()),
        pa.field("headers", pa.string(), True, {"Spark:DataType:SqlName": "MAP<STRING, STRING>"}),
    ]
    if op == "REMOVE":  # real server omits localFile; node driver crashes on null (path.relative)
        return pa.table(
            [[op], [presign(op, path)], ["{}"]], schema=pa.schema([f[0], f[2], f[3]])
        ).replace_schema_metadata(
            {"spark": json.dumps(["string", "string", "map<string,string>"]), "staging": "1"}
        )
    t = pa.table(
        [[op], pa.array([local], pa.string()), [presign(op, path)], [json.dumps({"x-standin-staging": "1"})]],
        schema=pa.schema(f),
    ).replace_schema_metadata(
        {"spark": json.dumps(["string", "string", "string", "map<string,string>"]), "staging": "1"}
    )
    return t


@on(r"^PUT\s+%s\s+INTO\s+%s(\s+OVERWRITE)?$" % (STRL, STRL))
def _put(S, m, s, p):
    f = local_path(R.unstr(m[2]))
    if os.path.exists(f) and not m[3]:
        raise SqlError(
            "[FILE_IN_STAGING_PATH_ALREADY_EXISTS] File in staging path %s already exists but OVERWRITE is not set SQLSTATE: 42K05"
            % R.unstr(m[2]),
            "42K05",
        )
    return staging("PUT", re.sub(r"^file:", "", R.unstr(m[1])), f)


@on(r"^GET\s+%s\s+TO\s+%s$" % (STRL, STRL))
def _get(S, m, s, p):
    f = local_path(R.unstr(m[1]))
    if not os.path.exists(f):
        raise SqlError("[PATH_NOT_FOUND] Path does not exist: %s. SQLSTATE: 42K03" % R.unstr(m[1]), "42K03")
    return staging("GET", re.sub(r"^file:", "", R.unstr(m[2])), f)


@on(r"^REMOVE\s+%s$" % STRL)
def _rm(S, m, s, p):
    return staging("REMOVE", None, local_path(R.unstr(m[1])))
