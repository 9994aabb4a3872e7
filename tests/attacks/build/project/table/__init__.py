"""A table, and how it is shown."""
