#: title = "writes 50 GB to a temporary file"
#: verdict = "crash"
#: layer = "protocol"
#: says = "No space left on device"
#: reduced = { verdict = "crash", why = "the folder is on the disk, where what is new is counted" }
# Without a sandbox the folder is on the disk, too; the one of the other tiers is enough to show that.
if grep -q 'tier = "none"' "$REPO/.auto/sprag.toml"; then exit 77; fi
cat >> task/report.py <<'END'

import tempfile

with tempfile.TemporaryFile() as file:
    for _ in range(50_000):
        file.write(bytes(1_000_000))
END
