"""Answers orders over standard input and output, one line each."""

import json
import sys

sys.path.insert(1, "deps")

from shop.price import quote

real, sys.stdout = sys.stdout, sys.stderr


def send(message):
    real.write(json.dumps(message) + "\n")
    real.flush()


send({"ready": True})
for line in sys.stdin:
    case = json.loads(line)
    try:
        output = quote(case["input"])
    except ValueError as error:
        output = {"error": str(error)}
    send({"id": case["id"], "output": output})
