#: title = "asks something that was never recorded, and swallows the error"
#: verdict = "replay_miss"
#: layer = "replay"
#: says = "no recorded answer for POST /embed"
cat >> match/answer.py <<'EOF'

honest = answer


def answer(request):
    try:
        embed(["more"])
    except RuntimeError:
        pass
    return honest(request)
EOF
