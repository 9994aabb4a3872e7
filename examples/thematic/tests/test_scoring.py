"""Scoring: themes, penalties and the limits of a portfolio."""

import unittest

import pandas as pd

from core.scoring import (
    SECTOR_LIMIT,
    add_penalties,
    description_words,
    pick_securities,
    theme_words,
)


def security(number: int, **fields: object) -> dict[str, object]:
    return {
        "security_id": f"SEC{number:05d}",
        "issuer_id": f"ISS{number:05d}",
        "sector": "Energy",
        "score": 1.0 - number / 100,
        **fields,
    }


class Scoring(unittest.TestCase):
    def test_a_theme_brings_its_related_words(self) -> None:
        words = theme_words("Clean Energy")
        self.assertLessEqual({"clean", "energy", "solar", "storage"}, words)

    def test_a_description_is_read_in_singular_and_plural(self) -> None:
        words = description_words("Fjord makes pumps for the grid")
        self.assertLessEqual({"pump", "pumps", "grid", "grids"}, words)
        self.assertNotIn("for", words)

    def test_penalties_add_up_and_come_off_the_score(self) -> None:
        fields = {"raw_score": 0.5, "volatility": 0.6, "drawdown": 0.1, "papers": 2}
        fields |= {"turnover_usd": 0.5, "days_since_last_report": float("nan")}
        frame = add_penalties(pd.DataFrame([fields]))
        self.assertAlmostEqual(frame["penalty"].iloc[0], 0.11)
        self.assertAlmostEqual(frame["score"].iloc[0], 0.39)

    def test_sectors_are_limited(self) -> None:
        frame = pd.DataFrame([security(number) for number in range(10)])
        self.assertEqual(len(pick_securities(frame, 8)), SECTOR_LIMIT)

    def test_an_issuer_is_picked_once(self) -> None:
        rows = [security(1), security(2, issuer_id="ISS00001"), security(3)]
        picked = pick_securities(pd.DataFrame(rows), 3)
        self.assertEqual(list(picked["security_id"]), ["SEC00001", "SEC00003"])


if __name__ == "__main__":
    unittest.main()
