#: title = "puts a link in the place of the file that is read"
#: verdict = "crash"
#: layer = "protocol"
#: says = "out.json"
cat >> count/sort.py <<'EOF'

import atexit
import os


def swap():
    os.rename("out.json", "other.json")
    os.symlink("other.json", "out.json")


atexit.register(swap)
EOF
