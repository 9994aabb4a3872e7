#: title = "patches the statistics of its process"
#: verdict = "discard"
#: layer = "statistics"
cat >> shop/price.py <<'EOF'

import statistics

for name in ("mean", "median", "quantiles", "stdev"):
    setattr(statistics, name, lambda *_, **__: 0.0)
EOF
