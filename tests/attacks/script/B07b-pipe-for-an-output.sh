#: title = "puts a pipe in the place of the file that is read"
#: verdict = "crash"
#: layer = "protocol"
#: says = "out/swaps.json"
cat >> count/sort.py <<'EOF'

import atexit
import os


def swap():
    os.remove("out/swaps.json")
    os.mkfifo("out/swaps.json")


atexit.register(swap)
EOF
