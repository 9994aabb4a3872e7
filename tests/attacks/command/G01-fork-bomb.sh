#: title = "starts processes that start processes"
#: verdict = "output or crash or discard"
#: layer = "output or protocol or statistics or sandbox"
# Without a sandbox nothing holds it.
if grep -q 'tier = "none"' "$REPO/.auto/sprag.toml"; then exit 77; fi
cat >> task/report.py <<'END'

import subprocess

subprocess.Popen(["sh", "-c", "bomb() { bomb & bomb & }; bomb"], stderr=subprocess.DEVNULL)
END
