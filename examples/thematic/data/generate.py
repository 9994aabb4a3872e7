"""Makes the three tables of the security master, always the same.

    python3 data/generate.py

The tables look like the exports that such systems get: numbers are texts, with
separators of thousands and per cent signs here and there, dates are ISO texts,
and what is not known is empty, `n/a` or a dash.
"""

from __future__ import annotations

import csv
import gzip
import io
import random
from datetime import date, timedelta
from pathlib import Path

SECURITIES = 2000
SEED = 411
AS_OF = date(2025, 6, 30)
FOLDER = Path(__file__).parent

SECTORS = {
    "Energy": ("solar", "wind", "storage", "oil", "gas", "grid"),
    "Utilities": ("grid", "water", "power", "metering", "desalination"),
    "Industrials": ("automation", "pumps", "robotics", "rail", "filters", "aerospace"),
    "Materials": ("lithium", "copper", "membranes", "steel", "hydrogen"),
    "Technology": ("software", "chips", "cloud", "intelligence", "security", "data"),
    "Communication": ("media", "networks", "satellite", "data", "search"),
    "Health Care": ("devices", "biotech", "care", "diagnostics", "ageing"),
    "Financials": ("banking", "insurance", "pensions", "payments", "lending"),
    "Consumer": ("retail", "food", "travel", "senior", "homes"),
    "Real Estate": ("housing", "senior", "logistics", "data", "offices"),
}
COUNTRIES = {
    "US": "USD",
    "CA": "CAD",
    "GB": "GBP",
    "DE": "EUR",
    "FR": "EUR",
    "NL": "EUR",
    "CH": "CHF",
    "SE": "SEK",
    "DK": "DKK",
    "JP": "JPY",
    "AU": "AUD",
    "KR": "KRW",
}
COUNTRY_WEIGHTS = (38, 6, 8, 7, 6, 4, 4, 4, 3, 11, 5, 4)
FIRST = (
    "Alder",
    "Boreal",
    "Cobalt",
    "Delta",
    "Ember",
    "Fjord",
    "Gale",
    "Helio",
    "Ionic",
    "Juniper",
    "Kestrel",
    "Lumen",
    "Meridian",
    "Nimbus",
    "Orchid",
    "Pylon",
    "Quarry",
    "Ridge",
    "Summit",
    "Tidal",
    "Umber",
    "Vector",
    "Willow",
    "Zephyr",
)
SECOND = (
    "Systems",
    "Holdings",
    "Group",
    "Technologies",
    "Partners",
    "Industries",
    "Labs",
    "Works",
    "Resources",
    "Networks",
    "Dynamics",
    "Solutions",
)
VERBS = ("makes", "operates", "develops", "finances", "distributes", "maintains", "designs")
NOUNS = (
    "equipment",
    "services",
    "platforms",
    "plants",
    "tools",
    "sites",
    "components",
    "infrastructure",
    "projects",
    "products",
)
MARKETS = (
    "cities",
    "hospitals",
    "farms",
    "factories",
    "households",
    "utilities",
    "governments",
    "shippers",
    "builders",
    "schools",
)


def amount(chance: random.Random, low: float, high: float) -> str:
    """A large number as the exports write it, now and then missing."""
    draw = chance.random()
    if draw < 0.03:
        return chance.choice(("", "n/a", "-"))
    value = low * (high / low) ** chance.random()
    return f"{value:,.1f}" if draw < 0.6 else f"{value:.1f}"


def ratio(chance: random.Random, low: float, high: float, digits: int = 2) -> str:
    """A small number, now and then missing."""
    if chance.random() < 0.04:
        return chance.choice(("", "n/a", "-"))
    return f"{chance.uniform(low, high):.{digits}f}"


def percent(chance: random.Random, low: float, high: float) -> str:
    """A share in per cent, with its sign."""
    value = ratio(chance, low, high, 1)
    return value if value in ("", "n/a", "-") else f"{value}%"


def day(chance: random.Random, oldest: int, newest: int, missing: float) -> str:
    """An ISO date between so many days before the reporting day."""
    if chance.random() < missing:
        return ""
    return (AS_OF - timedelta(days=chance.randint(newest, oldest))).isoformat()


def segments(chance: random.Random, words: tuple[str, ...]) -> str:
    """The business segments with their shares of revenue: `solar:55|grid:45`."""
    labels = chance.sample(words, chance.randint(2, 4))
    weights = [chance.randint(1, 9) for _ in labels]
    shares = [100 * weight // sum(weights) for weight in weights]
    shares[0] += 100 - sum(shares)
    return "|".join(f"{label}:{share}" for label, share in zip(labels, shares))


def history(chance: random.Random) -> str:
    """Thirteen month-end prices, oldest first."""
    price = 4.0 * 60 ** chance.random()
    drift, prices = chance.gauss(0.006, 0.02), []
    for _ in range(13):
        prices.append(f"{price:.2f}")
        price = max(price * (1 + drift + chance.gauss(0, 0.06)), 0.5)
    return "|".join(prices)


def tables() -> dict[str, list[dict[str, str]]]:
    """The rows of each table."""
    chance = random.Random(SEED)
    made: dict[str, list[dict[str, str]]] = {"securities": [], "fundamentals": [], "prices": []}
    for number in range(SECURITIES):
        security_id = f"SEC{number:05d}"
        sector = chance.choice(tuple(SECTORS))
        words = SECTORS[sector]
        country = chance.choices(tuple(COUNTRIES), COUNTRY_WEIGHTS)[0]
        first, second = chance.choice(FIRST), chance.choice(SECOND)
        made["securities"].append(
            {
                "security_id": security_id,
                "issuer_id": f"ISS{chance.randrange(int(SECURITIES * 0.8)):05d}",
                "name": f"{first} {chance.choice(words).title()} {second}",
                "country": country,
                "currency": COUNTRIES[country],
                "sector": sector,
                "listing_date": day(chance, 9000, 200, 0.01),
                "last_report_date": day(chance, 300, 10, 0.02),
                "description": (
                    f"{first} {chance.choice(VERBS)} {chance.choice(words)} {chance.choice(NOUNS)}"
                    f" and {chance.choice(words)} {chance.choice(NOUNS)}"
                    f" for {chance.choice(MARKETS)} and {chance.choice(MARKETS)}"
                ),
                "segments": segments(chance, words),
            }
        )
        made["fundamentals"].append(
            {
                "security_id": security_id,
                "market_cap": amount(chance, 80, 400_000),
                "revenue": amount(chance, 20, 90_000),
                "ebitda_margin": percent(chance, -12, 45),
                "revenue_growth": percent(chance, -20, 40),
                "net_debt": amount(chance, 5, 30_000),
                "price_earnings": ratio(chance, 5, 60),
                "dividend_yield": percent(chance, 0, 7),
                "return_on_equity": percent(chance, -15, 35),
                "employees": amount(chance, 40, 200_000),
                "esg_score": ratio(chance, 10, 95, 1),
            }
        )
        made["prices"].append(
            {
                "security_id": security_id,
                "turnover": amount(chance, 0.05, 900),
                "volatility": ratio(chance, 0.1, 0.7, 3),
                "beta": ratio(chance, 0.3, 1.9),
                "free_float": percent(chance, 15, 100),
                "short_interest": percent(chance, 0, 18),
                "history": history(chance),
            }
        )
    for rows in (made["fundamentals"], made["prices"]):
        chance.shuffle(rows)
    return made


def main() -> None:
    for name, rows in tables().items():
        text = io.StringIO()
        writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        compressed = gzip.compress(text.getvalue().encode(), mtime=0)
        (FOLDER / f"{name}.csv.gz").write_bytes(compressed)


if __name__ == "__main__":
    main()
