#: title = "asks for all words in one call"
#: verdict = "replay_miss or control"
#: layer = "replay or control"
cat >> match/answer.py <<'EOF'


def answer(request):
    embed(request["words"])
    sizes = [len(word) for word in request["words"]]
    return {"sizes": sizes, "spread": spread(40_000 * sum(sizes))}
EOF
