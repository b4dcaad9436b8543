"""Where one person's money is: one truthful state for every instalment and survey, earned or not."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from django.db import connection

from bekal.core.entitlement import Instalment, InstalmentKind, instalments_owed, survey_owed
from bekal.core.evidence import Source
from bekal.core.rules import RULES
from bekal.incentives.models import PayoutStatus
from bekal.incentives.reasons import NOT_THE_ACCOUNT
from bekal.ledger.clock import programme_day
from bekal.participants.models import Participation, PayoutAccount
from bekal.purchases.models import Purchase
from bekal.purchases.queries import evidence_owed


class InstalmentState(StrEnum):
    """From the first training to the money in the account, and what can come instead.

    Sent back: it was paid, and the bank returned it to the programme. Taken back: it was paid, and the programme
    reversed it. Both are due again. Held: an officer decides whether it is paid. Waiting change: the account took the
    place of another, and is not paid to before its hours are over. Unproven: every training ended without
    its proof, and none can be bought any more. Returned: to the treasury.
    """

    WAITING_PURCHASE = "waiting_purchase"
    WAITING_EVIDENCE = "waiting_evidence"
    WAITING_RECONCILIATION = "waiting_reconciliation"
    WAITING_ANSWER = "waiting_answer"
    DEADLINE_PASSED = "deadline_passed"
    WAITING_ACCOUNT = "waiting_account"
    WAITING_CHANGE = "waiting_change"
    PLANNED = "planned"
    HELD = "held"
    IN_RUN = "in_run"
    SENT = "sent"
    SETTLED = "settled"
    REJECTED = "rejected"
    SENT_BACK = "sent_back"
    TAKEN_BACK = "taken_back"
    UNPROVEN = "unproven"
    RETURNED = "returned"


class NextStep(StrEnum):
    """Whose turn it is, and for what."""

    BUY_TRAINING = "buy_training"
    REDEEM_CODE = "redeem_code"
    WAIT_FOR_INSTITUTION = "wait_for_institution"
    GIVE_REVIEW = "give_review"
    WAIT_FOR_OFFICE = "wait_for_office"
    WAIT_FOR_SURVEY = "wait_for_survey"
    SET_ACCOUNT = "set_account"
    CHECK_ACCOUNT = "check_account"
    WAIT_FOR_CHANGE = "wait_for_change"
    WAIT_FOR_DAY = "wait_for_day"
    WAIT_FOR_PARTNER = "wait_for_partner"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class InstalmentLine:
    """One instalment as its owner sees it.

    `is_earned` False: the days are the earliest possible ones, if everything that is missing came today. `is_late`: the
    day of payment is past and the money is not there. `partner`, `masked_account` and `reference` are those of the
    newest attempt, else the account that would be paid to today. `paid_at`: when that attempt reached the account, also
    where the money came back since.
    """

    kind: InstalmentKind
    instalment: int
    amount_rupiah: int
    scheduled_on: date | None
    payment_on: date | None
    is_earned: bool
    is_late: bool
    state: InstalmentState
    state_since_at: datetime | None
    next_step: NextStep
    reason_code: str = ""
    partner: str = ""
    masked_account: str = ""
    reference: str = ""
    paid_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class _Earned:
    """One entitlement, its newest attempt that was neither cancelled nor kept back, and what was last said of it."""

    kind: str
    instalment: int
    amount_rupiah: int
    scheduled_on: date
    payment_on: date
    entitled_at: datetime
    reference: str | None
    partner: str | None
    masked_account: str | None
    planned_at: datetime | None
    state: str | None
    reason_code: str | None
    recorded_at: datetime | None
    paid_at: datetime | None
    lapsed_at: datetime | None
    held_at: datetime | None


EARNED_SQL = """
SELECT entitlement.kind, entitlement.instalment, entitlement.amount_rupiah, entitlement.scheduled_on,
       entitlement.payment_on, entitlement.entitled_at, attempt.reference, attempt.partner, attempt.masked_account,
       attempt.planned_at, status.state, status.reason_code, status.recorded_at,
       (SELECT paid.recorded_at FROM incentives_payoutstatus paid
        WHERE paid.payout_id = attempt.id AND paid.state = 'settled'),
       entitlement.lapsed_at,
       (SELECT min(hold.opened_at) FROM holds_hold hold
        WHERE hold.participation_id = entitlement.participation_id AND hold.lifted_at IS NULL)
FROM incentives_entitlement entitlement
LEFT JOIN LATERAL (
    SELECT payout.id, payout.reference, payout.partner, payout.masked_account, run.planned_at
    FROM incentives_payout payout JOIN incentives_payoutrun run ON run.id = payout.run_id
    WHERE payout.entitlement_id = entitlement.id AND run.cancelled_at IS NULL
      AND NOT EXISTS (SELECT 1 FROM incentives_payoutstatus kept_back
                      WHERE kept_back.payout_id = payout.id AND kept_back.state = 'withheld')
    ORDER BY payout.attempt DESC LIMIT 1
) attempt ON true
LEFT JOIN LATERAL (
    SELECT state, reason_code, recorded_at FROM incentives_payoutstatus
    WHERE payout_id = attempt.id ORDER BY id DESC LIMIT 1
) status ON true
WHERE entitlement.participation_id = %s
ORDER BY entitlement.kind, entitlement.instalment
"""


def timeline_of(*, participation_id: int, on: date) -> tuple[InstalmentLine, ...]:
    """Every instalment and every survey the person's rules promise, in order, each with its state on the day `on`.

    Raises Participation.DoesNotExist.
    """
    person = Participation.objects.select_related("participant__payout_account").get(id=participation_id)
    account: PayoutAccount | None = getattr(person.participant, "payout_account", None)
    with connection.cursor() as cursor:
        cursor.execute(EARNED_SQL, [participation_id])
        earned = {(row.kind, row.instalment): row for row in (_Earned(*columns) for columns in cursor.fetchall())}
    scheme = RULES.scheme(person.accepted_on)
    promised = [
        *instalments_owed(scheme, max(on, person.accepted_on)),
        *(survey_owed(scheme, number, max(on, person.accepted_on)) for number in range(1, scheme.survey_count + 1)),
    ]
    # What was paid before the person was taken over from another system is not in these books.
    paid_before_counts = {
        InstalmentKind.INCENTIVE: person.incentives_paid_before_count,
        InstalmentKind.SURVEY: person.surveys_paid_before_count,
    }
    promised = [one for one in promised if one.number > paid_before_counts[one.kind]]
    missing = dict(_missing(person, on)) if len(earned) < len(promised) else {}
    return tuple(
        _earned_line(row, account, on)
        if (row := earned.get((one.kind.value, one.number)))
        else _missing_line(one, *missing[one.kind], person.revoked_at or person.closed_at)
        for one in promised
    )


def _earned_line(row: _Earned, account: PayoutAccount | None, on: date) -> InstalmentLine:
    state, since_at, step = _earned_state(row, account, on)
    if row.lapsed_at is not None:
        # With a clawback everything went that had been earned and not been paid.
        state, since_at, step = InstalmentState.RETURNED, row.lapsed_at, NextStep.NOTHING
    return InstalmentLine(
        kind=InstalmentKind(row.kind),
        instalment=row.instalment,
        amount_rupiah=row.amount_rupiah,
        scheduled_on=row.scheduled_on,
        payment_on=row.payment_on,
        is_earned=True,
        is_late=row.payment_on < on and state not in (InstalmentState.SETTLED, InstalmentState.RETURNED),
        state=state,
        state_since_at=since_at,
        next_step=step,
        reason_code=row.reason_code or "",
        partner=row.partner or (account.partner if account else ""),
        masked_account=row.masked_account or (account.masked if account else ""),
        reference=row.reference or "",
        paid_at=row.paid_at,
    )


def _earned_state(
    row: _Earned, account: PayoutAccount | None, on: date
) -> tuple[InstalmentState, datetime | None, NextStep]:
    # Who named another account since a partner said no has done their part.
    is_mended = _changed_since(row, account)
    match row.state:
        case PayoutStatus.State.SETTLED:
            return InstalmentState.SETTLED, row.recorded_at, NextStep.NOTHING
        case PayoutStatus.State.REJECTED if not is_mended:
            return InstalmentState.REJECTED, row.recorded_at, _step_after(row)
        case PayoutStatus.State.RETURNED if not is_mended:
            return InstalmentState.SENT_BACK, row.recorded_at, _step_after(row)
        case PayoutStatus.State.REVERSED:
            return InstalmentState.TAKEN_BACK, row.recorded_at, NextStep.WAIT_FOR_OFFICE
        case PayoutStatus.State.SENT | PayoutStatus.State.ACCEPTED:
            return InstalmentState.SENT, row.recorded_at, NextStep.WAIT_FOR_PARTNER
    # What an alarm holds does not leave with its list.
    if row.reference is not None and row.held_at is None and not is_mended:
        return InstalmentState.IN_RUN, row.planned_at, NextStep.WAIT_FOR_OFFICE
    if account is None or account.verified_at is None:
        return InstalmentState.WAITING_ACCOUNT, row.entitled_at, NextStep.SET_ACCOUNT
    if row.held_at is not None:
        return InstalmentState.HELD, row.held_at, NextStep.WAIT_FOR_OFFICE
    if account.pays_from_at is not None and programme_day(account.pays_from_at) >= on:
        return InstalmentState.WAITING_CHANGE, None, NextStep.WAIT_FOR_CHANGE
    return InstalmentState.PLANNED, row.entitled_at, NextStep.WAIT_FOR_DAY


def _changed_since(row: _Earned, account: PayoutAccount | None) -> bool:
    """Whether another account took the place of the one a partner could not pay to: what goes to it is planned only
    when its waiting is over, so an answer from before that is not about it."""
    if account is None or account.pays_from_at is None or row.recorded_at is None:
        return False
    is_no = row.state in (PayoutStatus.State.REJECTED, PayoutStatus.State.RETURNED)
    return is_no and account.pays_from_at > row.recorded_at


def _step_after(row: _Earned) -> NextStep:
    """What helps after a partner's no: mostly another look at the account, sometimes nothing the person could do."""
    return NextStep.WAIT_FOR_OFFICE if row.reason_code in NOT_THE_ACCOUNT else NextStep.CHECK_ACCOUNT


def _missing_line(one: Instalment, state: InstalmentState, step: NextStep, lost_at: datetime | None) -> InstalmentLine:
    can_be_earned = step is not NextStep.NOTHING
    return InstalmentLine(
        kind=one.kind,
        instalment=one.number,
        amount_rupiah=one.amount_rupiah,
        scheduled_on=one.scheduled_on if can_be_earned else None,
        payment_on=one.payment_on if can_be_earned else None,
        is_earned=False,
        is_late=False,
        state=state,
        state_since_at=lost_at if state is InstalmentState.RETURNED else None,
        next_step=step,
    )


def _missing(person: Participation, on: date) -> Iterator[tuple[InstalmentKind, tuple[InstalmentState, NextStep]]]:
    """For each kind what stands between the person and what is not earned yet."""
    if person.revoked_at is not None or person.closed_at is not None:
        yield from ((kind, (InstalmentState.RETURNED, NextStep.NOTHING)) for kind in InstalmentKind)
        return
    purchases = list(Purchase.objects.filter(participation_id=person.id).order_by("ordinal"))
    if not (purchases or person.bought_before) and on > person.first_purchase_due_on:
        yield from ((kind, (InstalmentState.DEADLINE_PASSED, NextStep.NOTHING)) for kind in InstalmentKind)
        return
    is_proven = person.incentives_paid_before_count > 0
    waits_for_office = InstalmentState.WAITING_RECONCILIATION, NextStep.WAIT_FOR_OFFICE
    may_buy = person.balance_ended_at is None and on <= person.balance_ends_on
    yield InstalmentKind.INCENTIVE, waits_for_office if is_proven else _evidence_state(purchases, may_buy=may_buy)
    yield InstalmentKind.SURVEY, (InstalmentState.WAITING_ANSWER, NextStep.WAIT_FOR_SURVEY)


def _evidence_state(purchases: Sequence[Purchase], *, may_buy: bool) -> tuple[InstalmentState, NextStep]:
    """Of the training that is nearest to its reconciliation: what it waits for. What has ended proves nothing."""
    by_id = {purchase.id: purchase for purchase in purchases if purchase.ended_at is None}
    if not by_id and purchases and not may_buy:
        return InstalmentState.UNPROVEN, NextStep.NOTHING
    if not by_id:
        return InstalmentState.WAITING_PURCHASE, NextStep.BUY_TRAINING
    if any(purchase.reconciled_at for purchase in by_id.values()):
        return InstalmentState.WAITING_RECONCILIATION, NextStep.WAIT_FOR_OFFICE
    owed = evidence_owed(purchase_ids=list(by_id))
    nearest = min(by_id, key=lambda purchase_id: (len(owed[purchase_id]), by_id[purchase_id].ordinal))
    parties = {piece.owed_by for piece in owed[nearest]}
    if not parties:
        return InstalmentState.WAITING_RECONCILIATION, NextStep.WAIT_FOR_OFFICE
    if by_id[nearest].redeemed_at is None:
        return InstalmentState.WAITING_EVIDENCE, NextStep.REDEEM_CODE
    if Source.PROGRAMME in parties:
        return InstalmentState.WAITING_EVIDENCE, NextStep.WAIT_FOR_OFFICE
    waits_for_institution = Source.INSTITUTION in parties
    return (
        InstalmentState.WAITING_EVIDENCE,
        NextStep.WAIT_FOR_INSTITUTION if waits_for_institution else NextStep.GIVE_REVIEW,
    )
