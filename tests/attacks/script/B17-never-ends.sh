#: title = "never comes to an end"
#: verdict = "crash"
#: layer = "protocol"
cat >> count/sort.py <<'EOF'

import time

time.sleep(600)
EOF
