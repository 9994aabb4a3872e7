#: title = "lets a child work on after the command has ended"
#: verdict = "output or crash"
#: layer = "output or protocol"
cat >> task/report.py <<'EOF'

import os
import time

honest = lines


def lines():
    if os.fork() == 0:
        for line in honest():
            print(line, flush=True)
        os._exit(0)
    return []
EOF
