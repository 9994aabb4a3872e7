#: title = "ends with exit code 0 instead of answering"
#: verdict = "crash"
#: layer = "protocol"
cat >> shop/price.py <<'EOF'

import os


def quote(order):
    os._exit(0)
EOF
