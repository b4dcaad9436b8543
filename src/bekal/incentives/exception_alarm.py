"""What a partner and the books do not agree on alarms where nobody has cleared it up in time."""

from datetime import datetime, time, timedelta

from bekal.core.rules import RULES
from bekal.incentives.models import PayoutException
from bekal.ledger.clock import JAKARTA, programme_day


def is_alarming(days: int, *, at: datetime) -> bool:
    """Whether what is so many days old is older than it may be (`exception_alarm_days`)."""
    limit_days: int = RULES.value("exception_alarm_days", programme_day(at))
    return days > limit_days


def alarming_count(*, at: datetime) -> int:
    """How many open exceptions are older than they may be."""
    today = programme_day(at)
    oldest_on = today - timedelta(days=RULES.value("exception_alarm_days", today))
    before = datetime.combine(oldest_on, time(), JAKARTA)
    return PayoutException.objects.filter(resolved_at=None, opened_at__lt=before).count()
