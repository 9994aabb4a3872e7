"""The universe: how texts become numbers and days, what prices say, who passes."""

import unittest
from datetime import date

import pandas as pd

from core.universe_creation import create_universe, numeric_or_same, parse_day, price_feature


class Reading(unittest.TestCase):
    def test_texts_that_are_numbers_become_numbers(self) -> None:
        texts = pd.Series(["1,204.5", "12.5%", None, "-3"], dtype=object)
        self.assertEqual(numeric_or_same(texts).dropna().tolist(), [1204.5, 12.5, -3.0])

    def test_other_texts_stay(self) -> None:
        texts = pd.Series(["12", "twelve", "DE"], dtype=object)
        self.assertEqual(numeric_or_same(texts).tolist(), ["12", "twelve", "DE"])

    def test_days_in_each_format_of_the_exports(self) -> None:
        for text in ("2024-02-29", " 29.02.2024", "2024/02/29"):
            self.assertEqual(parse_day(text), date(2024, 2, 29))

    def test_what_is_no_day_is_none(self) -> None:
        for text in (None, float("nan"), "", "soon"):
            self.assertIsNone(parse_day(text))

    def test_price_features(self) -> None:
        feature = price_feature("10|11|12|8|9|10|10|10|11|12|13|14|15")
        self.assertAlmostEqual(feature["momentum_12m"], 0.5)
        self.assertAlmostEqual(feature["momentum_6m"], 0.5)
        self.assertAlmostEqual(feature["drawdown"], 1 / 3)


class Creation(unittest.TestCase):
    def test_the_filter_picks_rows_and_keeps_their_order(self) -> None:
        universe = create_universe("sector in ('Energy') and market_cap_usd > 5000")
        self.assertEqual(set(universe.frame["sector"]), {"Energy"})
        self.assertTrue(universe.frame["security_id"].is_monotonic_increasing)
        self.assertTrue((universe.frame["market_cap_usd"] > 5000).all())
        self.assertLess(len(universe.frame), universe.total)

    def test_a_universe_is_not_marked_by_the_one_before(self) -> None:
        first = create_universe("beta > 1")
        first.frame["beta"] = 0.0
        for profile in first.profiles.values():
            profile["matched"] = ["everything"]
        second = create_universe("beta > 1")
        self.assertTrue((second.frame["beta"] > 1).all())
        self.assertFalse(any("matched" in profile for profile in second.profiles.values()))


if __name__ == "__main__":
    unittest.main()
