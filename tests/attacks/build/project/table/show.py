"""How the table is shown."""


def squares(end):
    """The sum of the squares below `end`."""
    total = 0
    for number in range(end):
        total += number * number
    return total


def lines(rows):
    """A line for each row."""
    return [f"{end} {squares(end)}" for end in rows]
