#: title = "leaves the longest line out"
#: verdict = "output"
#: layer = "output"
sed -i 's/1_250_000, /1_100_000, /' task/report.py
