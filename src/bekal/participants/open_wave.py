"""`open_wave`: a numbered wave with its days and its places."""

from datetime import date, datetime

from django.db import IntegrityError, transaction

from bekal.ledger.clock import programme_day
from bekal.participants.models import Wave

# What the columns hold; far above any wave.
MAX_COUNT = 2_147_483_647


class WaveError(ValueError):
    """A wave that cannot be opened; the sentence names the field, the value and the mend."""


def open_wave(*, number: int, opens_on: date, closes_on: date, quota_count: int, at: datetime) -> Wave:
    """Open wave `number` for applications from `opens_on` to `closes_on` (both included) with `quota_count` places.

    Raises WaveError, and opens nothing, for a number or quota outside 1..2147483647, a closing day before the opening
    day or before today, or a number that was opened before.
    """
    for name, value in (("number", number), ("quota_count", quota_count)):
        if not 1 <= value <= MAX_COUNT:
            raise WaveError(f"{name} is {value}: write a whole number from 1 to {MAX_COUNT}.")
    if closes_on < opens_on:
        raise WaveError(f"closes_on is {closes_on}, before opens_on {opens_on}: choose that day or a later one.")
    today = programme_day(at)
    if closes_on < today:
        raise WaveError(f"closes_on is {closes_on}, which has passed: choose {today} or a later day.")
    try:
        with transaction.atomic():
            return Wave.objects.create(number=number, opens_on=opens_on, closes_on=closes_on, quota_count=quota_count)
    except IntegrityError as error:
        if "number" not in str(error):
            raise
        raise WaveError(f"number is {number}, and that wave is open already: choose the next free number.") from None
