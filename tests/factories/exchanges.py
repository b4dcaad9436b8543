"""What a piece of work costs in exchanges with the database server, as libpq itself traces them."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection
from psycopg.pq import Trace


@contextmanager
def exchanges() -> Iterator[list[str]]:
    """One entry for each time that the default connection of this thread waited for the server, with what the server
    then had done (`SELECT`, `COPY`, `COMMIT`; `SELECT+SELECT` for two statements sent together); filled when the block
    has ended. Unlike Django's log it has BEGIN, COMMIT, savepoints and COPY, too."""
    found: list[str] = []
    connection.ensure_connection()
    link = connection.connection.pgconn
    with tempfile.TemporaryFile() as traced:
        link.trace(traced.fileno())
        link.set_trace_flags(Trace.SUPPRESS_TIMESTAMPS)
        try:
            yield found
        finally:
            link.untrace()
        traced.seek(0)
        done: list[str] = []
        for line in traced.read().decode(errors="replace").split("\n"):
            if line.startswith("B\t") and "\tCommandComplete\t" in line:
                done.append(line.split('"')[1].split(" ")[0])
            elif line.startswith("B\t") and "\tReadyForQuery\t" in line:
                found.append("+".join(done))
                done = []
