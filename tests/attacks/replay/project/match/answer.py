"""How well the words of a request match."""

from match.client import embed


def spread(size):
    """The sum of all numbers below `size`."""
    total = 0
    for number in range(size):
        total += number
    return total


def answer(request):
    """The answer to one request: each word is looked up by itself."""
    sizes = [embed([word]) for word in request["words"]]
    return {"sizes": sizes, "spread": spread(40_000 * sum(sizes))}
