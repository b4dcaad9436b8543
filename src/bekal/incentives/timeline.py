"""Where people's money is: one truthful state for every instalment and survey, earned or not."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime

from bekal.core.entitlement import Instalment, InstalmentKind, instalments_owed, survey_owed
from bekal.core.evidence import Piece, PieceState, Source
from bekal.core.rules import RULES
from bekal.core.schedule import PaymentDay, payment_day
from bekal.incentives.instalment_line import InstalmentLine, InstalmentState, NextStep
from bekal.incentives.models import PayoutStatus
from bekal.incentives.timeline_rows import EarnedRow, earned_rows
from bekal.incentives.timeline_state import Standing, has_turned, standing_of, steps_of
from bekal.ledger.clock import programme_day
from bekal.participants.models import Participation, PayoutAccount
from bekal.purchases.models import Purchase
from bekal.purchases.queries import evidence_owed


def timeline_of(*, participation_id: int, on: date) -> tuple[InstalmentLine, ...]:
    """Every instalment and every survey the person's rules promise, in order, each with its state on the day `on`.

    Raises Participation.DoesNotExist.
    """
    found = timelines_of(participation_ids=[participation_id], on=on)
    if participation_id not in found:
        raise Participation.DoesNotExist
    return found[participation_id]


def timelines_of(*, participation_ids: Collection[int], on: date) -> dict[int, tuple[InstalmentLine, ...]]:
    """The same for any number of people, in as many queries as for one; who is unknown is left out."""
    people = Participation.objects.select_related("participant__payout_account").filter(pk__in=participation_ids)
    found = {person.pk: person for person in people.order_by("pk")}
    if not found:
        return {}
    earned = earned_rows(found)
    promised = {number: _promised(person, on) for number, person in found.items()}
    waiting = {number: found[number] for number in found if len(earned.get(number, ())) < len(promised[number])}
    missing = _missing(waiting, on)
    return {
        number: tuple(
            _earned_line(row, getattr(person.participant, "payout_account", None), on)
            if (row := earned.get(number, {}).get((one.kind.value, one.number)))
            else _missing_line(one, missing[number][one.kind], person.revoked_at or person.closed_at, on)
            for one in promised[number]
        )
        for number, person in found.items()
    }


def _promised(person: Participation, on: date) -> list[Instalment]:
    """What the rules of the day of acceptance promise. What was paid before the person was taken over from another
    system is not in these books."""
    scheme, day = RULES.scheme(person.accepted_on), max(on, person.accepted_on)
    surveys = [survey_owed(scheme, number, day) for number in range(1, scheme.survey_count + 1)]
    paid_before_counts = {
        InstalmentKind.INCENTIVE: person.incentives_paid_before_count,
        InstalmentKind.SURVEY: person.surveys_paid_before_count,
    }
    return [one for one in (*instalments_owed(scheme, day), *surveys) if one.number > paid_before_counts[one.kind]]


def _earned_line(row: EarnedRow, account: PayoutAccount | None, on: date) -> InstalmentLine:
    standing, newest = standing_of(row, account, on), row.newest
    last = newest.last if newest is not None else None
    is_failed = standing.state is InstalmentState.ACCOUNT_FAILED
    other = account if account is not None and newest is not None and has_turned(newest, account) else None
    return InstalmentLine(
        kind=InstalmentKind(row.kind),
        instalment=row.instalment,
        amount_rupiah=row.amount_rupiah,
        scheduled_on=row.scheduled_on,
        payment_on=row.payment_on,
        is_earned=True,
        is_late=row.payment_on < on and standing.state not in (InstalmentState.SETTLED, InstalmentState.RETURNED),
        state=standing.state,
        state_since_at=standing.since_at,
        next_step=standing.step,
        reason_code=(row.check_reason or "") if is_failed else last.reason_code if last is not None else "",
        partner=newest.partner if newest is not None else (account.partner if account else ""),
        masked_account=newest.masked_account if newest is not None else (account.masked if account else ""),
        reference=newest.reference if newest is not None else "",
        paid_at=newest.at_of(PayoutStatus.State.SETTLED) if newest is not None else None,
        next_partner=other.partner if other is not None and row.lapsed_at is None else "",
        next_masked=other.masked if other is not None and row.lapsed_at is None else "",
        due_on=standing.due_on,
        is_overdue=standing.due_on is not None and standing.due_on < on,
        why=_why(row),
        steps=steps_of(row),
    )


def _why(row: EarnedRow) -> PaymentDay | None:
    """How the day of payment comes about: by the calendar, or by the day on which it was earned."""
    by_calendar, by_earning = (
        payment_day(row.scheduled_on),
        payment_day(row.scheduled_on, programme_day(row.entitled_at)),
    )
    return next((why for why in (by_calendar, by_earning) if why.payment_on == row.payment_on), None)


def _missing_line(one: Instalment, standing: Standing, lost_at: datetime | None, on: date) -> InstalmentLine:
    can_be_earned = standing.step is not NextStep.NOTHING
    return InstalmentLine(
        kind=one.kind,
        instalment=one.number,
        amount_rupiah=one.amount_rupiah,
        scheduled_on=one.scheduled_on if can_be_earned else None,
        payment_on=one.payment_on if can_be_earned else None,
        is_earned=False,
        is_late=False,
        state=standing.state,
        state_since_at=lost_at if standing.state is InstalmentState.RETURNED else None,
        next_step=standing.step,
        due_on=standing.due_on,
        is_overdue=standing.due_on is not None and standing.due_on < on,
    )


def _missing(people: Mapping[int, Participation], on: date) -> dict[int, dict[InstalmentKind, Standing]]:
    """For each of these and each kind what stands between them and what is not earned yet."""
    if not people:
        return {}
    bought: dict[int, list[Purchase]] = {}
    for purchase in Purchase.objects.filter(participation_id__in=people).order_by("participation_id", "ordinal"):
        bought.setdefault(purchase.participation_id, []).append(purchase)
    open_ids = [each.pk for purchases in bought.values() for each in purchases if _is_open(each)]
    owed = evidence_owed(purchase_ids=open_ids) if open_ids else {}
    return {number: _missing_of(person, bought.get(number, []), owed, on) for number, person in people.items()}


def _is_open(purchase: Purchase) -> bool:
    """Whether it still has something to prove: what has ended proves nothing."""
    return purchase.ended_at is None and purchase.reconciled_at is None


def _missing_of(
    person: Participation, purchases: Sequence[Purchase], owed: Mapping[int, tuple[PieceState, ...]], on: date
) -> dict[InstalmentKind, Standing]:
    if person.revoked_at is not None or person.closed_at is not None:
        return dict.fromkeys(InstalmentKind, Standing(InstalmentState.RETURNED, None, NextStep.NOTHING))
    has_bought = bool(purchases or person.bought_before)
    if not has_bought and on > person.first_purchase_due_on:
        return dict.fromkeys(InstalmentKind, Standing(InstalmentState.DEADLINE_PASSED, None, NextStep.NOTHING))
    last_on = person.balance_ends_on if has_bought else person.first_purchase_due_on
    may_buy_until_on = last_on if person.balance_ended_at is None and on <= person.balance_ends_on else None
    is_proven = person.incentives_paid_before_count > 0
    return {
        InstalmentKind.INCENTIVE: _WAITS_FOR_OFFICE if is_proven else _evidence(purchases, owed, may_buy_until_on, on),
        InstalmentKind.SURVEY: Standing(InstalmentState.WAITING_ANSWER, None, NextStep.WAIT_FOR_SURVEY),
    }


_WAITS_FOR_OFFICE = Standing(InstalmentState.WAITING_RECONCILIATION, None, NextStep.WAIT_FOR_OFFICE)


def _evidence(
    purchases: Sequence[Purchase],
    owed: Mapping[int, tuple[PieceState, ...]],
    may_buy_until_on: date | None,
    on: date,
) -> Standing:
    """Of the training that is nearest to its reconciliation: what it waits for."""
    by_id = {purchase.pk: purchase for purchase in purchases if purchase.ended_at is None}
    if not by_id and purchases and may_buy_until_on is None:
        return Standing(InstalmentState.UNPROVEN, None, NextStep.NOTHING)
    if not by_id:
        return Standing(InstalmentState.WAITING_PURCHASE, None, NextStep.BUY_TRAINING, may_buy_until_on)
    if any(purchase.reconciled_at for purchase in by_id.values()):
        return _WAITS_FOR_OFFICE
    nearest = min(by_id, key=lambda purchase_id: (len(owed[purchase_id]), by_id[purchase_id].ordinal))
    if not owed[nearest]:
        return _WAITS_FOR_OFFICE
    if by_id[nearest].redeemed_at is None:
        return Standing(InstalmentState.WAITING_EVIDENCE, None, NextStep.REDEEM_CODE)
    for source, step in (
        (Source.PROGRAMME, NextStep.WAIT_FOR_OFFICE),
        (Source.INSTITUTION, NextStep.WAIT_FOR_INSTITUTION),
    ):
        if pieces := [piece for piece in owed[nearest] if piece.owed_by is source]:
            return Standing(InstalmentState.WAITING_EVIDENCE, None, step, _first_due_on(pieces))
    sessions = [
        piece
        for piece in owed[nearest]
        if piece.piece is Piece.ATTENDANCE and piece.since_on is not None and piece.since_on <= on
    ]
    step = NextStep.CONFIRM_SESSIONS if sessions else NextStep.GIVE_REVIEW
    return Standing(InstalmentState.WAITING_EVIDENCE, None, step, _first_due_on(sessions or owed[nearest]))


def _first_due_on(pieces: Sequence[PieceState]) -> date | None:
    return min((piece.due_on for piece in pieces if piece.due_on is not None), default=None)
