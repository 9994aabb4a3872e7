"""Clients of the three services that scoring leans on.

The embedding model turns a theme into a vector, the vector database finds the
securities near it in a collection of documents, and a table in PostgreSQL knows
the public identifiers of a security. The environment says where they are, and
each is asked over one connection that is kept open.
"""

from __future__ import annotations

import http.client
import json
import os
from typing import Any
from urllib.parse import unquote, urlsplit

from pg8000.native import Connection

EMBEDDER_VARIABLE = "EMBEDDER_URL"
VECTORS_VARIABLE = "VECTORS_URL"
DATABASE_VARIABLE = "DATABASE_URL"

MODEL = "themes-16"
IDENTIFIERS = "SELECT security_id, isin, figi FROM identifiers WHERE security_id = ANY(:ids)"


class UpstreamError(RuntimeError):
    """A service cannot be asked, refused, or answered with something else."""


class JsonService:
    """A service that is asked in JSON over HTTPS; connected at the first request."""

    def __init__(self, base_url: str) -> None:
        parts = urlsplit(base_url)
        if parts.scheme != "https" or parts.hostname is None:
            raise UpstreamError(f"a service has an https URL, not {base_url!r}")
        self._prefix = parts.path.rstrip("/")
        self._connection = http.client.HTTPSConnection(parts.hostname, parts.port)

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """What the service answers to a request."""
        payload = json.dumps(body, separators=(",", ":")).encode()
        headers = {"Content-Type": "application/json"}
        self._connection.request("POST", self._prefix + path, payload, headers)
        response = self._connection.getresponse()
        answer = response.read()
        if response.status != 200:
            raise UpstreamError(f"{path} answered {response.status}: {answer[:200]!r}")
        return json.loads(answer)


class Upstreams:
    """The three services."""

    def __init__(self) -> None:
        self._embedder = JsonService(setting(EMBEDDER_VARIABLE))
        self._vectors = JsonService(setting(VECTORS_VARIABLE))
        self._database = connect(setting(DATABASE_VARIABLE))

    def embed(self, text: str) -> list[float]:
        """The embedding of a text."""
        answer = self._embedder.post("/v1/embeddings", {"model": MODEL, "input": [text]})
        return answer["data"][0]["embedding"]

    def search(self, collection: str, embedding: list[float], top: int) -> list[tuple[str, float]]:
        """The securities nearest to an embedding in a collection, most similar first."""
        query = {"vector": embedding, "top": top}
        answer = self._vectors.post(f"/collections/{collection}/search", query)
        return [(hit[0], hit[1]) for hit in answer["hits"]]

    def identifiers(self, security_ids: list[str]) -> dict[str, dict[str, str]]:
        """The public identifiers of each security."""
        rows = self._database.run(IDENTIFIERS, ids=security_ids)
        return {security_id: {"isin": isin, "figi": figi} for security_id, isin, figi in rows}


def setting(variable: str) -> str:
    """What the environment says."""
    value = os.environ.get(variable)
    if not value:
        raise UpstreamError(f"{variable} is not set")
    return value


def connect(url: str) -> Connection:
    """A connection to a database: `postgresql://user:password@host:port/name`."""
    parts = urlsplit(url)
    if parts.scheme != "postgresql" or not (parts.hostname and parts.username):
        raise UpstreamError(f"{DATABASE_VARIABLE} has a postgresql URL with a user and a host")
    return Connection(
        unquote(parts.username),
        host=parts.hostname,
        port=parts.port or 5432,
        password=unquote(parts.password) if parts.password else None,
        database=parts.path.removeprefix("/") or None,
    )


_shared: Upstreams | None = None


def upstreams() -> Upstreams:
    """The services as this process knows them."""
    global _shared
    if _shared is None:
        _shared = Upstreams()
    return _shared
