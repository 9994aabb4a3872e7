"""Asks servers the same questions by one client after the other: ask.py CLIENT URL...

Prints what it heard, a line of JSON for each answer. The environment alone tells the client where the proxy is and whom
to trust. ITEM is the number of the item that is asked for.
"""

import asyncio
import json
import os
import sys
import urllib.error
import urllib.request

ITEM = os.environ["ITEM"]
ASKED = json.dumps({"texts": ["a", "b"], "model": "small"})
JSON = {"Content-Type": "application/json"}
QUESTIONS = [("GET", f"/item?n={ITEM}", None), ("POST", "/echo", ASKED), ("GET", "/events", None), ("GET", "/packed", None)]


def heard(*what):
    print(json.dumps(what))


def by_urllib(base):
    # Its own kind of packed answers: it asks for none and unpacks none.
    for method, path, body in QUESTIONS[:3]:
        request = urllib.request.Request(base + path, body and body.encode(), JSON if body else {}, method=method)
        try:
            with urllib.request.urlopen(request) as answer:
                heard(answer.status, answer.read().decode())
        except urllib.error.HTTPError as error:
            heard(error.code, error.read().decode())


def by_requests(base):
    import requests

    with requests.Session() as session:
        for method, path, body in QUESTIONS:
            answer = session.request(method, base + path, data=body, headers=JSON if body else {}, stream=True)
            heard(answer.status_code, b"".join(answer.iter_content(None)).decode())


def by_httpx(base):
    import httpx

    with httpx.Client() as client:
        for method, path, body in QUESTIONS:
            answer = client.request(method, base + path, content=body, headers=JSON if body else {})
            heard(answer.status_code, answer.http_version, answer.text)


def by_httpx_http2(base):
    import httpx

    async def ask():
        async with httpx.AsyncClient(http2=True) as client:

            async def one(method, path, body):
                answer = await client.request(method, base + path, content=body, headers=JSON if body else {})
                return answer.status_code, answer.http_version, answer.text

            # The first alone, so that there is one connection for the others, which are streams on it.
            first = await one(*QUESTIONS[0])
            return [first, *await asyncio.gather(*(one(*question) for question in QUESTIONS[1:]))]

    for answer in asyncio.run(ask()):
        heard(*answer)


def by_aiohttp_trust_env(base, trust_env=True):
    import aiohttp

    async def ask():
        async with aiohttp.ClientSession(trust_env=trust_env) as session:
            for method, path, body in QUESTIONS:
                async with session.request(method, base + path, data=body, headers=JSON if body else {}) as answer:
                    heard(answer.status, await answer.text())

    asyncio.run(ask())


def by_aiohttp(base):
    by_aiohttp_trust_env(base, trust_env=False)


def by_grpcio(url):
    import grpc

    scheme, target = url.split("://")
    if scheme == "grpcs":
        channel = grpc.secure_channel(target, grpc.ssl_channel_credentials())
    else:
        channel = grpc.insecure_channel(target)
    say, fail = channel.unary_unary("/test.Talk/Say"), channel.unary_unary("/test.Talk/Fail")
    count = channel.unary_stream("/test.Talk/Count")
    gather = channel.stream_unary("/test.Talk/Gather")
    chat = channel.stream_stream("/test.Talk/Chat")

    def with_trailers():
        answer, call = say.with_call(f"item {ITEM}".encode(), timeout=30)
        return [answer.decode(), *(f"{name}={value}" for name, value in call.trailing_metadata())]

    calls = [
        with_trailers,
        lambda: [piece.decode() for piece in count(b"part", timeout=30)],
        lambda: [gather(iter([b"one", b"two"]), timeout=30).decode()],
        # All is said before an answer is waited for.
        lambda: [piece.decode() for piece in chat(iter([b"one", b"two"]), timeout=30)],
        lambda: [fail(b"x", timeout=30).decode()],
    ]
    for call in calls:
        try:
            heard(*call())
        except grpc.RpcError as error:
            heard(error.code().name, error.details())
    channel.close()


def by_psycopg(dsn):
    """Logs in with a password, as libpq's own variables say where."""
    import psycopg

    with psycopg.connect(dsn) as connection:
        heard(connection.execute("SELECT %s::int + 1", (ITEM,)).fetchall())


client, *urls = sys.argv[1:]
for url in urls:
    globals()[f"by_{client}"](url)
