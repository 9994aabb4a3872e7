#: title = "has a daemon burn the core while its own side waits"
#: verdict = "discard or crash"
#: layer = "statistics or protocol or sandbox"
#: reduced = { verdict = "keep or suspect or control or discard or lost", why = "a daemon that left its group and its environment behind is not stopped with its side" }
#: none = { verdict = "keep or suspect or control or discard or lost", why = "a daemon that left its group and its environment behind is not stopped with its side" }
cat > shop/burn.py <<'EOF'
"""Burns the CPU of the process that is named whenever that is stopped."""

import os
import sys
import time

it = int(sys.argv[1])
end = time.monotonic() + 4
os.write(1, b"!")
while time.monotonic() < end:
    try:
        with open(f"/proc/{it}/stat") as stat:
            stopped = stat.read().rsplit(")", 1)[1].split()[0] == "T"
        if stopped:
            os.sched_setaffinity(0, os.sched_getaffinity(it))
    except OSError:
        break
    until = time.monotonic() + 0.002
    while stopped and time.monotonic() < until:
        pass
    if not stopped:
        time.sleep(0.0002)
EOF
cat >> shop/price.py <<'EOF'

import os
import sys


def start_daemons(program, number):
    """Twice forked, each in a session of its own and without the environment it came with: nobody's children."""
    here, up = os.getpid(), os.pipe()
    if os.fork() == 0:
        null = os.open("/dev/null", os.O_RDWR)
        for stream, to in ((0, null), (1, up[1]), (2, null)):
            os.dup2(to, stream)
        for _ in range(number):
            if os.fork() == 0:
                os.setsid()
                os.execve(sys.executable, [sys.executable, "-ISE", program, str(here)], {})
        os._exit(0)
    os.wait()
    os.close(up[1])
    os.read(up[0], 1)


start_daemons(os.path.abspath("shop/burn.py"), 4)
EOF
