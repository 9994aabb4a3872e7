#: title = "answers without end"
#: verdict = "crash"
#: layer = "protocol"
cat >> shop/price.py <<'EOF'

import os


def quote(order):
    while True:
        os.write(1, b"x" * 65536)
EOF
