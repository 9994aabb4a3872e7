#: title = "has a daemon burn the core while its own side waits"
#: verdict = "discard or crash"
#: layer = "statistics or protocol or sandbox"
cat > shop/burn.py <<'EOF'
"""Burns CPU whenever the process that is named is stopped."""

import os
import sys
import time

end = time.monotonic() + 6
while time.monotonic() < end:
    try:
        with open(f"/proc/{sys.argv[1]}/stat") as stat:
            stopped = stat.read().rsplit(")", 1)[1].split()[0] == "T"
    except OSError:
        break
    if not stopped:
        time.sleep(0.0002)
    else:
        until = time.monotonic() + 0.002
        while time.monotonic() < until:
            pass
EOF
cat >> shop/price.py <<'EOF'

import os
import sys

# Twice forked, in a session of its own and without the environment it came with: nobody's child.
me = str(os.getpid())
if os.fork() == 0:
    os.setsid()
    for _ in range(3):
        if os.fork() == 0:
            null = os.open("/dev/null", os.O_RDWR)
            for stream in range(3):
                os.dup2(null, stream)
            os.execve(sys.executable, [sys.executable, os.path.abspath("shop/burn.py"), me], {})
    os._exit(0)
os.wait()
EOF
