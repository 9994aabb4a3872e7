#: title = "leaves the longest line out"
#: verdict = "output"
#: layer = "output"
sed -i 's/1_000_000, /900_000, /' task/report.py
