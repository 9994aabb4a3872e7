"""The example's embedder and vector database on one port, for one side of a measurement.

Over TLS they answer as the example's own services do, whose code this is. In the clear the same port says what was asked.
"""

import json
import socket
import ssl
import sys
from http.server import ThreadingHTTPServer
from pathlib import Path

from benchmark.upstream import services

PORT, CERTIFICATES = int(sys.argv[1]), Path(sys.argv[2])
COUNTS = {"embedder_calls": 0, "db_calls": 0}


def answer(path, request):
    if path == "/v1/embeddings":
        COUNTS["embedder_calls"] += 1
        return services.embed(path, request)
    COUNTS["db_calls"] += 1
    return services.search(path, request)


class Handler(services.Handler):
    def do_GET(self):
        self._answer(200, COUNTS)


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def get_request(self):
        connection, address = self.socket.accept()
        if connection.recv(1, socket.MSG_PEEK) == b"\x16":
            connection = CONTEXT.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        return connection, address


CONTEXT = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
CONTEXT.load_cert_chain(CERTIFICATES / "server.pem", CERTIFICATES / "server.key")
server = Server(("127.0.0.1", PORT), Handler)
server.answer = answer
server.serve_forever()
