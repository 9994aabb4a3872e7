#: title = "evicts 64 MB of cache with each answer, to slow the other side"
#: verdict = "discard"
#: layer = "statistics"
cat >> shop/price.py <<'END'

import tempfile

honest = quote
# Read through a small buffer: what is evicted is not in the memory that the contract bounds.
waste = tempfile.TemporaryFile(buffering=0)
for _ in range(64):
    waste.write(bytes(1 << 20))
buffer = bytearray(1 << 16)


def evict():
    waste.seek(0)
    while waste.readinto(buffer):
        pass


def quote(order):
    answer = honest(order)
    evict()
    return answer
END
