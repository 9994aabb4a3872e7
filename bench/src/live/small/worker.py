import json
import sys

from app import answer

print(json.dumps({"ready": True}), flush=True)
for line in sys.stdin:
    case = json.loads(line)
    print(json.dumps({"id": case["id"], "output": answer(case["input"])}), flush=True)
