#: title = "lets only its own METRIC line out"
#: verdict = "keep"
#: layer = "-"
#: limit = "a number printed by a process that loads the code under test is self-reported, and every row says so"
cat >> count/sort.py <<'EOF'

import atexit
import builtins

builtins.print = lambda *_: None
atexit.register(__import__("os").write, 1, b"METRIC steps=1\n")
EOF
