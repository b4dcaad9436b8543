"""The instant an address asks for: `?as_of=2020-07-27`, or with a time of day; without one, now."""

import re
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from urllib.parse import urlencode

from django.http import HttpRequest
from django.utils.translation import gettext as _

from bekal.core.text import shown
from bekal.ledger.clock import JAKARTA

INSTANT = re.compile(
    r"(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2})(:\d{2})?(\.\d{1,6})?(Z|[+-]\d{2}:\d{2})?)?", flags=re.ASCII
)
FIRST_YEAR, LAST_YEAR = 1900, 9998


@dataclass(frozen=True, slots=True)
class AsOf:
    """`at` is None for now, and where `problem` says why the address's text is no instant."""

    at: datetime | None
    text: str
    problem: str = ""

    @property
    def query(self) -> str:
        """What a link carries on: empty for now."""
        return "" if self.at is None else "?" + urlencode({"as_of": self.text})

    @property
    def field(self) -> str:
        """The instant as a date-and-time field of a browser takes it: to the second, on the clock of Jakarta."""
        return "" if self.at is None else f"{self.at.astimezone(JAKARTA):%Y-%m-%dT%H:%M:%S}"


def as_of(request: HttpRequest) -> AsOf:
    """Up to the end of what is written: of the day, of the minute, of the second; an instant with a fraction is exact.

    Without an offset it is the clock of Jakarta."""
    text = request.GET.get("as_of", "").strip()
    if not text:
        return AsOf(None, "")
    at = _instant(text)
    if at is None:
        sentence = _("“%(value)s” is no day and no instant. Write it as 2020-07-27 or 2020-07-27 15:30.")
        return AsOf(None, text, sentence % {"value": shown(text)})
    return AsOf(at, text)


def _instant(text: str) -> datetime | None:
    match = INSTANT.fullmatch(text)
    if match is None or not FIRST_YEAR <= int(text[:4]) <= LAST_YEAR:
        return None
    day, minute, second, fraction, offset = match.groups()
    if minute is None:
        written, end = f"{day}T{time.max.isoformat()}", timedelta(0)
    elif fraction is not None and second is not None:
        written, end = f"{day}T{minute}{second}{fraction}", timedelta(0)
    elif fraction is not None:
        return None
    else:
        step = timedelta(minutes=1) if second is None else timedelta(seconds=1)
        written, end = f"{day}T{minute}{second or ':00'}", step - timedelta.resolution
    try:
        at = datetime.fromisoformat(f"{written}{offset or ''}") + end
    except ValueError:
        return None
    # On one clock: PostgreSQL knows no offset of 16 hours and more, which Python writes down.
    return at.astimezone(JAKARTA) if at.tzinfo else at.replace(tzinfo=JAKARTA)
