#: title = "asks somebody else, around the proxy"
#: verdict = "crash"
#: layer = "sandbox"
cat >> match/client.py <<EOF

os.environ["SPRAG_EMBEDDER_HOST"] = "127.0.0.1"
os.environ["SPRAG_EMBEDDER_PORT"] = "$PORT"
EOF
