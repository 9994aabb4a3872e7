"""Creates the universe of a request: the securities that may be scored.

The security master comes as three tables of texts. They are joined, their
numbers and dates are read, amounts are converted to US dollars, price features
and peer comparisons are added, and the request's filter picks the rows.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

from core import expressions

DATA = Path(__file__).resolve().parent.parent / "data"
TABLES = ("securities", "fundamentals", "prices")
AS_OF = date(2025, 6, 30)

MISSING_TEXTS = ["-", "n/a"]
DATE_FORMATS = ("%Y-%m-%d", "%d.%m.%Y", "%Y/%m/%d")
DATE_COLUMNS = ("listing_date", "last_report_date")
AMOUNTS = ("market_cap", "revenue", "net_debt", "turnover")

USD_PER_UNIT = {
    "USD": 1.0, "CAD": 0.73, "GBP": 1.37, "EUR": 1.17, "CHF": 1.25, "SEK": 0.105,
    "DKK": 0.157, "JPY": 0.0069, "AUD": 0.65, "KRW": 0.00074,
}  # fmt: skip


@dataclass
class Universe:
    """The securities that passed a filter, and what is known of their business."""

    frame: pd.DataFrame
    profiles: dict[str, dict[str, Any]]
    total: int


def create_universe(filter_expression: str) -> Universe:
    """The universe of a request."""
    frame = join_tables()
    total = len(frame)

    # What the tables say, made comparable between securities.
    frame = add_dates(frame)
    frame = convert_to_usd(frame)

    # What follows from it.
    frame = frame.merge(price_features(), on="security_id", how="left", validate="one_to_one")
    frame = add_peer_comparison(frame)

    frame = select_securities(frame, filter_expression)
    return Universe(frame=frame, profiles=load_profiles(), total=total)


# --- The tables ---------------------------------------------------------------


@cache
def read_table(name: str) -> pd.DataFrame:
    """One table of the security master as it was exported: every value a text."""
    return pd.read_csv(DATA / f"{name}.csv.gz", dtype=object, na_values=MISSING_TEXTS)


def read_tables() -> None:
    """Reads the tables ahead of the first request."""
    for name in TABLES:
        read_table(name)


def join_tables() -> pd.DataFrame:
    """One row a security: the three tables side by side, and the issuer's other papers."""
    frame = typed_table("securities")
    for name in TABLES[1:]:
        frame = frame.merge(typed_table(name), on="security_id", how="left", validate="one_to_one")

    papers = frame.groupby("issuer_id", as_index=False).agg(papers=("security_id", "count"))
    frame = frame.merge(papers, on="issuer_id", how="left", validate="many_to_one")
    return frame.sort_values("security_id", ignore_index=True)


# --- Numbers ------------------------------------------------------------------


def typed_table(name: str) -> pd.DataFrame:
    """A table with numbers where its texts are numbers."""
    frame = read_table(name).copy(deep=True)
    for column in frame.columns:
        frame[column] = numeric_or_same(frame[column])
    return frame


def numeric_or_same(column: pd.Series) -> pd.Series:
    """The column as numbers if nine in ten of its known values are numbers, else as it is.

    The exports write thousands with commas and shares with a per cent sign.
    """
    if column.dtype != object:
        return column
    text = column.str.replace(",", "", regex=False).str.rstrip("%")
    numbers = pd.to_numeric(text, errors="coerce")
    if numbers.count() < 0.9 * column.count():
        return column
    return numbers


# --- Dates --------------------------------------------------------------------


def add_dates(frame: pd.DataFrame) -> pd.DataFrame:
    """Adds the age of each date in days, as `days_since_listing` and so on."""
    parsed_dates: dict[str, dict[str, date | None]] = {}
    for security_id in frame["security_id"]:
        parsed_dates[security_id] = {}
    for column in DATE_COLUMNS:
        for security_id, text in zip(frame["security_id"], frame[column]):
            parsed_dates[security_id][column] = parse_day(text)

    for column in DATE_COLUMNS:
        ages = []
        for security_id in frame["security_id"]:
            day = parsed_dates[security_id][column]
            ages.append(float((AS_OF - day).days) if day is not None else None)
        name = f"days_since_{column.removesuffix('_date')}"
        frame[name] = pd.Series(ages, index=frame.index, dtype=float)
    return frame


def parse_day(text: Any) -> date | None:
    """The day that a text names in one of the formats the exports have used."""
    if not isinstance(text, str):
        return None

    for pattern in DATE_FORMATS:
        try:
            return datetime.strptime(text.strip(), pattern).date()
        except ValueError:
            continue

    return None


# --- Amounts ------------------------------------------------------------------


def convert_to_usd(frame: pd.DataFrame) -> pd.DataFrame:
    """Adds each amount in US dollars, as `market_cap_usd` and so on."""
    rate = frame.apply(lambda security: USD_PER_UNIT[security["currency"]], axis=1)

    for amount in AMOUNTS:
        frame[f"{amount}_usd"] = frame[amount] * rate
    return frame


# --- Price features -----------------------------------------------------------


def price_features() -> pd.DataFrame:
    """Momentum and drawdown of each security over its last year of prices."""
    prices = read_table("prices")
    features = [price_feature(history) for history in prices["history"]]
    frame = pd.DataFrame(features)
    frame.insert(0, "security_id", prices["security_id"])
    return frame


def price_feature(history: str) -> dict[str, float]:
    """The features of one history: month-end prices, oldest first, split by bars."""
    prices = [float(price) for price in history.split("|")]

    peak, drawdown = prices[0], 0.0
    for price in prices:
        peak = max(peak, price)
        drawdown = max(drawdown, 1.0 - price / peak)

    return {
        "momentum_6m": prices[-1] / prices[-7] - 1.0,
        "momentum_12m": prices[-1] / prices[0] - 1.0,
        "drawdown": drawdown,
    }


# --- Peers --------------------------------------------------------------------


def add_peer_comparison(frame: pd.DataFrame) -> pd.DataFrame:
    """Adds how far growth lies above the median of sector and country."""
    compared = []
    for _, growth in frame.groupby(["sector", "country"])["revenue_growth"]:
        compared.append(growth - growth.median())
    frame["growth_vs_peers"] = pd.concat(compared)
    return frame


# --- The filter ---------------------------------------------------------------


def select_securities(frame: pd.DataFrame, filter_expression: str) -> pd.DataFrame:
    """The rows for which the filter is true."""
    condition = expressions.parse(filter_expression)
    passed = [
        bool(expressions.evaluate(condition, security)) for security in frame.to_dict("records")
    ]
    return frame[passed].reset_index(drop=True)


# --- Profiles -----------------------------------------------------------------


def load_profiles() -> dict[str, dict[str, Any]]:
    """What each security does, by its id. The caller may write into it."""
    return copy.deepcopy(_profiles())


@cache
def _profiles() -> dict[str, dict[str, Any]]:
    """The business segments of each security, largest first, and its description."""
    securities = read_table("securities")
    columns = (securities["security_id"], securities["description"], securities["segments"])
    profiles = {}
    for security_id, description, segments in zip(*columns):
        parts = [part.split(":") for part in segments.split("|")]
        parts.sort(key=lambda part: -int(part[1]))
        revenue = {label: int(share) / 100 for label, share in parts}
        profiles[security_id] = {"description": description, "segments": revenue}
    return profiles
