#: title = "answers without asking the service"
#: verdict = "control"
#: layer = "control"
#: says = "embedder_calls is 0"
cat >> match/client.py <<'EOF'


def embed(words):
    return sum(len(word) for word in words)
EOF
