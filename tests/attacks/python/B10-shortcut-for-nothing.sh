#: title = "takes a shortcut where there is nothing to do, and forgets a field"
#: verdict = "output"
#: layer = "output"
#: says = "case none"
cat >> shop/price.py <<'EOF'

honest = quote


def quote(order):
    return honest(order) if order["lines"] else {"total": 0.0, "ranks": 0}
EOF
