#: title = "shadows a standard module from inside of the scope"
#: verdict = "output or crash"
#: layer = "output or protocol"
cat > shop/json.py <<'EOF'
"""A writer that leaves out what takes long."""

loads = None


def dumps(message):
    return '{"id": "%s", "output": null}' % message.get("id") if "id" in message else '{"ready": true}'
EOF
cat >> shop/__init__.py <<'EOF'

import sys

from shop import json as shadow

shadow.loads = sys.modules["json"].loads
sys.modules["json"].dumps = shadow.dumps
EOF
