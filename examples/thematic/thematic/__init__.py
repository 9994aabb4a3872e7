"""The process that serves thematic scoring requests."""
