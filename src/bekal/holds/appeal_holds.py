"""`appeal_holds`: who waits for a payment says why the hold is wrong; a person has to answer by a day."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from django.db import transaction

from bekal.core.refusal import Refusal
from bekal.core.rules import RULES
from bekal.core.text import tidy
from bekal.holds.models import Hold, HoldEvent
from bekal.holds.refusals import HoldRefusal
from bekal.holds.steps import HoldOutcome, locked, record_events, refusal_of_text, tell_people
from bekal.ledger.clock import programme_day
from bekal.participants.models import Participation


@dataclass(frozen=True, slots=True)
class Appeal:
    """Words of the one who waits: a participation, or an institution, exactly one of them."""

    hold_id: int
    text: str = field(repr=False)
    participation_id: int | None = None
    institution_id: int | None = None


@transaction.atomic
def appeal_holds(*, appeals: Sequence[Appeal], at: datetime) -> tuple[HoldOutcome, ...]:
    """Take each appeal in, shorten the time to decide, and acknowledge it with a message; outcomes in order.

    A hold has one appeal without an answer; a decision answers it, and a confirmed hold can be appealed against again.
    Refused: HOLD_NOT_FOUND (another's, too), HOLD_LIFTED, APPEAL_OPEN, HOLD_TEXT_...
    """
    day = programme_day(at)
    due_on = day + timedelta(days=RULES.value("hold_appeal_days", day))
    holds = locked([appeal.hold_id for appeal in appeals])
    outcomes = [_taken_in(appeal, holds.get(appeal.hold_id), due_on, at) for appeal in appeals]
    for outcome, appeal in zip(outcomes, appeals, strict=True):
        if outcome.refusal is None:
            hold = holds[appeal.hold_id]
            record_events([(hold.pk, hold.due_on)], HoldEvent.Kind.APPEALED, at=at, text=tidy(appeal.text))
            if appeal.participation_id is not None:
                person = Participation.objects.get(pk=appeal.participation_id)
                tell_people([person.participant_id], HoldEvent.Kind.APPEALED, due_on=hold.due_on, at=at)
    return tuple(outcomes)


def _taken_in(appeal: Appeal, hold: Hold | None, due_on: date, at: datetime) -> HoldOutcome:
    refusal = refusal_of_text(tidy(appeal.text))
    if hold is None or not _is_of(hold, appeal):
        refusal = Refusal(HoldRefusal.HOLD_NOT_FOUND, {"hold_id": appeal.hold_id})
    elif hold.lifted_at is not None:
        refusal = Refusal(HoldRefusal.HOLD_LIFTED, {"hold_id": hold.pk})
    elif hold.appealed_at is not None:
        refusal = Refusal(HoldRefusal.APPEAL_OPEN, {"hold_id": hold.pk})
    if refusal is not None or hold is None:
        return HoldOutcome(appeal.hold_id, refusal)
    hold.appealed_at = at
    # Never later than it was; a hold that was confirmed had no day any more.
    hold.due_on = due_on if hold.confirmed_at else min(hold.due_on, due_on)
    hold.save(update_fields=["appealed_at", "due_on"])
    return HoldOutcome(hold.pk)


def _is_of(hold: Hold, appeal: Appeal) -> bool:
    """Whose payment it is: a purchase's buyer and its institution both wait."""
    if appeal.participation_id is not None:
        return hold.participation_id == appeal.participation_id
    return appeal.institution_id is not None and hold.institution_id == appeal.institution_id
