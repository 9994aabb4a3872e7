#: title = "prints a METRIC line of its own where answers go"
#: verdict = "crash"
#: layer = "protocol"
#: says = "METRIC"
cat >> shop/price.py <<'EOF'

import os

honest = quote


def quote(order):
    os.write(1, b"METRIC total_ms=0.001\n")
    return honest(order)
EOF
