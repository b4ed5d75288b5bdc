"""The HTTPS front: Thrift, tokens, and calls about files, which files_api.py answers."""

import base64
import json
import os
import re
import ssl
import time
import urllib.parse
import uuid
from http.server import BaseHTTPRequestHandler
from thrift.protocol import TBinaryProtocol
from thrift.transport import TTransport
import files_api
from databricks.sql.thrift_api.TCLIService import TCLIService
from faults import FAULTS
from listener import cut
from protocol_log import LOG

TOKENS = {}


class H(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # an answer is head and body in two writes: with Nagle's algorithm every one of them would take 40 ms
    disable_nagle_algorithm = True
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

    def cut(self):
        self.close_connection = True
        cut(self.request)

    def unavailable(self):
        if FAULTS.unavailable:
            self.send(503, b'{"error_code":"TEMPORARILY_UNAVAILABLE","message":"The warehouse is stopped."}')
        return FAULTS.unavailable

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
        LOG.write(t0=time.time(), http="POST " + self.path, grant=form.get("grant_type"))
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
        if self.unavailable():
            return
        if p == "/oidc/v1/token":
            return self.oauth(b)
        if not re.match(r"^/(sql/|cliservice)", p):
            LOG.write(t0=time.time(), http="POST " + self.path)
            return self.send(404, b"{}")
        if not self.auth():
            return
        sql = statement_of(b)
        if sql is not None and FAULTS.drop("before", sql):
            return self.cut()
        if b"OpenSession" in b[:40]:
            LOG.write(t0=time.time(), agent=self.headers.get("User-Agent"))
        i, o = TTransport.TMemoryBuffer(b), TTransport.TMemoryBuffer()
        H.proc.process(
            TBinaryProtocol.TBinaryProtocol(i, string_length_limit=None, container_length_limit=None),
            TBinaryProtocol.TBinaryProtocol(o),
        )
        if sql is not None and FAULTS.drop("after", sql):
            return self.cut()
        self.send(200, o.getvalue(), "application/x-thrift")

    def files(self):
        b = self.body() if self.command in ("PUT", "POST", "DELETE") else b""
        if not self.unavailable():
            files_api.answer(self, b)

    do_PUT = do_GET = do_DELETE = do_HEAD = files


def statement_of(message):
    """the text of an ExecuteStatement; None for every other call"""
    if b"ExecuteStatement" not in message[:40]:
        return None
    p = TBinaryProtocol.TBinaryProtocol(TTransport.TMemoryBuffer(message))
    p.readMessageBegin()
    args = TCLIService.ExecuteStatement_args()
    args.read(p)
    return args.req.statement
