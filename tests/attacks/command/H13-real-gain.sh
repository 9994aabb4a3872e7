#: title = "honest: a formula"
#: verdict = "keep"
#: layer = "-"
cat >> task/report.py <<'EOF'


def squares(end):
    """The sum of the squares below `end`."""
    return (end - 1) * end * (2 * end - 1) // 6
EOF
