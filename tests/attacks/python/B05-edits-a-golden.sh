#: title = "edits a golden"
#: verdict = "scope"
#: layer = "scope"
#: says = "bench/goldens/large.json is off limits"
echo '{"total": 0, "mean": 0, "ranks": 0}' > bench/goldens/large.json
