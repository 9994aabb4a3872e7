"""Prints a report."""

from task.report import lines

for line in lines():
    print(line)
