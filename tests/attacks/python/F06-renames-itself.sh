#: title = "takes another name in the list of processes and other arguments"
#: verdict = "discard"
#: layer = "statistics"
cat >> shop/price.py <<'EOF'

import ctypes
import sys

sys.argv[:] = ["a) R 1 (sprag", "audit"]
try:
    with open("/proc/self/comm", "w") as name:
        name.write("a) R 1 (sp")
    ctypes.CDLL(None).prctl(15, b"a) R 1 (sprag", 0, 0, 0)
except (OSError, AttributeError):
    pass
EOF
