"""The services that the example was recorded against: embedder, vector database, identifiers.

Their answers are computed from hashes of what is asked, so they are the same on
each machine. They are only needed to record: a benchmark runs from the cassette.
"""
