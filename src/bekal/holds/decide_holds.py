"""`take_holds`, `lift_holds`, `propose_holds`, `confirm_holds`: an officer decides; withholding for good takes two."""

from collections.abc import Callable, Collection, Iterable
from datetime import date, datetime

from django.db import transaction

from bekal.core.refusal import Refusal
from bekal.core.text import tidy
from bekal.holds.models import Hold, HoldEvent
from bekal.holds.refusals import HoldRefusal
from bekal.holds.steps import HoldOutcome, locked, record_events, refusal_of_text, tell_people
from bekal.ledger.clock import programme_day
from bekal.participants.models import Participation

Why = HoldRefusal | None


@transaction.atomic
def take_holds(*, hold_ids: Collection[int], officer_id: int, at: datetime) -> tuple[HoldOutcome, ...]:
    """The officer answers for these holds from now on. Refused: HOLD_NOT_FOUND, HOLD_LIFTED."""
    programme_day(at)

    def taken(hold: Hold) -> None:
        hold.officer_id = officer_id

    return _decide(hold_ids, HoldEvent.Kind.TAKEN, lambda hold: None, taken, officer_id, at, told=False)


@transaction.atomic
def lift_holds(*, hold_ids: Collection[int], officer_id: int, reason: str, at: datetime) -> tuple[HoldOutcome, ...]:
    """The payments go on with the next list. One that was confirmed is lifted by another officer than confirmed it.

    Refused: HOLD_TEXT_..., HOLD_NOT_FOUND, HOLD_LIFTED, HOLD_SAME_PERSON.
    """

    def refused(hold: Hold) -> Why:
        return HoldRefusal.HOLD_SAME_PERSON if hold.confirmed_by_id == officer_id else None

    def lifted(hold: Hold) -> None:
        hold.lifted_at, hold.lifted_by_id, hold.appealed_at = at, officer_id, None

    return _decide(hold_ids, HoldEvent.Kind.LIFTED, refused, lifted, officer_id, at, reason=reason)


@transaction.atomic
def propose_holds(*, hold_ids: Collection[int], officer_id: int, reason: str, at: datetime) -> tuple[HoldOutcome, ...]:
    """One officer says that the suspicion is true; another has to confirm it. Nothing changes for who waits.

    A later proposal takes the place of an earlier one. Refused: HOLD_TEXT_..., HOLD_NOT_FOUND, HOLD_LIFTED,
    HOLD_CONFIRMED, unless an appeal waits.
    """

    def refused(hold: Hold) -> Why:
        return HoldRefusal.HOLD_CONFIRMED if hold.confirmed_at and not hold.appealed_at else None

    def proposed(hold: Hold) -> None:
        hold.proposed_at, hold.proposed_by_id = at, officer_id
        hold.confirmed_at, hold.confirmed_by = None, None

    return _decide(hold_ids, HoldEvent.Kind.PROPOSED, refused, proposed, officer_id, at, reason=reason, told=False)


@transaction.atomic
def confirm_holds(*, hold_ids: Collection[int], officer_id: int, at: datetime) -> tuple[HoldOutcome, ...]:
    """A second officer agrees: the payments stay withheld, without a day, until somebody lifts them.

    What was paid before is asked back by a clawback of its own. Refused: HOLD_NOT_FOUND, HOLD_LIFTED, HOLD_CONFIRMED,
    HOLD_NOT_PROPOSED, HOLD_SAME_PERSON.
    """

    def refused(hold: Hold) -> Why:
        if hold.confirmed_at is not None:
            return HoldRefusal.HOLD_CONFIRMED
        if hold.proposed_at is None:
            return HoldRefusal.HOLD_NOT_PROPOSED
        return HoldRefusal.HOLD_SAME_PERSON if hold.proposed_by_id == officer_id else None

    def confirmed(hold: Hold) -> None:
        hold.confirmed_at, hold.confirmed_by_id, hold.appealed_at = at, officer_id, None

    return _decide(hold_ids, HoldEvent.Kind.CONFIRMED, refused, confirmed, officer_id, at)


def _decide(
    hold_ids: Collection[int],
    kind: HoldEvent.Kind,
    refused: Callable[[Hold], Why],
    write: Callable[[Hold], None],
    officer_id: int,
    at: datetime,
    *,
    reason: str | None = None,
    told: bool = True,
) -> tuple[HoldOutcome, ...]:
    """The step for every hold that can take it, its event, and a message where it changes something for somebody."""
    day = programme_day(at)
    text = tidy(reason or "")
    refusal = refusal_of_text(text) if reason is not None else None
    if refusal is not None:
        return tuple(HoldOutcome(number, refusal) for number in hold_ids)
    holds, outcomes, done = locked(hold_ids), [], []
    for number in hold_ids:
        hold = holds.get(number)
        code = _code(hold, refused)
        if code is None and hold is not None:
            write(hold)
            done.append(hold)
        outcomes.append(HoldOutcome(number, Refusal(code, {"hold_id": number}) if code else None))
    _write(done)
    record_events([(hold.pk, hold.due_on) for hold in done], kind, at=at, by_id=officer_id, text=text)
    if told:
        _tell(done, kind, day, at)
    return tuple(outcomes)


def _code(hold: Hold | None, refused: Callable[[Hold], Why]) -> Why:
    if hold is None:
        return HoldRefusal.HOLD_NOT_FOUND
    return HoldRefusal.HOLD_LIFTED if hold.lifted_at is not None else refused(hold)


def _write(holds: Iterable[Hold]) -> None:
    columns = (
        "officer",
        "appealed_at",
        "proposed_at",
        "proposed_by",
        "confirmed_at",
        "confirmed_by",
        "lifted_at",
        "lifted_by",
    )
    Hold.objects.bulk_update(list(holds), columns, batch_size=1_000)


def _tell(holds: Iterable[Hold], kind: HoldEvent.Kind, day: date, at: datetime) -> None:
    owners = [hold.participation_id for hold in holds if hold.participation_id is not None]
    people = Participation.objects.filter(pk__in=owners).order_by("pk").values_list("participant_id", flat=True)
    tell_people(list(people), kind, due_on=day, at=at)
