"""Sorts other numbers than the benchmark does."""

from count.sort import sort

for numbers in ([], [1], [2, 1, 2], [n * 31 % 97 for n in range(97)]):
    assert sort(list(numbers))[0] == sorted(numbers), numbers
