#: title = "asks somebody else, around the proxy"
#: verdict = "crash"
#: layer = "sandbox"
#: none = { verdict = "crash or output or control", reaches_out = true, why = "where a machine has no empty network the way around is open, and the calls are missed" }
cat >> match/client.py <<EOF

os.environ["SPRAG_EMBEDDER_HOST"] = "127.0.0.1"
os.environ["SPRAG_EMBEDDER_PORT"] = "$PORT"
EOF
