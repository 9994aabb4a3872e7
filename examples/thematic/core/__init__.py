"""Thematic scoring: which securities belong to an investor's theme, and how strongly."""
