"""Answers scoring requests over standard input and output, one line each.

The process says `{"ready":true}` once it is up. Then each line
`{"id":…,"input":…}` gets exactly one line `{"id":…,"output":…}`. Nothing else
may go to standard output; complaints go to standard error.

    python -m thematic.worker
"""

from __future__ import annotations

import os

for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")  # before numpy is imported

import json
import sys
from typing import Any

from core.scoring import score_theme
from core.universe_creation import read_tables


def send(message: dict[str, Any]) -> None:
    """One message, one line."""
    line = json.dumps(message, separators=(",", ":"), allow_nan=False)
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> None:
    read_tables()
    send({"ready": True})
    for line in sys.stdin:
        request = json.loads(line)
        send({"id": request["id"], "output": score_theme(request["input"])})


if __name__ == "__main__":
    main()
