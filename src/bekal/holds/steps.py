"""What every step of a hold needs: the rows under lock, the event that stays, and the message to who waits."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.utils.translation import gettext_lazy as _

from bekal.accounts.privacy import encrypt
from bekal.core.refusal import Refusal
from bekal.core.text import is_readable
from bekal.holds.models import Hold, HoldEvent
from bekal.holds.refusals import HoldRefusal
from bekal.ledger.copy_rows import MAX_BIGINT, copy_rows
from bekal.participants.notify import Notice, notify

TEXT_LENGTH = 2_000
TEMPLATE = "hold"


@dataclass(frozen=True, slots=True)
class HoldOutcome:
    """What became of one hold; a refusal changed nothing. `repeated`: it stood so before."""

    hold_id: int
    refusal: Refusal | None = None
    repeated: bool = False


def locked(hold_ids: Collection[int]) -> dict[int, Hold]:
    """The holds by number, locked in the order of their numbers."""
    known = [number for number in hold_ids if 0 < number <= MAX_BIGINT]
    rows = Hold.objects.select_for_update(no_key=True).filter(pk__in=known).order_by("pk")
    return {row.pk: row for row in rows}


def refusal_of_text(text: str) -> Refusal | None:
    """Why a tidy text is none that can be kept; None where it can."""
    if not text:
        return Refusal(HoldRefusal.HOLD_TEXT_EMPTY)
    if not is_readable(text, multiline=True):
        return Refusal(HoldRefusal.HOLD_TEXT_UNREADABLE)
    if len(text) > TEXT_LENGTH:
        return Refusal(HoldRefusal.HOLD_TEXT_TOO_LONG, {"length_count": len(text), "limit_count": TEXT_LENGTH})
    return None


def record_events(
    holds: Iterable[tuple[int, date | None]],
    kind: HoldEvent.Kind,
    *,
    at: datetime,
    by_id: int | None = None,
    text: str = "",
) -> None:
    """One event for each (hold, day by which somebody has to decide)."""
    columns = ("hold_id", "kind", "text_encrypted", "by_id", "due_on", "recorded_at")
    rows = ((number, kind.value, encrypt(text) if text else None, by_id, due_on, at) for number, due_on in holds)
    copy_rows(HoldEvent, columns, rows)


def tell_people(participant_ids: Sequence[int], kind: HoldEvent.Kind, *, due_on: date, at: datetime) -> None:
    """One message to each; it says what happens, never why an alarm rang."""
    values = {"due_on": f"{due_on:%d-%m-%Y}"}
    people = dict.fromkeys(participant_ids)
    notify(notices=[Notice(number, TEMPLATE, _SENTENCES[kind], values) for number in people], at=at)


_SENTENCES = {
    HoldEvent.Kind.OPENED: _(
        "A payment of yours waits for a check by the programme office, until %(due_on)s at the latest. You can go "
        "on learning. On the page Insentif you read why, and can object."
    ),
    HoldEvent.Kind.APPEALED: _(
        "The programme office has received your objection and answers it by %(due_on)s. You need to do nothing."
    ),
    HoldEvent.Kind.CONFIRMED: _(
        "The programme office has checked your payment and goes on withholding it. On the page Insentif you read "
        "why, and can object."
    ),
    HoldEvent.Kind.LIFTED: _(
        "The programme office has checked your payment. It is not withheld any more and is paid with the next list."
    ),
}
