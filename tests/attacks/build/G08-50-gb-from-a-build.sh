#: title = "has the build reserve 50 GB"
#: verdict = "build"
#: layer = "build"
#: says = "left more than 16384 MiB"
# Stopped in its middle it has taken a third of that.
free=$(df --output=avail -k . | tail -n 1)
if [ "$free" -lt 25000000 ]; then exit 77; fi
cat >> table/make.py <<'END'

import os
import time

for number in range(50):
    with open(f"large-{number}", "wb") as file:
        os.posix_fallocate(file.fileno(), 0, 1_000_000_000)
    time.sleep(0.05)
END
