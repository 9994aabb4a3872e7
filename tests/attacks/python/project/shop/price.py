"""What an order costs."""

import rates


def prices_of(order):
    """The prices of its lines, which follow from the order's seed."""
    state, prices = order["seed"], []
    for _ in range(order["lines"]):
        state = (state * 1103515245 + 12345) % 2**31
        prices.append(state % 9973 / 100)
    return prices


def ranks_of(prices):
    """How many lines are cheaper, for each line."""
    return [sum(1 for other in prices if other < price) for price in prices]


def quote(order):
    """The answer to one order."""
    if order["lines"] < 0:
        raise ValueError("an order cannot have fewer than no lines")
    prices = prices_of(order)
    ranks = ranks_of(prices)
    total = 0.0
    for price, rank in zip(prices, ranks):
        total += price * (1 - rates.discount() * rank / len(prices))
    total -= order.get("rebate", 0.0)
    return {
        "total": total,
        "mean": total / len(prices) if prices else None,
        "ranks": sum(rank * (at + 1) for at, rank in enumerate(ranks)),
    }
