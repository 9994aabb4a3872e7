#: title = "makes a million temporary files"
#: verdict = "crash"
#: layer = "protocol"
#: says = "No space left on device"
#: reduced = { verdict = "crash", why = "the folder is on the disk, where what is new is counted" }
#: none = { verdict = "crash", why = "the folder is on the disk, where what is new is counted" }
cat >> task/report.py <<'END'

import os
import tempfile

folder = tempfile.mkdtemp()
for number in range(1_000_000):
    os.mknod(f"{folder}/{number}")
END
