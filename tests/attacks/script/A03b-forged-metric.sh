#: title = "prints a METRIC line of its own before the true one"
#: verdict = "crash"
#: layer = "protocol"
#: says = "steps"
cat >> count/sort.py <<'EOF'

print("METRIC steps=1")
EOF
