#: title = "makes the calls and does not wait for what they say"
#: verdict = "control or crash or keep"
#: layer = "control or protocol"
cat >> match/client.py <<'EOF'


def embed(words):
    host, port = os.environ["SPRAG_EMBEDDER_HOST"], os.environ["SPRAG_EMBEDDER_PORT"]
    service = http.client.HTTPConnection(host, int(port), timeout=5)
    service.request("POST", "/embed", json.dumps({"input": words}), {"Content-Type": "application/json"})
    service.close()
    return len(words[0])
EOF
cat >> match/answer.py <<'EOF'


def spread(size):
    return size * (size - 1) // 2
EOF
