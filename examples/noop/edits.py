"""The hundred edits, as data: what to change in `stock.py`, and the words for it.

Each list is of one kind. None of the edits changes what Python compiles; `make_edits.py` verifies that.
"""

COMMENTS = [
    ("stream", "A Lehmer generator with the multiplier of Park and Miller."),
    ("make_item", "Prices start at one dollar, weights at fifty grams."),
    ("make_sales", "Five working days, then two slow ones."),
    ("moving_sums", "A running total: each day enters once and leaves once."),
    ("square_root", "The first guess is never too small, so the guesses only fall."),
    ("forecast", "Four weeks are long enough to level out the weekends."),
    ("spread", "The population's deviation, not a sample's."),
    ("order_quantity", "Harris, 1913."),
    ("turnover_class", "The usual limits: 80 and 95 percent."),
    ("classify", "Names break ties, so that the order is always the same."),
    ("load_pallets", "First fit decreasing is at most two ninths worse than the best."),
    ("plan_line", "One line for each item."),
    ("plan", "Everything a request asks for."),
]

INNER_COMMENTS = [
    ("    state = seed % MODULUS or 1\n", "zero would stay zero for ever"),
    ("            base = base // 2\n", "half of a working day"),
    ("    sums = [total]\n", "the first window"),
    ("    guess = 1 << (value.bit_length() + 1) // 2\n", "a power of two above the root"),
    ("    recent = sales[-4 * DAYS_PER_WEEK:]\n", "or all, where there are fewer"),
    ("    holding = max(1, price // 4)\n", "a quarter of the price a year"),
    ("    running = 0\n", "turnover so far"),
    ("    loads = []\n", "grams on each pallet"),
    ("            loads.append(rest)\n", "a new pallet"),
    ("    draws = stream(request[\"seed\"])\n", "one stream for all items"),
]

DOCSTRINGS = [
    ("stream", "An endless stream of whole numbers that depends on the seed alone."),
    ("make_item", "An item with a price, a weight and a level of sales."),
    ("make_sales", "The pieces sold on each day."),
    ("moving_sums", "Sums over a window that moves a day at a time."),
    ("square_root", "Newton's square root, rounded down."),
    ("forecast", "What the last four weeks say about the lead time."),
    ("spread", "How far the windows' sums lie from their mean."),
    ("order_quantity", "The economic order quantity."),
    ("turnover_class", "The letter for a place in the turnover."),
    ("classify", "Sorts the lines by turnover and gives each its class."),
    ("load_pallets", "Counts the pallets that first fit decreasing fills."),
    ("plan_line", "The plan for one item."),
    ("plan", "The plan for a warehouse of invented items."),
]

RENAMES = [
    ("stream", "state", "current"),
    ("make_item", "price", "cents"),
    ("make_item", "grams", "mass"),
    ("make_item", "level", "pace"),
    ("make_sales", "base", "usual"),
    ("make_sales", "sales", "sold"),
    ("moving_sums", "total", "running"),
    ("moving_sums", "index", "day"),
    ("moving_sums", "sums", "totals"),
    ("square_root", "guess", "root"),
    ("square_root", "better", "closer"),
    ("forecast", "recent", "weeks"),
    ("spread", "count", "size"),
    ("spread", "mean", "centre"),
    ("spread", "variance", "squared"),
    ("order_quantity", "holding", "keeping"),
    ("classify", "ranked", "ordered"),
    ("classify", "running", "reached"),
    ("classify", "total", "everything"),
    ("load_pallets", "loads", "pallets"),
    ("load_pallets", "weights", "heavy_first"),
    ("load_pallets", "place", "slot"),
    ("load_pallets", "whole", "full"),
    ("plan_line", "reserve", "buffer"),
    ("plan_line", "pieces", "amount"),
    ("plan_line", "yearly", "annual"),
    ("plan", "draws", "numbers"),
    ("plan", "number", "index"),
    ("plan", "ranked", "by_turnover"),
]

SWAPS = [
    ("stream", "make_item"),
    ("make_item", "make_sales"),
    ("make_sales", "moving_sums"),
    ("moving_sums", "square_root"),
    ("square_root", "forecast"),
    ("forecast", "spread"),
    ("spread", "order_quantity"),
    ("order_quantity", "turnover_class"),
    ("turnover_class", "classify"),
    ("classify", "load_pallets"),
    ("load_pallets", "plan_line"),
    ("plan_line", "plan"),
]

ANNOTATIONS = [
    ("def stream(seed):", "def stream(seed: int):"),
    ("def make_item(draws, number):", "def make_item(draws, number: int) -> dict:"),
    ("def make_sales(draws, item, days):", "def make_sales(draws, item: dict, days: int) -> list[int]:"),
    ("def moving_sums(sales, window):", "def moving_sums(sales: list[int], window: int) -> list[int]:"),
    ("def square_root(value):", "def square_root(value: int) -> int:"),
    ("def forecast(sales):", "def forecast(sales: list[int]) -> int:"),
    ("def spread(sums):", "def spread(sums: list[int]) -> int:"),
    ("def order_quantity(yearly, price):", "def order_quantity(yearly: int, price: int) -> int:"),
    ("def turnover_class(share_percent):", "def turnover_class(share_percent: int) -> str:"),
    ("def classify(lines):", "def classify(lines: list[dict]) -> list[dict]:"),
    ("def load_pallets(lines):", "def load_pallets(lines: list[dict]) -> int:"),
    ("def plan_line(item, sales):", "def plan_line(item: dict, sales: list[int]) -> dict:"),
    ("def plan(request):", "def plan(request: dict) -> dict:"),
]

CONSTANTS = [
    ("PALLET_GRAMS = 500_000", "PALLET_GRAMS = 500 * 1_000"),
    ("ORDER_COST_CENTS = 4_500", "ORDER_COST_CENTS = 45 * 100"),
    ("MODULUS = 2_147_483_647", "MODULUS = 2**31 - 1"),
    ("LEAD_DAYS = 10", "LEAD_DAYS = 0xA"),
    ("state * 48_271 % MODULUS", "state * 48271 % MODULUS"),
    ("guess = 1 << (value.bit_length() + 1) // 2", "guess = 0b1 << (value.bit_length() + 1) // 2"),
]

SPACING = [
    ("    total = sum(sales[:window])\n", "\n    total = sum(sales[:window])\n"),
    ("    weights = sorted(", "\n    weights = sorted("),
    ("    running = 0\n", "\n    running = 0\n"),
    ("    yearly = sum(sales) * 365", "\n    yearly = sum(sales) * 365"),
]
