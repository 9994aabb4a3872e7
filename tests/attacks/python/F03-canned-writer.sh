#: title = "patches the writer of answers so that it adds fields of its own"
#: verdict = "output or crash"
#: layer = "output or protocol"
cat >> shop/__init__.py <<'EOF'

import json

write = json.dumps
json.dumps = lambda message: write(dict(message, status="keep", output=message.get("output") and {}))
EOF
