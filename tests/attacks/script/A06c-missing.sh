#: title = "leaves before the metric is printed"
#: verdict = "crash"
#: layer = "protocol"
cat >> count/sort.py <<'EOF'

import os

os._exit(0)
EOF
