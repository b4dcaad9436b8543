"""Nothing is written of a partner while its day is closed: what is numbered up to then is final."""

from collections.abc import Iterable

from django.db import connection

_KEY = "hashtextextended('incentives.close_day ' || %s, 0)"


def keep_open(*partners: str) -> None:
    """Until the end of the caller's transaction no day of these partners is closed; many may write at once."""
    _lock(f"SELECT pg_advisory_xact_lock_shared({_KEY})", partners)


def keep_alone(partner: str) -> None:
    """Until the end of the caller's transaction nobody else writes of this partner; waits for those who do."""
    _lock(f"SELECT pg_advisory_xact_lock({_KEY})", [partner])


def _lock(sql: str, partners: Iterable[str]) -> None:
    with connection.cursor() as cursor:
        for partner in sorted(set(partners)):
            cursor.execute(sql, [partner])
