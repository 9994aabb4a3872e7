#: title = "makes a million files in the folder that runs may write"
#: verdict = "crash"
#: layer = "protocol"
cat >> count/sort.py <<'END'

import os

os.makedirs("out", exist_ok=True)

for number in range(1_000_000):
    os.mknod(f"out/{number}")
END
