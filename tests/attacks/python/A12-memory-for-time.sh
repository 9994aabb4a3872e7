#: title = "is fast with a table that takes 200 MB"
#: verdict = "control"
#: layer = "control"
#: says = "peak_rss_mb"
cat >> shop/price.py <<'EOF'

from bisect import bisect_left

table = b"\x01" * (200 << 20)


def ranks_of(prices):
    ordered = sorted(prices)
    return [bisect_left(ordered, price) for price in prices]
EOF
