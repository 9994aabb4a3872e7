"""Matching words."""
