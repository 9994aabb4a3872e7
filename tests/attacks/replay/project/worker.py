"""Answers requests over standard input and output, one line each."""

import json
import sys

from match.answer import answer

real, sys.stdout = sys.stdout, sys.stderr


def send(message):
    real.write(json.dumps(message) + "\n")
    real.flush()


send({"ready": True})
for line in sys.stdin:
    case = json.loads(line)
    send({"id": case["id"], "output": answer(case["input"])})
