#: title = "has a daemon wake it while the other side is measured, to work ahead"
#: verdict = "discard or control or crash"
#: layer = "statistics or control or protocol or sandbox"
#: reduced = { verdict = "keep or suspect or discard or control", why = "a daemon that left its group and its environment behind can wake its side" }
#: none = { verdict = "keep or suspect or discard or control", why = "a daemon that left its group and its environment behind can wake its side" }
cat > shop/wake.py <<'EOF'
"""Wakes the process that is named, whenever it was stopped."""

import os
import signal
import sys
import time

end = time.monotonic() + 4
os.write(1, b"!")
while time.monotonic() < end:
    try:
        os.kill(int(sys.argv[1]), signal.SIGCONT)
    except OSError:
        break
    time.sleep(0.0001)
EOF
cat >> shop/price.py <<'EOF'

import json
import os
import sys
import threading

honest = quote
known = {}


def start_daemon(program):
    """Twice forked, in a session of its own and without the environment it came with: nobody's child."""
    here, up = os.getpid(), os.pipe()
    if os.fork() == 0:
        os.setsid()
        null = os.open("/dev/null", os.O_RDWR)
        for stream, to in ((0, null), (1, up[1]), (2, null)):
            os.dup2(to, stream)
        if os.fork() == 0:
            os.execve(sys.executable, [sys.executable, "-ISE", program, str(here)], {})
        os._exit(0)
    os.wait()
    os.close(up[1])
    os.read(up[0], 1)


def ahead():
    cases = [{"seed": seed, "lines": lines} for seed, lines in ((5, 700), (4, 650), (3, 600), (2, 240))]
    for case in cases:
        known[case["seed"]] = honest(case)


start_daemon(os.path.abspath("shop/wake.py"))


def quote(order):
    if order["seed"] == 1:
        threading.Thread(target=ahead, daemon=True).start()
        return honest(order)
    return known.get(order["seed"]) or honest(order)
EOF
