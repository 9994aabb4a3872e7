"""Writes the table that the report prints."""

import json

from table.make import rows

with open("table.json", "w") as file:
    json.dump(rows(), file)
