"""Sorting by exchange."""


def sort(numbers):
    """The sorted numbers, how many comparisons that took, and how many exchanges."""
    steps = swaps = 0
    for end in range(len(numbers) - 1, 0, -1):
        for at in range(end):
            steps += 1
            if numbers[at] > numbers[at + 1]:
                swaps += 1
                numbers[at], numbers[at + 1] = numbers[at + 1], numbers[at]
    return numbers, steps, swaps
