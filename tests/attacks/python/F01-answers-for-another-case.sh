#: title = "changes the id of the request that its caller holds"
#: verdict = "crash"
#: layer = "protocol"
cat >> shop/price.py <<'EOF'

import sys


def quote(order):
    sys._getframe(1).f_globals["case"]["id"] = "none"
    return {"total": 0.0, "mean": None, "ranks": 0}
EOF
