"""Talks to Redis in many ways and prints what it heard: python redis_calls.py PORT PROTOCOL PASSWORD"""

import json
import sys

import redis

port, protocol, password = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
client = redis.Redis(
    host="127.0.0.1", port=port, db=3, protocol=protocol, password=password, client_name="calls", health_check_interval=1
)


def error(call):
    try:
        return call()
    except redis.RedisError as wrong:
        return f"{type(wrong).__name__}: {wrong}"


def plain(value):
    """What JSON can say: bytes as Latin-1, sets sorted, pairs of a dictionary in their order."""
    if isinstance(value, bytes):
        return value.decode("latin-1")
    if isinstance(value, dict):
        return [[plain(key), plain(one)] for key, one in value.items()]
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    if isinstance(value, (set, frozenset)):
        return sorted(map(plain, value))
    return str(value) if isinstance(value, Exception) else value


def pipeline():
    with client.pipeline(transaction=False) as many:
        for n in range(500):
            many.set(f"n:{n}", n).incrby(f"n:{n}", n).get(f"n:{n}")
        return many.execute()


def large_pipeline():
    """More than the buffers of a socket hold, both ways, and nothing is read before all is sent."""
    with client.pipeline(transaction=False) as many:
        for _ in range(30):
            many.set("large", b"\x00\xff" * 250_000).get("large")
        return [len(one) if isinstance(one, bytes) else one for one in many.execute()]


def transaction():
    with client.pipeline(transaction=True) as many:
        many.set("t", 1).incr("t").lpush("t", "no list").get("t")
        return many.execute(raise_on_error=False)


def watched(interfere):
    with client.pipeline() as many:
        many.watch("w")
        seen = many.get("w")
        if interfere:
            client.incr("w")
        many.multi()
        many.set("w", 10)
        return [seen, error(many.execute)]


calls = [
    lambda: client.ping(),
    lambda: client.flushdb(),
    lambda: client.set("greeting", "hällo\r\n\x00"),
    lambda: client.get("greeting"),
    lambda: client.set("empty", b""),
    lambda: client.get("empty"),
    lambda: client.get("none"),
    lambda: client.incr("count"),
    lambda: client.incr("count"),
    lambda: client.get("count"),
    lambda: client.hset("hash", mapping={"a": 1, "b": 2}),
    lambda: client.hgetall("hash"),
    lambda: client.zadd("scores", {"one": 1, "half": 0.5}),
    lambda: client.zrange("scores", 0, -1, withscores=True),
    lambda: client.sadd("set", "x", "y"),
    lambda: client.smembers("set"),
    lambda: client.rpush("list", "a", "b"),
    lambda: client.blpop(["list"], timeout=1),
    lambda: client.blpop(["nothing"], timeout=0.1),
    lambda: error(lambda: client.incr("greeting")),
    lambda: error(lambda: client.execute_command("NO-SUCH-COMMAND", "x")),
    lambda: client.eval("return {1, {KEYS[1], ARGV[1]}, false}", 1, "k", "v"),
    lambda: client.client_getname(),
    pipeline,
    large_pipeline,
    transaction,
    lambda: watched(False),
    lambda: watched(True),
    lambda: sorted(client.scan_iter(match="s*")),
    lambda: client.config_set("masterauth", password),
]
print(json.dumps([plain(call()) for call in calls], indent=0))
