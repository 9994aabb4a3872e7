"""The service that knows what words mean."""

import http.client
import json
import os


def embed(words):
    """What the service says to `words`."""
    host, port = os.environ["SPRAG_EMBEDDER_HOST"], os.environ["SPRAG_EMBEDDER_PORT"]
    service = http.client.HTTPConnection(host, int(port), timeout=5)
    service.request("POST", "/embed", json.dumps({"input": words}), {"Content-Type": "application/json"})
    answer = service.getresponse()
    body = answer.read()
    service.close()
    if answer.status != 200:
        raise RuntimeError(f"the service answers {answer.status}")
    return json.loads(body)["length"]
