"""The servers that clients are recorded against: upstream.py CERTIFICATE KEY

HTTP/1.1 and HTTP/2 by Hypercorn, gRPC by grpcio, each in the clear and under TLS, on free ports of 127.0.0.1. Says the
ports in one line of JSON once all of them listen, and ends with its standard input.
"""

import asyncio
import gzip
import json
import logging
import socket
import sys
import urllib.parse
from concurrent import futures

import grpc
import hypercorn.asyncio
import hypercorn.config


async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    body = b""
    more = True
    while more:
        event = await receive()
        body += event.get("body", b"")
        more = event.get("more_body", False)
    sent = {name.decode(): value.decode() for name, value in scope["headers"]}
    query = dict(urllib.parse.parse_qsl(scope["query_string"].decode()))
    headers, pieces = [("content-type", "application/json")], []
    match scope["path"]:
        case "/item":
            item = {"item": query.get("n"), "scheme": scope["scheme"], "http": scope["http_version"]}
            pieces = [json.dumps(item).encode()]
        case "/echo":
            headers = [("content-type", sent.get("content-type", "application/octet-stream"))]
            pieces = [body]
        case "/events":
            headers = [("content-type", "text/event-stream")]
            pieces = [b"data: one\n\n", b"data: two\n\n", b"data: three\n\n"]
        case "/packed":
            headers.append(("content-encoding", "gzip"))
            pieces = [gzip.compress(b'{"packed": true}', mtime=0)]
        case "/login":
            # Says what it was told, in all the places where a server may say it.
            headers += [("set-cookie", f"session={sent.get('cookie', '')}; Path=/"), ("x-auth-token", query["token"])]
            pieces = [json.dumps({"access_token": query["token"], "kind": "bearer"}).encode()]
    await send({"type": "http.response.start", "status": 200, "headers": [(n.encode(), v.encode()) for n, v in headers]})
    for piece in pieces:
        await send({"type": "http.response.body", "body": piece, "more_body": True})
        if len(pieces) > 1:
            await asyncio.sleep(0.01)
    await send({"type": "http.response.body", "body": b""})


def say(request, context):
    context.set_trailing_metadata((("x-check", "7"),))
    return b"heard " + request


def count(request, context):
    for n in range(3):
        yield b"%s %d" % (request, n)


def gather(requests, context):
    return b", ".join(requests)


def chat(requests, context):
    for request in requests:
        yield b"heard " + request


def fail(request, context):
    context.abort(grpc.StatusCode.NOT_FOUND, "no such thing: %")


def grpc_server(certificate, key):
    server = grpc.server(futures.ThreadPoolExecutor(8))
    methods = {
        "Say": grpc.unary_unary_rpc_method_handler(say),
        "Count": grpc.unary_stream_rpc_method_handler(count),
        "Gather": grpc.stream_unary_rpc_method_handler(gather),
        "Chat": grpc.stream_stream_rpc_method_handler(chat),
        "Fail": grpc.unary_unary_rpc_method_handler(fail),
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("test.Talk", methods),))
    plain = server.add_insecure_port("127.0.0.1:0")
    secret = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([(key, certificate)]))
    server.start()
    return server, plain, secret


async def main():
    certificate, key = sys.argv[1:]
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
    plain, secret = (one.getsockname()[1] for one in sockets)
    config = hypercorn.config.Config()
    config.insecure_bind, config.bind = ([f"fd://{one.fileno()}"] for one in sockets)
    config.certfile, config.keyfile = certificate, key
    config.errorlog = logging.getLogger("quiet")
    config.errorlog.addHandler(logging.NullHandler())
    with open(certificate, "rb") as first, open(key, "rb") as second:
        server, grpc_plain, grpc_secret = grpc_server(first.read(), second.read())
    # Both sockets listen already: who comes early waits.
    print(json.dumps({"http": plain, "https": secret, "grpc": grpc_plain, "grpcs": grpc_secret}), flush=True)

    async def ended():
        await asyncio.to_thread(sys.stdin.read)

    await hypercorn.asyncio.serve(app, config, shutdown_trigger=ended)
    server.stop(None)


asyncio.run(main())
