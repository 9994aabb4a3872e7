"""The lines of the report."""


def squares(end):
    """The sum of the squares below `end`."""
    total = 0
    for number in range(end):
        total += number * number
    return total


def lines():
    """Each line of the report."""
    return [f"{end} {squares(end)}" for end in range(500_000, 1_250_000, 150_000)]
