#: title = "is fast itself, and burns CPU in children that nobody waits for"
#: verdict = "control or discard"
#: layer = "control or statistics"
cat >> shop/price.py <<'EOF'

import os
import signal
import time
from bisect import bisect_left

signal.signal(signal.SIGCHLD, signal.SIG_IGN)


def burn():
    if os.fork() == 0:
        end = time.process_time() + 0.03
        while time.process_time() < end:
            pass
        os._exit(0)


def ranks_of(prices):
    burn()
    ordered = sorted(prices)
    return [bisect_left(ordered, price) for price in prices]
EOF
