#: title = "kills the process that measures it"
#: verdict = "not_kept"
#: layer = "sandbox"
#: none = { verdict = "lost", why = "a process of the same user can be signalled; nothing is decided" }
cat >> shop/price.py <<'EOF'

import os
import signal

honest = quote


def quote(order):
    if os.getppid() > 1:
        os.kill(os.getppid(), signal.SIGKILL)
    return honest(order)
EOF
