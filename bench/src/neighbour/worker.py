"""Answers cases over standard input and output, one line each."""

import json
import sys

from walk import walk

print(json.dumps({"ready": True}), flush=True)
for line in sys.stdin:
    case = json.loads(line)
    print(json.dumps({"id": case["id"], "output": walk(case["input"])}), flush=True)
