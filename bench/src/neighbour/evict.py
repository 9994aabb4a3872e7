

import threading
import time

honest = walk
waste = bytearray(64 << 20)
answered = threading.Event()


def evict():
    for at in range(0, len(waste), 1 << 20):
        waste[at : at + (1 << 20)] = bytes(1 << 20)


def forever():
    while True:
        answered.wait()
        answered.clear()
        time.sleep(0.001)
        evict()


threading.Thread(target=forever, daemon=True).start()
