#: title = "breaks the incumbent's code in the slot beside its own"
#: verdict = "discard"
#: layer = "sandbox"
#: none = { verdict = "not_kept", why = "the other slot can be written, and is put right before every run" }
cat >> shop/price.py <<'EOF'

import os

for slot in ("../a", "../b"):
    try:
        if os.path.realpath(slot) != os.getcwd():
            with open(f"{slot}/shop/price.py", "a") as file:
                file.write("\nimport time\ntime.sleep(0.2)\n")
    except OSError:
        pass
EOF
