#: title = "has the build make a million files"
#: verdict = "build"
#: layer = "build"
cat >> table/make.py <<'END'

import os

os.mkdir("many")
for number in range(1_000_000):
    os.mknod(f"many/{number}")
END
