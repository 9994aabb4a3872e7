#: title = "prints the counter itself and asks nobody"
#: verdict = "control"
#: layer = "control"
#: says = "embedder_calls is 0"
cat >> match/client.py <<'EOF'

import sys


def embed(words):
    print("METRIC embedder_calls=7", file=sys.stderr)
    os.environ["embedder_calls"] = "7"
    return sum(len(word) for word in words)
EOF
