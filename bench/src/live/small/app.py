import json

from upstream import ask


def answer(case):
    lengths = [ask([word])[0] for word in case["words"]]
    size = case["size"]
    return {"length": sum(lengths), "falls": falls(size), "score": score(size), "text": len(text(size))}


# How often a number is followed by a smaller one.
def falls(size):
    numbers = [n * 7919 % 1009 for n in range(size)]
    count = 0
    for at, number in enumerate(numbers):
        for later in numbers[at + 1:]:
            if later < number:
                count += 1
    return count


# A sum over all remainders.
def score(size):
    total = 0
    for n in range(size * 100):
        total += n * n % 7
    return total


# All numbers, a line each.
def text(size):
    lines = []
    for n in range(size * 20):
        lines = lines[-50:] + [str(n)]
    return "\n".join(lines)
