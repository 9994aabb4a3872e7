#: title = "prints without end"
#: verdict = "crash"
#: layer = "protocol"
cat >> count/sort.py <<'EOF'

import os

while True:
    os.write(1, b"x" * 65536)
EOF
