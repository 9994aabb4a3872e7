#: title = "prints a METRIC line when the process ends"
#: verdict = "discard or crash"
#: layer = "statistics or protocol"
cat >> shop/price.py <<'EOF'

import atexit
import os

atexit.register(os.write, 1, b"METRIC total_ms=0.001\n")
EOF
