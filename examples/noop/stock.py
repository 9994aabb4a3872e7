"""Plans what a small warehouse orders, from the sales of each item.

Money is in cents, weights are in grams, and everything is whole numbers, so
that a plan is the same on every machine.
"""

DAYS_PER_WEEK = 7
LEAD_DAYS = 10
PALLET_GRAMS = 500_000
ORDER_COST_CENTS = 4_500
SERVICE_FACTOR_PERCENT = 165
MODULUS = 2_147_483_647


def stream(seed):
    """Draws whole numbers, the same ones for the same seed."""
    state = seed % MODULUS or 1
    while True:
        state = state * 48_271 % MODULUS
        yield state


def make_item(draws, number):
    """Invents an item."""
    price = 100 + next(draws) % 9_900
    grams = 50 + next(draws) % 4_950
    level = 1 + next(draws) % 40
    return {"name": f"item-{number:03}", "price": price, "grams": grams, "level": level}


def make_sales(draws, item, days):
    """Invents how many pieces were sold each day; weekends are slower."""
    sales = []
    for day in range(days):
        base = item["level"]
        if day % DAYS_PER_WEEK >= 5:
            base = base // 2
        sales.append(base + next(draws) % (base + 3))
    return sales


def moving_sums(sales, window):
    """The sum of each full window of days."""
    total = sum(sales[:window])
    sums = [total]
    for index in range(window, len(sales)):
        total += sales[index] - sales[index - window]
        sums.append(total)
    return sums


def square_root(value):
    """The whole part of a square root, by Newton's method."""
    if value < 2:
        return value
    guess = 1 << (value.bit_length() + 1) // 2
    while True:
        better = (guess + value // guess) // 2
        if better >= guess:
            return guess
        guess = better


def forecast(sales):
    """Expected pieces over the lead time, from the last four weeks."""
    recent = sales[-4 * DAYS_PER_WEEK:]
    return sum(recent) * LEAD_DAYS // len(recent)


def spread(sums):
    """The standard deviation of the windows' sums, whole pieces."""
    count = len(sums)
    mean = sum(sums) // count
    variance = sum((value - mean) * (value - mean) for value in sums) // count
    return square_root(variance)


def order_quantity(yearly, price):
    """How many pieces to order at once: the classic square-root rule."""
    holding = max(1, price // 4)
    return max(1, square_root(2 * yearly * ORDER_COST_CENTS // holding))


def turnover_class(share_percent):
    """A for the items that make most of the money, then B, then C."""
    if share_percent <= 80:
        return "A"
    if share_percent <= 95:
        return "B"
    return "C"


def classify(lines):
    """Adds each line's class, by its place in the running turnover."""
    ranked = sorted(lines, key=lambda line: (-line["turnover"], line["name"]))
    total = sum(line["turnover"] for line in ranked) or 1
    running = 0
    for line in ranked:
        running += line["turnover"]
        line["class"] = turnover_class(running * 100 // total)
    return ranked


def load_pallets(lines):
    """How many pallets the orders need, filled first fit, heaviest first."""
    loads = []
    weights = sorted((line["weight"] for line in lines), reverse=True)
    for weight in weights:
        whole, rest = divmod(weight, PALLET_GRAMS)
        loads.extend([PALLET_GRAMS] * whole)
        for place, load in enumerate(loads):
            if load + rest <= PALLET_GRAMS:
                loads[place] = load + rest
                break
        else:
            loads.append(rest)
    return len(loads)


def plan_line(item, sales):
    """One item's line of the plan."""
    sums = moving_sums(sales, LEAD_DAYS)
    reserve = spread(sums) * SERVICE_FACTOR_PERCENT // 100
    yearly = sum(sales) * 365 // len(sales)
    pieces = order_quantity(yearly, item["price"])
    return {
        "name": item["name"],
        "reorder_at": forecast(sales) + reserve,
        "pieces": pieces,
        "turnover": yearly * item["price"],
        "weight": pieces * item["grams"],
    }


def plan(request):
    """The whole plan of a request: `seed`, `items` and `days`."""
    draws = stream(request["seed"])
    lines = []
    for number in range(request["items"]):
        item = make_item(draws, number)
        sales = make_sales(draws, item, request["days"])
        lines.append(plan_line(item, sales))
    ranked = classify(lines)
    return {
        "first": [[line["name"], line["class"], line["reorder_at"], line["pieces"]] for line in ranked[:10]],
        "classes": "".join(line["class"] for line in ranked),
        "pallets": load_pallets(lines),
        "turnover": sum(line["turnover"] for line in lines),
    }
