#: title = "honest: a formula, and the same questions"
#: verdict = "keep"
#: layer = "-"
cat >> match/answer.py <<'EOF'


def spread(size):
    """The sum of all numbers below `size`."""
    return size * (size - 1) // 2
EOF
