"""The REST API of files and presigned URLs."""

import json
import os
import re
import time
import urllib.parse
import uuid
import denials
from catalog import local_path
from faults import FAULTS
from protocol_log import LOG
from settings import VOLROOT
from sql_error import SqlError
from statement_volumes import BASE, PRESIGN

VERBS = {"PUT": "PUT", "GET": "GET", "REMOVE": "DELETE"}


def answer(call, body):
    path = urllib.parse.unquote(call.path.split("?")[0])
    m = re.match(r"^/__presigned/(\w+)$", path)
    if m:
        entry = PRESIGN.get(m[1])
        if not entry or VERBS[entry[0]] != call.command or entry[2] < time.time():
            return call.send(403, b"expired or wrong verb")
        LOG.write(t0=time.time(), file=call.command, path=entry[1].replace(VOLROOT, ""), bytes=len(body))
        return file(call, entry[1], body, 200)
    if "curl" not in call.headers.get("User-Agent", ""):
        LOG.write(t0=time.time(), http=call.command + " " + call.path)
    if path == "/.well-known/databricks-config":
        return call.send(
            200,
            json.dumps(
                {
                    "oidc_endpoint": BASE[0] + "/oidc",
                    "account_id": "standin",
                    "workspace_id": "1",
                    "cloud": "AWS",
                }
            ).encode(),
        )
    m = re.match(r"^/api/2\.0/fs/(files|directories)(/Volumes/.*)$", path)
    if not m:
        return call.send(404, b"{}")
    if not call.auth():
        return
    try:
        denials.check_files(m[2], call.command in ("PUT", "DELETE"))
    except SqlError as x:
        refused = re.search(r"User does not have .* '[^']*'", str(x))[0]
        return call.send(403, json.dumps({"error_code": "PERMISSION_DENIED", "message": refused}).encode())
    try:
        local = local_path(m[2])
    except SqlError as x:
        return call.send(404, json.dumps({"error_code": "NOT_FOUND", "message": str(x)}).encode())
    if m[1] == "directories":
        return directory(call, local, m[2])
    if call.command == "PUT" and os.path.exists(local) and "overwrite=true" not in call.path:
        return call.send(
            409, b'{"error_code":"ALREADY_EXISTS","message":"The file being created already exists."}'
        )
    return file(call, local, body, 204)


def directory(call, local, path):
    if call.command == "PUT":
        os.makedirs(local, exist_ok=True)
        return call.send(204)
    if not os.path.isdir(local):
        return call.send(404, b'{"error_code":"NOT_FOUND"}')
    if call.command == "DELETE":
        os.rmdir(local)
        return call.send(204)
    contents = [
        {
            "path": path.rstrip("/") + "/" + e.name,
            "is_directory": e.is_dir(),
            "file_size": e.stat().st_size,
            "last_modified": int(e.stat().st_mtime * 1000),
            "name": e.name,
        }
        for e in os.scandir(local)
    ]
    return call.send(200, json.dumps({"contents": contents}).encode())


def file(call, local, body, put_status):
    if call.command == "PUT":
        os.makedirs(os.path.dirname(local), exist_ok=True)
        kept = FAULTS.kept_bytes(local)
        tmp = local + "." + uuid.uuid4().hex
        with open(tmp, "wb") as fh:
            fh.write(body if kept is None else body[:kept])
        os.replace(tmp, local)
        return call.send(put_status)
    if not os.path.exists(local):
        return call.send(404, b'{"error_code":"NOT_FOUND","message":"The file does not exist."}')
    if call.command == "DELETE":
        try:
            # dlt removes the file, then its folder
            os.rmdir(local) if os.path.isdir(local) else os.unlink(local)
        except OSError:
            return call.send(
                409, b'{"error_code":"DIRECTORY_NOT_EMPTY","message":"The directory is not empty."}'
            )
        return call.send(204)
    if os.path.isdir(local):
        return call.send(404, b'{"error_code":"NOT_FOUND","message":"The path is a directory."}')
    with open(local, "rb") as fh:
        call.send(200, fh.read(), "application/octet-stream")
