#!/usr/bin/env python3
"""Records the noise of this machine: runs of unchanged code, one after the other.

    python3 bench/noise/record.py [RUNS]

Writes fresh_process.json and in_process.json beside itself, one row a run:
- fresh_process: [start in seconds, wall time in ms] of a new Python process that sums some squares.
- in_process: [start in seconds, mean, median, 95th percentile in ms] of 25 rounds of a loop in this process.
"""
import json
import pathlib
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).parent
ROUNDS = 25


def work(size):
    return sum(i * i % 7 for i in range(size))


def fresh_process(start):
    command = [sys.executable, "-I", "-S", "-c", "sum(i * i % 7 for i in range(100_000))"]
    begin = time.perf_counter()
    subprocess.run(command, check=True)
    end = time.perf_counter()
    return [round(begin - start, 4), round(1e3 * (end - begin), 4)]


def in_process(start):
    times, begin = [], time.perf_counter()
    for _ in range(ROUNDS):
        before = time.perf_counter()
        work(25_000)
        times.append(1e3 * (time.perf_counter() - before))
    times.sort()
    nearest_rank = times[-(-95 * ROUNDS // 100) - 1]
    values = (sum(times) / ROUNDS, times[ROUNDS // 2], nearest_rank)
    return [round(begin - start, 4)] + [round(value, 4) for value in values]


def main():
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 600
    for record in (fresh_process, in_process):
        start = time.perf_counter()
        rows = [record(start) for _ in range(runs)]
        text = "[\n" + ",\n".join(map(json.dumps, rows)) + "\n]\n"
        (HERE / f"{record.__name__}.json").write_text(text)


if __name__ == "__main__":
    main()
