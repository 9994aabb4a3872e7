#: title = "makes a million files in its tree while it is measured"
#: verdict = "crash"
#: layer = "protocol"
#: says = "Read-only file system"
#: reduced = { verdict = "crash", why = "Landlock says that it is not permitted" }
#: none = { verdict = "crash", why = "the tree can be written, and what is new in it is counted" }
cat >> task/report.py <<'END'

import os

os.mkdir("many")
for number in range(1_000_000):
    os.mknod(f"many/{number}")
END
