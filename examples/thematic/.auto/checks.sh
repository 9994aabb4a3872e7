#!/bin/sh
# Unit tests of the expression language, the universe and scoring.
exec .venv/bin/python -m unittest discover -q -s tests -t .
