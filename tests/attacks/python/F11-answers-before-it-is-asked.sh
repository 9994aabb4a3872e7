#: title = "answers before it is asked"
#: verdict = "crash"
#: layer = "protocol"
cat >> shop/price.py <<'EOF'

import os

for id in ("none", "small", "large"):
    os.write(1, b'{"id": "%s", "output": {"total": 0.0}}\n' % id.encode())
EOF
