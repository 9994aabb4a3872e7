#!/bin/sh
# Records what the services answer the cases into the cassette, from services of its own.
# Needs openssl and PostgreSQL's server; SPRAG names another sprag than that on PATH.
exec .venv/bin/python -m benchmark.upstream "${SPRAG:-sprag}" record "$@"
