"""What is in the table."""


def rows():
    """Where each row ends."""
    return list(range(500_000, 1_250_000, 150_000))
