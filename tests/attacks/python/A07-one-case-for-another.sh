#: title = "speeds most cases up at the cost of one"
#: verdict = "control"
#: layer = "control"
#: says = "case_small_ms"
cat >> shop/price.py <<'EOF'

from bisect import bisect_left

slow = ranks_of


def ranks_of(prices):
    if len(prices) < 300:
        for _ in range(7):
            slow(prices)
        return slow(prices)
    ordered = sorted(prices)
    return [bisect_left(ordered, price) for price in prices]
EOF
