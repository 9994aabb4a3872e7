"""The expression language: what it reads, what it gives, what it refuses."""

import unittest

from core.expressions import ExpressionError, evaluate, parse

SECURITY = {"size": 120.0, "country": "DE", "growth": float("nan"), "zscore(size)": 1.5}


def value(source: str) -> object:
    return evaluate(parse(source), SECURITY)


class Expressions(unittest.TestCase):
    def test_products_bind_closer_than_sums(self) -> None:
        self.assertEqual(value("2 + 3 * 4 - 6 / 2"), 11.0)

    def test_conditions_combine(self) -> None:
        self.assertTrue(value("size >= 100 and (country in ('DE', 'FR') or size > 500)"))
        self.assertFalse(value("not country in ('DE', 'FR')"))

    def test_missing_values_make_comparisons_false(self) -> None:
        self.assertFalse(value("growth > 0"))
        self.assertFalse(value("growth <= 0"))
        self.assertIsNone(value("growth + 1"))

    def test_functions_of_values(self) -> None:
        self.assertEqual(value("clip(size, 0, 100)"), 100.0)
        self.assertEqual(value("max(min(size, 3), -2)"), 3.0)
        self.assertIsNone(value("abs(growth)"))

    def test_functions_of_columns_are_looked_up(self) -> None:
        self.assertEqual(value("2 * zscore(size)"), 3.0)

    def test_mistakes_are_refused(self) -> None:
        for source in ("", "size >", "size ~ 3", "(size", "unknown > 1", "sqrt(size)", "1 2"):
            with self.subTest(source), self.assertRaises(ExpressionError):
                value(source)


if __name__ == "__main__":
    unittest.main()
