"""Prints the table."""

import json

from table.show import lines

with open("table.json") as file:
    rows = json.load(file)
for line in lines(rows):
    print(line)
