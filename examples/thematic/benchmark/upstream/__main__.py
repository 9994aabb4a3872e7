"""Runs a command while the services are up, and tells it where they are.

    .venv/bin/python -m benchmark.upstream sprag record
    .venv/bin/python -m benchmark.upstream .venv/bin/python -m thematic.worker

They listen where the settings say that the upstreams are. All that they need is
made in a temporary folder: certificates by `openssl`, a cluster by PostgreSQL.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmark.upstream import database, services


def main() -> int:
    command = sys.argv[1:]
    if not command:
        print(__doc__)
        return 2
    with tempfile.TemporaryDirectory(prefix="thematic-upstream-") as name:
        folder = Path(name)
        authority = services.start(folder)
        with database.running(folder) as database_url:
            told = {
                "EMBEDDER_URL": f"https://127.0.0.1:{services.EMBEDDER_PORT}",
                "VECTORS_URL": f"https://127.0.0.1:{services.VECTORS_PORT}",
                "DATABASE_URL": database_url,
                # Whom the command trusts beside this: nobody, which is enough here.
                "SSL_CERT_FILE": str(authority),
            }
            return subprocess.run(command, env={**os.environ, **told}).returncode


if __name__ == "__main__":
    sys.exit(main())
