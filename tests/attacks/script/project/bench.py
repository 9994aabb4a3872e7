"""Sorts fixed numbers, and prints how many steps that took."""

import json
import os

from count.sort import sort

numbers = [n * 7919 % 1009 for n in range(300)]
done, steps, swaps = sort(list(numbers))
assert done == sorted(numbers)
os.makedirs("out", exist_ok=True)
with open("out/swaps.json", "w") as file:
    json.dump({"swaps": swaps}, file)
print(f"METRIC steps={steps}")
