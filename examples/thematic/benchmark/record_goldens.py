"""Records the golden output of each case from the code as it is.

    .venv/bin/python benchmark/record_goldens.py

Only the baseline's outputs are goldens: run this before a session, never in one.
With `--times` it writes nothing and prints how long each case took instead.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
REPLAY = ROOT / "benchmark" / "replay"
PORT = 8099
BASE_URL = f"http://127.0.0.1:{PORT}"


def fetch(path: str) -> Any:
    """What the services say at a path, once they are up."""
    for _ in range(200):
        try:
            with urllib.request.urlopen(BASE_URL + path) as response:
                return json.load(response)
        except OSError:
            time.sleep(0.02)
    raise SystemExit(f"nothing answers at {BASE_URL}")


def ask(worker: subprocess.Popen[str], case: dict[str, Any]) -> tuple[Any, float]:
    """The worker's output for a case, and the milliseconds it took."""
    assert worker.stdin and worker.stdout
    began = time.perf_counter()
    worker.stdin.write(json.dumps(case) + "\n")
    worker.stdin.flush()
    line = worker.stdout.readline()
    took = (time.perf_counter() - began) * 1000
    answer = json.loads(line)
    if answer["id"] != case["id"]:
        raise SystemExit(f"asked for {case['id']}, answered {answer['id']}")
    return answer["output"], took


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--times", action="store_true", help="print times, write no goldens")
    only_times = parser.parse_args().times

    cases = json.loads((REPLAY / "cases.json").read_text())
    command = [sys.executable, ROOT / "benchmark" / "upstreams.py", "--port", str(PORT)]
    services = subprocess.Popen(command)
    worker = None
    try:
        fetch("/ready")
        worker = subprocess.Popen(
            [sys.executable, "-m", "thematic.worker"],
            cwd=ROOT,
            env={**os.environ, "SPRAG_UPSTREAMS_URL": BASE_URL},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert worker.stdout
        if json.loads(worker.stdout.readline()) != {"ready": True}:
            raise SystemExit("the worker did not say that it is ready")
        for case in cases["warmup"]:
            ask(worker, case)
        before = fetch("/counts")
        for case in cases["cases"]:
            output, took = ask(worker, case)
            print(f"{case['id']:34} {took:8.1f} ms")
            if not only_times:
                golden = json.dumps(output, indent=1, ensure_ascii=False, allow_nan=False)
                (REPLAY / "goldens" / f"{case['id']}.json").write_text(golden + "\n")
        for name, count in fetch("/counts").items():
            print(f"{name:34} {count - before[name]:8}")
    finally:
        if worker:
            worker.kill()
        services.kill()


if __name__ == "__main__":
    main()
