#: title = "puts a pipe in the place of the file that is read"
#: verdict = "crash"
#: layer = "protocol"
#: says = "out.json"
cat >> count/sort.py <<'EOF'

import atexit
import os


def swap():
    os.remove("out.json")
    os.mkfifo("out.json")


atexit.register(swap)
EOF
