"""Scores the securities of a universe against a theme and picks the best.

A theme is embedded once and searched in four collections of documents. What
they say about a security, what it earns its money with and how its shares
behave are the fields of the request's score expression. Penalties come off the
score, and the best securities are picked under limits per sector and issuer.
"""

from __future__ import annotations

import math
import re
from functools import cache
from typing import Any

import pandas as pd

from core import expressions
from core.clients import upstreams
from core.expressions import Node, is_missing
from core.universe_creation import create_universe

COLLECTION_WEIGHTS = {"descriptions": 0.4, "filings": 0.3, "news": 0.2, "products": 0.1}
HITS_A_COLLECTION = 400
SECTOR_LIMIT = 6

FACTORS = {
    "growth_rank": "revenue_growth",
    "quality_rank": "return_on_equity",
    "momentum_rank": "momentum_12m",
    "liquidity_rank": "turnover_usd",
}
FUNCTION_FIELDS = (
    "revenue_growth", "ebitda_margin", "return_on_equity",
    "volatility", "momentum_12m", "growth_vs_peers",
)  # fmt: skip
FILLERS = frozenset(("a", "an", "and", "at", "by", "for", "in", "of", "on", "the", "to", "with"))
RELATED_WORDS = {
    "clean": ("solar", "wind", "hydrogen", "storage", "grid"),
    "energy": ("power", "grid", "storage", "lithium"),
    "artificial": ("robotics", "automation", "chips"),
    "intelligence": ("software", "data", "cloud", "search"),
    "water": ("desalination", "pumps", "membranes", "filters", "metering"),
    "infrastructure": ("networks", "rail", "grid", "sites"),
    "population": ("pensions", "care", "insurance", "homes"),
    "ageing": ("senior", "devices", "diagnostics", "biotech"),
    "cyber": ("networks", "cloud", "payments"),
    "security": ("software", "data", "insurance"),
    "space": ("satellite", "aerospace", "networks"),
    "food": ("retail", "filters", "logistics"),
}


def score_theme(request: dict[str, Any]) -> dict[str, Any]:
    """The answer to a request: the holdings of a portfolio on its theme."""
    theme = request["theme"]
    score = expressions.parse(request["score"])
    hits = search_theme(theme)

    universe = create_universe(request["filter"])
    frame = universe.frame

    # The fields that a score expression may name.
    frame = add_semantic_scores(frame, hits)
    frame = add_exposure(frame, universe.profiles, theme)
    frame = add_factor_ranks(frame)
    frame = add_column_functions(frame, score)

    # The score, what is taken off it, and the words for it.
    frame = add_scores(frame, score)
    frame = add_penalties(frame)
    frame = add_reasons(frame, universe.profiles)

    picked = pick_securities(frame, request["limit"])
    return {
        "theme": theme,
        "universe": universe.total,
        "eligible": len(frame),
        "sectors": summarise_sectors(frame),
        "holdings": describe_holdings(picked),
    }


# --- Semantic scores ----------------------------------------------------------


def search_theme(theme: str) -> dict[str, dict[str, float]]:
    """Similarity of the securities found in each collection, by their id."""
    services = upstreams()
    embedding = services.embed(theme)

    hits = {}
    for collection in COLLECTION_WEIGHTS:
        hits[collection] = dict(services.search(collection, embedding, HITS_A_COLLECTION))
    return hits


def add_semantic_scores(frame: pd.DataFrame, hits: dict[str, dict[str, float]]) -> pd.DataFrame:
    """Adds the weighted similarity, and in how many collections a security was found."""
    semantic, found_in = [], []
    for _, security in frame.iterrows():
        total, found, security_id = 0.0, 0, security["security_id"]
        for collection, weight in COLLECTION_WEIGHTS.items():
            similarity = hits[collection].get(security_id)
            if similarity is not None:
                total += weight * similarity
                found += 1
        semantic.append(total)
        found_in.append(found)
    frame["semantic"] = semantic
    frame["found_in"] = found_in
    return frame


# --- Exposure -----------------------------------------------------------------


def add_exposure(
    frame: pd.DataFrame, profiles: dict[str, dict[str, Any]], theme: str
) -> pd.DataFrame:
    """Adds the share of revenue earned with the theme, and how its description fits.

    The segments that count are left in the profile for the reasons.
    """
    wanted = theme_words(theme)
    exposure, mentions = [], []

    for security_id in frame["security_id"]:
        profile = profiles[security_id]
        matched = [label for label in profile["segments"] if label in wanted]
        profile["matched"] = matched
        exposure.append(math.fsum(profile["segments"][label] for label in matched))

    for security_id in frame["security_id"]:
        words = description_words(profiles[security_id]["description"])
        mentions.append(len(wanted & words) / len(wanted))

    frame["exposure"] = exposure
    frame["mentions"] = mentions
    return frame


@cache
def theme_words(theme: str) -> frozenset[str]:
    """The words of a theme and those related to them."""
    words = re.findall(r"[a-z]+", theme.lower())
    related = [other for word in words for other in RELATED_WORDS.get(word, ())]
    return frozenset(words + related)


def description_words(description: str) -> frozenset[str]:
    """The words of a description that say something, in singular and plural."""
    telling = set()
    for word in re.findall(r"[a-z]+", description.lower()):
        if word not in FILLERS:
            singular = word.removesuffix("s")
            telling.update((singular, singular + "s"))
    return frozenset(telling)


# --- Factors ------------------------------------------------------------------


def add_factor_ranks(frame: pd.DataFrame) -> pd.DataFrame:
    """Adds the rank of each factor within the sector, from just above 0 to 1."""
    for name, factor in FACTORS.items():
        ranks: dict[str, float] = {}
        known = frame.loc[frame[factor].notna(), ["security_id", "sector", factor]]
        for _, members in known.groupby("sector"):
            ordered = members.sort_values(factor, kind="stable")
            for position, security_id in enumerate(ordered["security_id"], start=1):
                ranks[security_id] = position / len(ordered)
        frame[name] = frame["security_id"].map(ranks).astype(float)
    return frame


# --- Column functions ---------------------------------------------------------


def add_column_functions(frame: pd.DataFrame, score: Node) -> pd.DataFrame:
    """Adds what the functions over whole columns give: `zscore(beta)` and the like.

    They stem from the first version of the language. A score expression finds
    their results as columns.
    """
    columns = {}
    for field in FUNCTION_FIELDS:
        columns[f"zscore({field})"] = zscore(frame[field])
        columns[f"percentile({field})"] = percentile(frame[field])
        columns[f"neutral({field})"] = neutral(frame[field], frame["sector"])
    return frame.assign(**columns)


def zscore(column: pd.Series) -> pd.Series:
    """The distance from the mean in standard deviations."""
    spread = column.std(ddof=0)
    return (column - column.mean()) / spread if spread else column * 0.0


def percentile(column: pd.Series) -> pd.Series:
    """The share of the column that is not larger."""
    return column.rank(method="max", pct=True)


def neutral(column: pd.Series, sectors: pd.Series) -> pd.Series:
    """The distance from the mean of the sector."""
    return column - column.groupby(sectors).transform(lambda members: members.mean())


# --- Scores -------------------------------------------------------------------


def add_scores(frame: pd.DataFrame, score: Node) -> pd.DataFrame:
    """Adds the value of the score expression, zero where it is missing."""
    values = []
    for security in frame.to_dict("records"):
        value = expressions.evaluate(score, security)
        values.append(0.0 if is_missing(value) else float(value))
    frame["raw_score"] = values
    return frame


def add_penalties(frame: pd.DataFrame) -> pd.DataFrame:
    """Adds the penalty of each security, and the score that is left."""
    frame["penalty"] = frame.apply(penalty, axis=1)
    frame["score"] = (frame["raw_score"] - frame["penalty"]).round(6)
    return frame


def penalty(security: pd.Series) -> float:
    """What is taken off for shares that are hard to trade, stale or risky to hold."""
    points = 0.0
    if is_missing(security["turnover_usd"]) or security["turnover_usd"] < 1.0:
        points += 0.05
    if is_missing(security["days_since_last_report"]) or security["days_since_last_report"] > 180:
        points += 0.03
    if security["volatility"] > 0.5:
        points += 0.02
    if security["drawdown"] > 0.4:
        points += 0.02
    if security["papers"] > 1:
        points += 0.01
    return points


# --- Reasons ------------------------------------------------------------------


def add_reasons(frame: pd.DataFrame, profiles: dict[str, dict[str, Any]]) -> pd.DataFrame:
    """Adds a line for people: why a security has the score it has."""
    frame["reasons"] = frame.apply(
        lambda security: reason(security, profiles[security["security_id"]]), axis=1
    )
    return frame


def reason(security: pd.Series, profile: dict[str, Any]) -> str:
    """The line of one security."""
    segments = profile["segments"]
    parts = [f"{label} {segments[label]:.0%} of revenue" for label in profile["matched"]]
    if security["found_in"]:
        parts.append(f"found in {security['found_in']} of {len(COLLECTION_WEIGHTS)} collections")
    parts.append(f"momentum {security['momentum_12m']:+.0%}")
    if security["penalty"]:
        parts.append(f"penalty {security['penalty']:.2f}")
    return "; ".join(parts)


# --- The portfolio ------------------------------------------------------------


def pick_securities(frame: pd.DataFrame, limit: int) -> pd.DataFrame:
    """The best securities, best first: one an issuer, and so many a sector."""
    sectors: dict[str, int] = {}
    picked: list[str] = []
    remaining = frame[["security_id", "issuer_id", "sector", "score"]]
    while len(picked) < limit and len(remaining):
        remaining = remaining.sort_values("score", ascending=False, kind="stable")
        best = remaining.iloc[0]
        picked.append(best["security_id"])

        remaining = remaining[remaining["issuer_id"] != best["issuer_id"]]
        sectors[best["sector"]] = sectors.get(best["sector"], 0) + 1
        if sectors[best["sector"]] == SECTOR_LIMIT:
            remaining = remaining[remaining["sector"] != best["sector"]]
    return frame.set_index("security_id", drop=False).loc[picked]


def describe_holdings(picked: pd.DataFrame) -> list[dict[str, Any]]:
    """The picked securities with their identifiers and weights in the portfolio."""
    identifiers = upstreams().identifiers(list(picked["security_id"]))
    total = math.fsum(picked["score"])
    holdings = []
    for _, security in picked.iterrows():
        holdings.append(
            {
                "security_id": security["security_id"],
                **identifiers[security["security_id"]],
                "name": security["name"],
                "country": security["country"],
                "sector": security["sector"],
                "score": float(security["score"]),
                "weight": round(float(security["score"]) / total, 6),
                "reasons": security["reasons"],
            }
        )
    return holdings


# --- Sectors ------------------------------------------------------------------


def summarise_sectors(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """How many securities of each sector were eligible, and the best of them."""
    summaries = []
    scored = frame[["security_id", "sector", "score"]]
    for sector in sorted(scored["sector"].unique()):
        members = scored[scored["sector"] == sector]
        members = members.sort_values(["score", "security_id"], ascending=[False, True])
        summaries.append(
            {
                "sector": sector,
                "eligible": len(members),
                "mean_score": round(math.fsum(members["score"]) / len(members), 6),
                "best": members["security_id"].iloc[0],
            }
        )
    return summaries
