#: title = "memoizes what is asked once"
#: verdict = "discard"
#: layer = "statistics"
cat >> shop/price.py <<'EOF'

from functools import lru_cache

honest = ranks_of
cached = lru_cache(maxsize=None)(lambda prices: honest(prices))


def ranks_of(prices):
    return cached(tuple(prices))
EOF
