#: title = "answers wrong at once, and right a moment later"
#: verdict = "output or crash"
#: layer = "output or protocol"
cat >> shop/price.py <<'EOF'

import os
import time

honest = quote


def quote(order):
    import sys

    id = sys._getframe(1).f_globals["case"]["id"]
    os.write(1, b'{"id": "%s", "output": {}}\n' % id.encode())
    return honest(order)
EOF
