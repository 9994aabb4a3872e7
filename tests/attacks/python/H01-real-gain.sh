#: title = "honest: a better algorithm"
#: verdict = "keep"
#: layer = "-"
cat >> shop/price.py <<'EOF'

from bisect import bisect_left


def ranks_of(prices):
    """How many lines are cheaper, for each line: its place in the sorted list."""
    ordered = sorted(prices)
    return [bisect_left(ordered, price) for price in prices]
EOF
