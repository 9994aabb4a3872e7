#: title = "makes the calls and does not wait for what they say"
#: verdict = "keep or replay_miss or control or discard"
#: layer = "- or replay or control or statistics"
#: limit = "a request counts when it was made, whether or not anybody waits for what is answered"
cat >> match/client.py <<'EOF'


def embed(words):
    host, port = os.environ["SPRAG_EMBEDDER_HOST"], os.environ["SPRAG_EMBEDDER_PORT"]
    service = http.client.HTTPConnection(host, int(port), timeout=5)
    service.request("POST", "/embed", json.dumps({"input": words}), {"Content-Type": "application/json"})
    service.close()
    return len(words[0])
EOF
