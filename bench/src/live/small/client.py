import http.client
import json
import os
import threading
from urllib.parse import urlsplit

kept = threading.local()


def ask(words):
    """The length of each word; each thread has a connection of its own."""
    if not hasattr(kept, "connection"):
        place = urlsplit(os.environ["SPRAG_UPSTREAM_URL"])
        kept.connection = http.client.HTTPConnection(place.hostname, place.port)
    headers = {"Content-Type": "application/json"}
    kept.connection.request("POST", "/lengths", json.dumps(words), headers)
    answer = kept.connection.getresponse()
    if answer.status != 200:
        raise RuntimeError(answer.read())
    return json.load(answer)
