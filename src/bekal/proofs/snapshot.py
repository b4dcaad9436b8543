"""What a checker looks at: one state of the database for all its questions, as of a written instant."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from django.core.management.base import CommandError
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils.dateparse import parse_datetime
from django.utils.timezone import is_naive, make_aware

from bekal.ledger.clock import JAKARTA


@contextmanager
def snapshot(connection: BaseDatabaseWrapper, *, shared: str | None = None) -> Iterator[Any]:
    """A cursor whose questions all see the same state, read-only. Inside somebody's open transaction (a test) the
    snapshot is theirs; alone we take one, or the one another connection has exported under the name `shared`."""
    with connection.cursor() as cursor:
        alone = connection.get_autocommit()
        if alone:
            cursor.execute("BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            if shared is not None:
                cursor.execute(f"SET TRANSACTION SNAPSHOT '{shared}'")
        try:
            yield cursor
        finally:
            if alone:
                cursor.execute("ROLLBACK")


def read_instant(text: str | None) -> datetime | None:
    """The instant of `--as-of`: a day alone means the whole of it, without a zone it is Jakarta's.

    Raises CommandError with the form to use."""
    if text is None:
        return None
    try:
        instant = parse_datetime(f"{text}T23:59:59.999999") if len(text) == 10 else parse_datetime(text)
        if instant is not None and not is_naive(instant):
            # On one clock: PostgreSQL knows no offset of 16 hours and more, which Python writes down.
            instant = instant.astimezone(JAKARTA)
    except (ValueError, OverflowError):
        instant = None
    if instant is None:
        raise CommandError(f"--as-of {text!r} is not an instant; write it as 2020-07-27 or 2020-07-27T09:00")
    return make_aware(instant) if is_naive(instant) else instant
