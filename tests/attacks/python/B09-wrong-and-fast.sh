#: title = "is wrong and fast"
#: verdict = "output"
#: layer = "output"
cat >> shop/price.py <<'EOF'


def ranks_of(prices):
    return list(range(len(prices)))
EOF
