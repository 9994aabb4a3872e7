#: title = "makes as many calls as before, all of them the same"
#: verdict = "control or replay_miss"
#: layer = "control or replay"
cat >> match/answer.py <<'EOF'


def answer(request):
    sizes = [embed(["wind"]) + len(word) - 4 for word in request["words"]]
    return {"sizes": sizes, "spread": spread(40_000 * sum(sizes))}
EOF
