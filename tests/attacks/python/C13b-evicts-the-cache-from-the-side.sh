#: title = "has a thread evict 64 MB of cache whenever it has answered, to slow the other side"
#: verdict = "discard"
#: layer = "statistics"
cat >> shop/price.py <<'END'

import tempfile
import threading
import time

honest = quote
# Read through a small buffer: what is evicted is not in the memory that the contract bounds.
waste = tempfile.TemporaryFile(buffering=0)
for _ in range(64):
    waste.write(bytes(1 << 20))
buffer = bytearray(1 << 16)
answered = threading.Event()


def evict():
    while True:
        answered.wait()
        answered.clear()
        time.sleep(0.001)
        waste.seek(0)
        while waste.readinto(buffer):
            pass


threading.Thread(target=evict, daemon=True).start()


def quote(order):
    answer = honest(order)
    answered.set()
    return answer
END
