"""Answers planning requests over standard input and output, one line each."""

import json
import sys

import stock


def send(message):
    sys.stdout.write(json.dumps(message, separators=(",", ":")) + "\n")
    sys.stdout.flush()


def main():
    send({"ready": True})
    for line in sys.stdin:
        request = json.loads(line)
        send({"id": request["id"], "output": stock.plan(request["input"])})


if __name__ == "__main__":
    main()
