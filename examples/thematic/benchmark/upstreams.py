"""The embedder, the vector database and the identifier service of the benchmark.

One process plays all three. Every answer is computed from a hash of the
request, so it is the same on each run and each machine, and it comes at once:
what the benchmark times is the application. `/counts` says how often each
service was asked.

    python3 benchmark/upstreams.py --port 8099
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import struct
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

SECURITIES = 2000
DIMENSIONS = 16
COUNTERS = ("embedder_calls", "db_calls", "identifier_lookups")


def embed(request: dict[str, Any]) -> dict[str, Any]:
    """A vector that stands for the text: each component within -1 and 1."""
    digest = hashlib.shake_256(request["text"].strip().lower().encode()).digest(4 * DIMENSIONS)
    words = struct.unpack(f"<{DIMENSIONS}I", digest)
    return {"embedding": [round(word / 2**31 - 1, 6) for word in words]}


def search(request: dict[str, Any]) -> dict[str, Any]:
    """The `top` securities of a collection, most similar first."""
    vector = request["embedding"]
    if len(vector) != DIMENSIONS:
        raise ValueError(f"an embedding has {DIMENSIONS} components")
    seed = json.dumps([request["collection"], vector]).encode()
    first, step = struct.unpack("<QQ", hashlib.blake2b(seed, digest_size=16).digest())
    while math.gcd(step, SECURITIES) != 1:
        step += 1
    top = int(request["top"])
    hits = [
        (f"SEC{(first + rank * step) % SECURITIES:05d}", round(0.93 - 0.55 * rank / top, 4))
        for rank in range(min(top, SECURITIES))
    ]
    return {"hits": hits}


def identifiers(request: dict[str, Any]) -> dict[str, Any]:
    """An ISIN-like and a FIGI-like identifier for each security."""
    found = {}
    for security_id in request["security_ids"]:
        digest = hashlib.blake2b(security_id.encode(), digest_size=12).hexdigest().upper()
        found[security_id] = {"isin": f"XS{digest[:10]}", "figi": f"BBG{digest[10:19]}"}
    return {"identifiers": found}


SERVICES: dict[str, tuple[str, Callable[[dict[str, Any]], dict[str, Any]]]] = {
    "/embed": ("embedder_calls", embed),
    "/search": ("db_calls", search),
    "/identifiers": ("identifier_lookups", identifiers),
}


class Upstreams(ThreadingHTTPServer):
    """The server, with its counters."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self._lock = threading.Lock()
        self._counts = dict.fromkeys(COUNTERS, 0)

    def count(self, counter: str) -> None:
        with self._lock:
            self._counts[counter] += 1

    def counts(self) -> dict[str, int]:
        with self._lock:
            return dict(self._counts)


class Handler(BaseHTTPRequestHandler):
    """One connection: requests come and are answered until the client hangs up."""

    server: Upstreams
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 1 << 16

    def do_GET(self) -> None:
        if self.path == "/ready":
            self._answer(200, {"ready": True})
        elif self.path == "/counts":
            self._answer(200, self.server.counts())
        else:
            self._answer(404, {"error": f"nothing is at {self.path}"})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path not in SERVICES:
            self._answer(404, {"error": f"nothing is at {self.path}"})
            return
        counter, service = SERVICES[self.path]
        self.server.count(counter)
        try:
            answer = service(json.loads(body))
        except (KeyError, TypeError, ValueError) as error:
            self._answer(400, {"error": f"{type(error).__name__}: {error}"})
        else:
            self._answer(200, answer)

    def _answer(self, status: int, body: dict[str, Any]) -> None:
        payload = json.dumps(body, separators=(",", ":")).encode()
        self.send_response_only(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing is logged: the answers must cost as little as they can."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, required=True)
    Upstreams(parser.parse_args().port).serve_forever()


if __name__ == "__main__":
    main()
