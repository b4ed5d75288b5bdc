"""Lets a `tidemark` command use the Spark session that a task or a notebook already has, for `load_mode: spark`.

Statements come as JSON over HTTP, on loopback and with a password that only the command gets:
POST /session {"configuration": {...}} opens one, POST /statement {"session", "tag", "sql"} gives {"rows"} or {"error"},
POST /interrupt {"tag"} ends a statement that runs. The rows of a statement are few: counts, and dlt's own tables.
"""

import base64
import datetime
import decimal
import hmac
import json
import math
import secrets
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

LONGEST_STATEMENT = 64 * 1024 * 1024
SAFE_INTEGER = 2**53 - 1


@contextmanager
def served(spark):
    """The variables of a command that is to use the session; it is served until the block ends."""
    token = secrets.token_urlsafe(32)
    sessions = Sessions(spark)
    server = Server(("127.0.0.1", 0), handler_of(sessions, token))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield {
            "DATABRICKS_SESSION_URL": "http://127.0.0.1:%d" % server.server_port,
            "DATABRICKS_SESSION_TOKEN": token,
        }
    finally:
        server.shutdown()
        server.server_close()
        sessions.restore()


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        """The command closed its connections, or was ended: it says so itself."""


class Sessions:
    def __init__(self, spark):
        self.spark = spark
        self.opened = []
        self.before = {}

    def open(self, configuration):
        """A session of its own, so that settings stay away from the user's; where there are no others (Spark Connect
        had none for long), the user's own, whose settings are put back at the end."""
        try:
            session, own = self.spark.newSession(), True
        except Exception:
            session, own = self.spark, False
        for name, value in configuration.items():
            if not own and name not in self.before:
                self.before[name] = session.conf.get(name, None)
            session.conf.set(name, value)
        self.opened.append(session)
        return len(self.opened) - 1

    def run(self, number, tag, sql):
        session = self.opened[number]
        # of this thread, which runs nothing else
        context = context_of(session)
        if context is not None:
            context.setJobGroup(tag, "tidemark", True)
        else:
            session.addTag(tag)
        try:
            frame = session.sql(sql)
            names = frame.columns
            # a statement that only does something has no columns
            rows = frame.collect() if names else []
            kinds = [field.dataType.typeName() for field in frame.schema.fields]
            return [
                {name: plain(value, kind) for name, value, kind in zip(names, row, kinds)} for row in rows
            ]
        finally:
            if context is None:
                session.removeTag(tag)

    def interrupt(self, tag):
        for session in self.opened:
            context = context_of(session)
            if context is not None:
                context.cancelJobGroup(tag)
            else:
                session.interruptTag(tag)

    def restore(self):
        for name, value in self.before.items():
            if value is None:
                self.spark.conf.unset(name)
            else:
                self.spark.conf.set(name, value)


def context_of(session):
    """None on Spark Connect, which has tags. On classic Spark tags miss what Arrow collects beside; a job group does not."""
    try:
        return session.sparkContext
    except Exception:
        return None


def plain(value, kind):
    """As JSON has it; what JSON has not, as an object with one key."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > SAFE_INTEGER:
        return {"bigint": str(value)}
    if isinstance(value, float) and not math.isfinite(value):
        return {"number": "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"}
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, decimal.Decimal):
        return format(value, "f")
    if isinstance(value, datetime.datetime):
        # Spark gives a moment in this machine's zone, without a word of it
        moment = value.replace(tzinfo=datetime.timezone.utc) if kind == "timestamp_ntz" else value
        return {"milliseconds": round(moment.timestamp() * 1000)}
    if isinstance(value, datetime.date):
        midnight = datetime.datetime(value.year, value.month, value.day, tzinfo=datetime.timezone.utc)
        return {"milliseconds": round(midnight.timestamp() * 1000)}
    if isinstance(value, (bytes, bytearray)):
        return {"base64": base64.b64encode(bytes(value)).decode()}
    return str(value)


def handler_of(sessions, token):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            given = self.headers.get("Authorization", "")
            if not hmac.compare_digest(given.encode(), b"Bearer " + token.encode()):
                self.close_connection = True
                return self.answer(401, {"error": "not the command that this session was opened for"})
            length = int(self.headers.get("Content-Length", "0"))
            if length > LONGEST_STATEMENT:
                self.close_connection = True
                return self.answer(413, {"error": "a statement of %d bytes" % length})
            asked = json.loads(self.rfile.read(length))
            try:
                self.answer(200, self.do(asked))
            except BrokenPipeError:
                pass

        def do(self, asked):
            try:
                if self.path == "/session":
                    return {"session": sessions.open(asked["configuration"])}
                if self.path == "/interrupt":
                    sessions.interrupt(asked["tag"])
                    return {}
                return {"rows": sessions.run(asked["session"], asked["tag"], asked["sql"])}
            except Exception as error:
                return {"error": words_of(error)}

        def answer(self, status, document):
            body = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            """Statements hold rows: nothing of them is printed."""

    return Handler


def words_of(error):
    """With the error class in front, which says what kind it is; some exceptions have it apart from their message."""
    words = str(error)
    condition = None
    for name in ("getCondition", "getErrorClass"):
        try:
            condition = condition or getattr(error, name)()
        except Exception:
            pass
    return words if condition is None or "[" + condition in words else "[%s] %s" % (condition, words)
