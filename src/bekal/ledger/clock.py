"""The programme's clock: the real instant, or the simulated one that a simulation has set for its database."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.db import connection
from django.utils import timezone

from bekal.ledger.models import ProgrammeClock

JAKARTA = ZoneInfo("Asia/Jakarta")
# Written out, because every page and every call asks it: a QuerySet takes longer to word than the server to answer.
OFFSET_SQL = 'SELECT "offset" FROM ledger_programmeclock ORDER BY id LIMIT 1'


def programme_now() -> datetime:
    """The instant (aware) every page and job hands to the verbs as `at`."""
    with connection.cursor() as cursor:
        cursor.execute(OFFSET_SQL)
        row = cursor.fetchone()
    return programme_instant(None if row is None else row[0])


def programme_instant(offset: timedelta | None) -> datetime:
    """The same for whoever has read the clock's offset (`OFFSET_SQL`) in a statement of its own."""
    return timezone.now() if offset is None else timezone.now() + offset


def machine_now() -> datetime:
    """The machine's own instant, whatever a simulation has set: what signatures and rates are measured by. Nothing
    about people or their money is decided by it."""
    return timezone.now()


def programme_day(at: datetime) -> date:
    """The calendar day of an aware instant in Jakarta, whose midnight ends every deadline."""
    if at.tzinfo is None:
        raise ValueError("at must be an aware datetime")
    return at.astimezone(JAKARTA).date()


def set_programme_clock(*, at: datetime) -> None:
    """Make the programme's clock show `at` now and run on from there. Only a simulation calls this."""
    ProgrammeClock.objects.update_or_create(id=1, defaults={"offset": at - timezone.now()})


def is_simulated() -> bool:
    """Whether a simulation has set this database's clock. A real programme has none set and is never simulated upon."""
    return ProgrammeClock.objects.exists()
