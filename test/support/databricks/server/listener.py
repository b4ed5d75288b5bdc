"""The HTTPS port, which can be closed with all its connections and opened again while Spark and the catalog stay."""

import os
import socket
import ssl
import threading
from http.server import ThreadingHTTPServer
import statement_volumes
from settings import HERE


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64
    allow_reuse_address = True

    def __init__(self, address, handler):
        self.connections = set()
        super().__init__(address, handler)

    def process_request(self, request, client_address):
        self.connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request):
        self.connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request, client_address):
        pass  # a client that went away

    def cut_all(self):
        for connection in list(self.connections):
            cut(connection)


def cut(connection):
    """ends a connection without a farewell"""
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass


class Listener:
    def __init__(self, port, handler):
        self.port, self.handler, self.server = port, handler, None
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        folder = os.environ.get("DBX_TLS") or os.path.join(HERE, "tls")
        self.tls.load_cert_chain(folder + "/server.pem", folder + "/server.key")

    def start(self):
        if self.server is not None:
            return
        server = Server(("127.0.0.1", self.port), self.handler)
        self.port = server.server_address[1]  # port 0: any free one, and the same from then on
        statement_volumes.BASE[0] = "https://localhost:%d" % self.port
        server.socket = self.tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        self.server = server
        threading.Thread(target=server.serve_forever, daemon=True).start()

    def stop(self):
        server, self.server = self.server, None
        if server is None:
            return
        server.shutdown()
        server.server_close()
        server.cut_all()
