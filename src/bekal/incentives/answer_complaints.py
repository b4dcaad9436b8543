"""`answer_complaints`: an officer answers in words; what can come no further ends with the answer."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from bekal.accounts.privacy import decrypt
from bekal.core.refusal import Refusal
from bekal.core.text import tidy
from bekal.incentives.complaint_models import Complaint, ComplaintEvent
from bekal.incentives.finished_unpaid import Side
from bekal.incentives.open_complaints import ComplaintOutcome, due_on_of, record_events, refusal_of_text, tell
from bekal.incentives.refusals import PayoutRefusal
from bekal.incentives.timeline import timelines_of
from bekal.ledger.clock import programme_day
from bekal.ledger.copy_rows import MAX_BIGINT

ANSWERED = _(
    "The programme office has answered your complaint about %(kind)s %(number)s. "
    "You read the answer on the page Insentif."
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What an officer says to one complaint. `ends`: there is nothing more to come."""

    complaint_id: int
    text: str = field(repr=False)
    ends: bool = False


@transaction.atomic
def answer_complaints(*, answers: Sequence[Answer], officer_id: int, at: datetime) -> tuple[ComplaintOutcome, ...]:
    """Keep each answer, tell the person that there is one, and begin the days anew; outcomes in order.

    A complaint stays open until its instalment moves. Only where that can come no further (paid, lost) an answer ends
    it. The same answer again is `repeated`. Refused: COMPLAINT_NOT_FOUND, COMPLAINT_CLOSED, COMPLAINT_CAN_MOVE (it is
    still somebody's turn), COMPLAINT_TEXT_... Locks the complaints in the order of their numbers.
    """
    wanted = [one.complaint_id for one in answers if 0 < one.complaint_id <= MAX_BIGINT]
    held = Complaint.objects.select_for_update(no_key=True).filter(pk__in=wanted).order_by("pk")
    rows = {row.pk: row for row in held}
    said = {
        event.complaint_id: (event.by_id, decrypt(bytes(event.text_encrypted)))
        for event in ComplaintEvent.objects.filter(complaint__in=rows).order_by("pk")
        if event.by_id is not None and event.text_encrypted is not None
    }
    moving = _moving({row.participation_id for row in rows.values()}, at)
    outcomes: list[ComplaintOutcome] = []
    for answer in answers:
        row, text = rows.get(answer.complaint_id), tidy(answer.text)
        if row is None:
            outcomes.append(ComplaintOutcome(None, refusal=Refusal(PayoutRefusal.COMPLAINT_NOT_FOUND)))
            continue
        if said.get(row.pk) == (officer_id, text):
            outcomes.append(ComplaintOutcome(row.pk, repeated=True))
            continue
        can_move = (row.participation_id, row.kind, row.instalment) in moving
        refusal = _refusal(row, text, ends=answer.ends, can_move=can_move)
        if refusal is None:
            _answer(row, text, officer_id, ends=answer.ends, at=at)
            said[row.pk] = officer_id, text
        outcomes.append(ComplaintOutcome(row.pk, refusal=refusal))
    return tuple(outcomes)


def _moving(participation_ids: set[int], at: datetime) -> set[tuple[int, str, int]]:
    """Their instalments that somebody, or the calendar, still moves."""
    told = timelines_of(participation_ids=participation_ids, on=programme_day(at))
    return {
        (owner_id, line.kind.value, line.instalment)
        for owner_id, lines in told.items()
        for line in lines
        if line.turn is not Side.NOBODY
    }


def _refusal(row: Complaint, text: str, *, ends: bool, can_move: bool) -> Refusal | None:
    if row.closed_at is not None:
        return Refusal(PayoutRefusal.COMPLAINT_CLOSED)
    if not text:
        return Refusal(PayoutRefusal.COMPLAINT_TEXT_MISSING)
    if ends and can_move:
        return Refusal(PayoutRefusal.COMPLAINT_CAN_MOVE)
    return refusal_of_text(text)


def _answer(row: Complaint, text: str, officer_id: int, *, ends: bool, at: datetime) -> None:
    row.answered_at, row.due_on = at, due_on_of(programme_day(at))
    if ends:
        row.closed_at, row.ending = at, Complaint.Ending.ANSWERED
    row.save(update_fields=["answered_at", "due_on", "closed_at", "ending"])
    kind = ComplaintEvent.Kind.CLOSED if ends else ComplaintEvent.Kind.ANSWERED
    record_events([row], kind, at=at, by_id=officer_id, text=text)
    tell(ANSWERED, [row], at=at)
