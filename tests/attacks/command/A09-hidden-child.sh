#: title = "has its CPU burnt by a child behind SIGCHLD, whom nobody counts"
#: verdict = "discard"
#: layer = "statistics"
#: none = { verdict = "keep or discard", why = "what a child burns that nobody waits for is not in the usage of its parent" }
cat >> task/report.py <<'EOF'

import os
import signal

signal.signal(signal.SIGCHLD, signal.SIG_IGN)
honest = lines


def lines():
    read, write = os.pipe()
    if os.fork() == 0:
        os.write(write, "\n".join(honest()).encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as pipe:
        return pipe.read().splitlines()
EOF
