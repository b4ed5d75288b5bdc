"""
The door for tests, on a port of its own, so that it answers while the warehouse does not. POST / with any of:
  {"latency_ms": 300}                                            every statement takes so much longer
  {"deny": [{"kind": "MERGE", "schema": "raw_*"}]}               see denials.py; replaces the list
  {"listening": false}                                           closes the port and cuts all connections; true: opens it again
  {"paused": true}                                               statements wait until false
  {"unavailable": true}                                          every request is answered by HTTP 503
  {"drop": [{"match": "MERGE", "when": "after", "times": 1}]}    cuts the connection before or after such a statement
  {"short_uploads": [{"match": "items", "bytes": 9}]}            stores no more than so many bytes of an upload
  {"keep": "raw_1"}                                              keeps the files of the schema's tables
  {"put_back": "raw_1"}                                          puts them back; much faster than RESTORE TABLE
"""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
import denials
from faults import FAULTS


def apply(wish, listener, tables):
    if "latency_ms" in wish:
        FAULTS.latency = wish["latency_ms"] / 1000
    if "deny" in wish:
        denials.replace(wish["deny"])
    if "paused" in wish:
        (FAULTS.running.clear if wish["paused"] else FAULTS.running.set)()
    if "unavailable" in wish:
        FAULTS.unavailable = wish["unavailable"]
    if "drop" in wish:
        FAULTS.drops[:] = wish["drop"]
    if "short_uploads" in wish:
        FAULTS.short_uploads[:] = wish["short_uploads"]
    if "keep" in wish:
        tables.keep(wish["keep"])
    if "put_back" in wish:
        tables.put_back(wish["put_back"])
    if "listening" in wish:
        (listener.start if wish["listening"] else listener.stop)()


def serve(listener, tables):
    """@returns the port"""

    class Control(BaseHTTPRequestHandler):
        def log_message(self, *a):
            pass

        def do_POST(self):
            status, answer = 200, b"{}"
            try:
                apply(json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0))), listener, tables)
            except Exception as e:
                status, answer = 400, str(e).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Control)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_address[1]
