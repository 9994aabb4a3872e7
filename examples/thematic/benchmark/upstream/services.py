"""The embedder and the vector database, over HTTPS, in threads of this process."""

from __future__ import annotations

import hashlib
import json
import math
import re
import ssl
import struct
import subprocess
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

EMBEDDER_PORT = 18441
VECTORS_PORT = 18442

SECURITIES = 2000
DIMENSIONS = 16
COLLECTION_SEARCH = re.compile("/collections/([a-z]+)/search")

Answer = dict[str, Any]


def embed(path: str, request: dict[str, Any]) -> Answer | None:
    """A vector for each text: each component within -1 and 1."""
    if path != "/v1/embeddings":
        return None
    return {
        "model": request["model"],
        "data": [
            {"index": index, "embedding": embedding(text)}
            for index, text in enumerate(request["input"])
        ],
    }


def embedding(text: str) -> list[float]:
    """The vector that stands for a text."""
    digest = hashlib.shake_256(text.strip().lower().encode()).digest(4 * DIMENSIONS)
    words = struct.unpack(f"<{DIMENSIONS}I", digest)
    return [round(word / 2**31 - 1, 6) for word in words]


def search(path: str, request: dict[str, Any]) -> Answer | None:
    """The `top` securities of a collection, most similar first."""
    named = COLLECTION_SEARCH.fullmatch(path)
    if named is None:
        return None
    vector = request["vector"]
    if len(vector) != DIMENSIONS:
        raise ValueError(f"a vector has {DIMENSIONS} components")
    seed = json.dumps([named[1], vector]).encode()
    first, step = struct.unpack("<QQ", hashlib.blake2b(seed, digest_size=16).digest())
    while math.gcd(step, SECURITIES) != 1:
        step += 1
    top = int(request["top"])
    hits = [
        (f"SEC{(first + rank * step) % SECURITIES:05d}", round(0.93 - 0.55 * rank / top, 4))
        for rank in range(min(top, SECURITIES))
    ]
    return {"hits": hits}


class Service(ThreadingHTTPServer):
    """One service on a port of its own."""

    daemon_threads = True

    def __init__(
        self,
        port: int,
        answer: Callable[[str, dict[str, Any]], Answer | None],
        certificate: ssl.SSLContext,
    ) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.answer = answer
        # The handshake is made by the connection's own thread, at its first read.
        self.socket = certificate.wrap_socket(
            self.socket, server_side=True, do_handshake_on_connect=False
        )


class Handler(BaseHTTPRequestHandler):
    """One connection: requests come and are answered until the client hangs up."""

    server: Service
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 1 << 16

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        try:
            answer = self.server.answer(self.path, json.loads(body))
        except (KeyError, TypeError, ValueError) as error:
            self._answer(400, {"error": f"{type(error).__name__}: {error}"})
            return
        if answer is None:
            self._answer(404, {"error": f"nothing is at {self.path}"})
        else:
            self._answer(200, answer)

    def _answer(self, status: int, body: Answer) -> None:
        payload = json.dumps(body, separators=(",", ":")).encode()
        self.send_response_only(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    def log_message(self, format: str, *args: Any) -> None:
        """Standard error belongs to the command that runs beside the services."""


def start(folder: Path) -> Path:
    """Starts both services; gives the certificate of the authority to trust."""
    authority = make_certificates(folder)
    certificate = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.load_cert_chain(folder / "server.pem", folder / "server.key")
    for port, answer in ((EMBEDDER_PORT, embed), (VECTORS_PORT, search)):
        try:
            service = Service(port, answer, certificate)
        except OSError as error:
            raise SystemExit(f"nobody can listen on port {port}: {error.strerror}") from None
        threading.Thread(target=service.serve_forever, daemon=True).start()
    return authority


def make_certificates(folder: Path) -> Path:
    """An authority, and a certificate for the services signed by it, good for a day."""
    key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes".split()
    authority = folder / "authority.pem"
    extensions = folder / "extensions"
    extensions.write_text("subjectAltName=IP:127.0.0.1,DNS:localhost\n")

    def openssl(*arguments: str | Path) -> None:
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    openssl(
        "req", "-x509", *key, "-subj", "/CN=Upstreams of the example", "-days", "1",
        "-keyout", "authority.key", "-out", authority,
    )  # fmt: skip
    openssl("req", *key, "-subj", "/CN=localhost", "-keyout", "server.key", "-out", "request")
    openssl(
        "x509", "-req", "-in", "request", "-CA", authority, "-CAkey", "authority.key",
        "-CAcreateserial", "-days", "1", "-extfile", extensions, "-out", "server.pem",
    )  # fmt: skip
    return authority
