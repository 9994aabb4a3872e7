#: title = "prints 50 GB"
#: verdict = "crash"
#: layer = "protocol"
#: says = "printed more than 64 MiB and was killed"
cat >> task/report.py <<'END'

import sys

for _ in range(50_000):
    sys.stdout.write("x" * 1_000_000)
END
