"""Clients of the three services that scoring leans on.

The embedding model turns a theme into a vector, the vector database finds the
securities near it in a collection of documents, and the identifier service
knows the public identifiers of a security. All three answer below one base
URL, which the environment names, over one connection that is kept open.
"""

from __future__ import annotations

import http.client
import json
import os
from typing import Any
from urllib.parse import urlsplit

BASE_URL_VARIABLE = "SPRAG_UPSTREAMS_URL"


class UpstreamError(RuntimeError):
    """A service refused the request or answered with something else."""


class Upstreams:
    """A connection to the services, opened at the first call."""

    def __init__(self, base_url: str) -> None:
        parts = urlsplit(base_url)
        if parts.scheme != "http" or parts.hostname is None:
            raise UpstreamError(f"{BASE_URL_VARIABLE} should be an http URL, not {base_url!r}")
        self._prefix = parts.path.rstrip("/")
        self._connection = http.client.HTTPConnection(parts.hostname, parts.port or 80)

    def embed(self, text: str) -> list[float]:
        """The embedding of a text."""
        return self._post("/embed", {"text": text})["embedding"]

    def search(self, collection: str, embedding: list[float], top: int) -> list[tuple[str, float]]:
        """The securities nearest to an embedding in a collection, most similar first."""
        query = {"collection": collection, "embedding": embedding, "top": top}
        return [(hit[0], hit[1]) for hit in self._post("/search", query)["hits"]]

    def identifiers(self, security_ids: list[str]) -> dict[str, dict[str, str]]:
        """The public identifiers of each security."""
        return self._post("/identifiers", {"security_ids": security_ids})["identifiers"]

    def _post(self, path: str, body: dict[str, Any]) -> Any:
        payload = json.dumps(body, separators=(",", ":")).encode()
        headers = {"Content-Type": "application/json"}
        self._connection.request("POST", self._prefix + path, payload, headers)
        response = self._connection.getresponse()
        answer = response.read()
        if response.status != 200:
            raise UpstreamError(f"{path} answered {response.status}: {answer[:200]!r}")
        return json.loads(answer)


_shared: Upstreams | None = None


def upstreams() -> Upstreams:
    """The connection of this process."""
    global _shared
    if _shared is None:
        base_url = os.environ.get(BASE_URL_VARIABLE)
        if not base_url:
            raise UpstreamError(f"{BASE_URL_VARIABLE} is not set")
        _shared = Upstreams(base_url)
    return _shared
