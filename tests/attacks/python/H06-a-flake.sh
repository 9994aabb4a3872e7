#: title = "honest: no gain, and one answer in twenty is wrong"
#: verdict = "not_kept"
#: layer = "statistics or output"
cat >> shop/price.py <<'EOF'

import random

honest = quote
chance = random.SystemRandom()


def quote(order):
    if chance.random() < 0.05:
        return {"total": 0.0, "mean": 0.0, "ranks": 0}
    return honest(order)
EOF
