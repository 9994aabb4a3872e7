"""The table of identifiers, in a PostgreSQL cluster of its own."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pg8000.exceptions import DatabaseError, InterfaceError
from pg8000.native import Connection

from benchmark.upstream.services import SECURITIES

PORT = 18443
NAME = "thematic"
NOBODY = 65534

SCHEMA = """
CREATE TABLE identifiers (
    security_id text PRIMARY KEY,
    isin text NOT NULL,
    figi text NOT NULL
)
"""
FILL = """
INSERT INTO identifiers
SELECT * FROM unnest(CAST(:security_ids AS text[]), CAST(:isins AS text[]), CAST(:figis AS text[]))
"""


@contextmanager
def running(folder: Path) -> Iterator[str]:
    """A filled database while the context lasts: its URL."""
    data = folder / "data"
    data.mkdir()
    # PostgreSQL does not run as root; whoever runs it must get at its folder.
    account: dict[str, Any] = {}
    if os.geteuid() == 0:
        account = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
        os.chown(data, NOBODY, NOBODY)
        folder.chmod(0o711)
    subprocess.run(
        [program("initdb"), "--pgdata", data, "--username", NAME, "--auth=trust",
         "--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions"],
        check=True, stdout=subprocess.DEVNULL, cwd=data, **account,
    )  # fmt: skip
    server = subprocess.Popen(
        [program("postgres"), "-D", data, "-p", str(PORT), "-c", "listen_addresses=127.0.0.1",
         "-c", "unix_socket_directories=", "-c", "fsync=off", "-c", "log_min_messages=fatal"],
        cwd=data, stderr=subprocess.DEVNULL, **account,
    )  # fmt: skip
    try:
        fill(server)
        yield f"postgresql://{NAME}@127.0.0.1:{PORT}/{NAME}"
    finally:
        server.terminate()
        server.wait()


def program(name: str) -> str:
    """Where a program of the server is: Debian does not put them where a shell looks."""
    versions = map(str, sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True))
    found = shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), *versions]))
    if found is None:
        raise SystemExit(f"there is no {name}: recording needs PostgreSQL's server")
    return found


def fill(server: subprocess.Popen[bytes]) -> None:
    """Makes the database and its table."""
    with connected(server, "postgres") as connection:
        connection.run(f"CREATE DATABASE {NAME}")
    with connected(server, NAME) as connection:
        connection.run(SCHEMA)
        security_ids = [f"SEC{number:05d}" for number in range(SECURITIES)]
        isins, figis = zip(*map(identifiers, security_ids))
        connection.run(FILL, security_ids=security_ids, isins=list(isins), figis=list(figis))


def identifiers(security_id: str) -> tuple[str, str]:
    """What looks like an ISIN and a FIGI."""
    digest = hashlib.blake2b(security_id.encode(), digest_size=12).hexdigest().upper()
    return f"XS{digest[:10]}", f"BBG{digest[10:19]}"


@contextmanager
def connected(server: subprocess.Popen[bytes], database: str) -> Iterator[Connection]:
    """A connection, as soon as the server lets somebody in."""
    while True:
        if server.poll() is not None:
            raise SystemExit(f"PostgreSQL did not start: is port {PORT} taken?")
        try:
            connection = Connection(NAME, host="127.0.0.1", port=PORT, database=database)
        except (DatabaseError, InterfaceError):
            time.sleep(0.05)
        else:
            break
    try:
        yield connection
    finally:
        connection.close()
