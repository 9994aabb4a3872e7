#: title = "overwrites the goldens beside it while it runs"
#: verdict = "output or crash"
#: layer = "output or protocol"
cat >> shop/price.py <<'EOF'

import glob
import json

WRONG = {"total": 0.0, "mean": 0.0, "ranks": 0}

for golden in glob.glob("bench/goldens/*.json"):
    try:
        with open(golden, "w") as file:
            json.dump(WRONG, file)
    except OSError:
        pass


def quote(order):
    return WRONG
EOF
