#: title = "puts a link in the place of the file that is read"
#: verdict = "crash"
#: layer = "protocol"
#: says = "out/swaps.json"
cat >> count/sort.py <<'EOF'

import atexit
import os


def swap():
    os.rename("out/swaps.json", "out/other.json")
    os.symlink("other.json", "out/swaps.json")


atexit.register(swap)
EOF
