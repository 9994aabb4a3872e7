"""A walk over more memory than the nearer caches hold."""

import random

NUMBERS = list(range(1_000, 201_000))
random.Random(7).shuffle(NUMBERS)


def walk(seed):
    total = seed
    for number in NUMBERS:
        total = (total * 31 + number) & 0xFFFFFFFF
    return total
