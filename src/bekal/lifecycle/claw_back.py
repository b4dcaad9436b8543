"""`claw_back`: what somebody received unjustly is decided by one officer, approved by another, and owed back.

Deciding moves nothing. The approval takes the place and the rest of the envelope back, as a revocation does, and turns
what was paid into a receivable with a day on which it is due.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db import connection, transaction
from django.db.models import Sum
from django.db.utils import IntegrityError

from bekal.core.refusal import Refusal
from bekal.core.rules import RULES
from bekal.core.text import shown, tidy
from bekal.ledger.clock import programme_day
from bekal.ledger.movements import Kind, Movement
from bekal.ledger.post import Posting, post
from bekal.ledger.queries import balances_of
from bekal.lifecycle.models import Clawback, Repayment
from bekal.lifecycle.reasons import refusal_to_say
from bekal.lifecycle.refusals import LifecycleRefusal
from bekal.participants.models import Participation
from bekal.purchases.end_purchases import end_purchases

SECOND_PERSON = "lifecycle_clawback_second_person"
WITHDRAWN_BY_SECOND_PERSON = "lifecycle_clawback_withdrawn_by_second_person"
# Whose conditions were never met, or who was somebody else, owes what the trainings cost, too. Of false evidence the
# institution has its share: what it was paid is settled with it (`catalogue.stop_settlement`), not with the person.
TRAINING_OWED = frozenset({Clawback.Cause.INELIGIBLE.value, Clawback.Cause.IDENTITY.value})
# What is earned and unpaid returns, too: it was earned by a place that should not have been. Keys of their own, because
# a place may have been revoked before.
RESTS = (
    (Kind.TRAINING_BALANCE, Movement.REVOKE_TRAINING, "rest-training"),
    (Kind.INCENTIVE_COMMITTED, Movement.REVOKE_INCENTIVE, "rest-incentive"),
    (Kind.SURVEY_COMMITTED, Movement.REVOKE_SURVEY, "rest-survey"),
)


@dataclass(frozen=True, slots=True)
class DecidedClawback:
    """The clawback that now waits for a second person, with what it asks back; `repeated`: it had been decided so."""

    clawback_id: int | None
    incentive_rupiah: int = 0
    training_rupiah: int = 0
    refusal: Refusal | None = None
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class ApprovedClawback:
    """What is owed since the approval and until when, and what returned to the treasury at once."""

    clawback_id: int
    owed_rupiah: int = 0
    returned_rupiah: int = 0
    due_on: date | None = None
    refusal: Refusal | None = None


@dataclass(frozen=True, slots=True)
class WithdrawnClawback:
    """What is not owed any more, and what had been paid back before and stays with the treasury. `waits`: a second
    officer has to agree first."""

    clawback_id: int
    withdrawn_rupiah: int = 0
    repaid_rupiah: int = 0
    refusal: Refusal | None = None
    waits: bool = False


@transaction.atomic
def decide_clawback(
    *, participation_id: int, cause: str, explanation: str, officer_id: int, at: datetime
) -> DecidedClawback:
    """Ask for everything back that this person was paid: the cash, and for some causes what trainings cost.

    The amounts are the ledger's, read under the lock of the participation. The very same decision again is `repeated`.
    Refusals: CAUSE_UNKNOWN, EXPLANATION_..., PARTICIPATION_UNKNOWN, CLAWBACK_STANDING, NOTHING_RECEIVED.
    """
    programme_day(at)
    explanation = tidy(explanation)
    refusal = _refusal_to_say(explanation)
    if cause not in Clawback.Cause.values:
        refusal = Refusal(LifecycleRefusal.CAUSE_UNKNOWN, {"value": shown(cause)})
    if refusal is not None:
        return DecidedClawback(None, refusal=refusal)
    person = Participation.objects.select_for_update(no_key=True).filter(pk=participation_id).first()
    if person is None:
        values = {"participation_id": participation_id}
        return DecidedClawback(None, refusal=Refusal(LifecycleRefusal.PARTICIPATION_UNKNOWN, values))
    standing = Clawback.objects.filter(participation=person, withdrawn_at=None).first()
    if standing is not None:
        return _outcome_of_second(standing, cause, explanation, officer_id)
    held = balances_of(owner_ids=[person.pk]).get(person.pk, {})
    incentive_rupiah, training_rupiah = amounts_owed(held, cause)
    rest_rupiah = sum(held.get(kind, 0) for kind in (*(kind for kind, *_ in RESTS), Kind.ESCROW))
    if incentive_rupiah + training_rupiah + rest_rupiah == 0:
        values = {"participation_id": participation_id}
        return DecidedClawback(None, refusal=Refusal(LifecycleRefusal.NOTHING_RECEIVED, values))
    decided = Clawback.objects.create(
        participation=person,
        cause=cause,
        explanation=explanation,
        incentive_rupiah=incentive_rupiah,
        training_rupiah=training_rupiah,
        decided_by_id=officer_id,
        decided_at=at,
    )
    return DecidedClawback(decided.pk, incentive_rupiah, training_rupiah)


def amounts_owed(held: Mapping[Kind, int], cause: str) -> tuple[int, int]:
    """What this cause asks back of somebody for whom the kinds hold so much: cash, and the cost of trainings."""
    training_rupiah = held.get(Kind.INSTITUTION_SETTLED, 0) if cause in TRAINING_OWED else 0
    return held.get(Kind.PAYOUT_SETTLED, 0), training_rupiah


def _refusal_to_say(text: str) -> Refusal | None:
    return refusal_to_say(
        text,
        empty=LifecycleRefusal.EXPLANATION_EMPTY,
        unreadable=LifecycleRefusal.EXPLANATION_UNREADABLE,
        too_long=LifecycleRefusal.EXPLANATION_TOO_LONG,
    )


def _outcome_of_second(standing: Clawback, cause: str, explanation: str, officer_id: int) -> DecidedClawback:
    same = (standing.cause, standing.explanation, standing.decided_by_id) == (cause, explanation, officer_id)
    if same and standing.approved_at is None:
        return DecidedClawback(standing.pk, standing.incentive_rupiah, standing.training_rupiah, repeated=True)
    return DecidedClawback(None, refusal=Refusal(LifecycleRefusal.CLAWBACK_STANDING, {"clawback_id": standing.pk}))


@transaction.atomic
def approve_clawback(*, clawback_id: int, officer_id: int, at: datetime) -> ApprovedClawback:
    """A second person agrees: what was paid is owed back from now on, the place and the rest of the envelope return.

    Bound to the decision: has the person been paid more since, or has money come back, it is refused and has to be
    decided anew. No payout may be under way: what the partner says of it decides how much was received. Locks: the
    planners' lock, the participation, its purchases, the payout runs with its payouts, the clawback. Refusals:
    CLAWBACK_NOT_FOUND, CLAWBACK_APPROVED, CLAWBACK_WITHDRAWN, PAYOUT_UNDER_WAY, AMOUNTS_CHANGED, CLAWBACK_SAME_PERSON.
    """
    day = programme_day(at)
    owner_id = Clawback.objects.filter(pk=clawback_id).values_list("participation_id", flat=True).first()
    if owner_id is None:
        return _not_approved(clawback_id, LifecycleRefusal.CLAWBACK_NOT_FOUND, clawback_id=clawback_id)
    open_purchase_ids, run_id = _hold_still(owner_id)
    clawback = Clawback.objects.select_for_update(no_key=True).get(pk=clawback_id)
    if clawback.withdrawn_at is not None or clawback.approved_at is not None:
        code = _closed_code(clawback) if clawback.withdrawn_at else LifecycleRefusal.CLAWBACK_APPROVED
        return _not_approved(clawback_id, code, clawback_id=clawback_id)
    if run_id is not None:
        return _not_approved(clawback_id, LifecycleRefusal.PAYOUT_UNDER_WAY, run_id=run_id)
    held = balances_of(owner_ids=[owner_id]).get(owner_id, {})
    decided = clawback.incentive_rupiah, clawback.training_rupiah
    if (owed := amounts_owed(held, clawback.cause)) != decided:
        code = LifecycleRefusal.AMOUNTS_CHANGED
        return _not_approved(clawback_id, code, decided_rupiah=sum(decided), now_rupiah=sum(owed))
    due_on = day + timedelta(days=RULES.value("clawback_days", day))
    if not _wrote(clawback_id, SECOND_PERSON, {"approved_by_id": officer_id, "approved_at": at, "due_on": due_on}):
        return _not_approved(clawback_id, LifecycleRefusal.CLAWBACK_SAME_PERSON, clawback_id=clawback_id)
    returned_rupiah = _take_back(clawback, open_purchase_ids, held, at)
    return ApprovedClawback(clawback_id, sum(owed), returned_rupiah, due_on)


def _not_approved(number: int, code: LifecycleRefusal, /, **values: int) -> ApprovedClawback:
    return ApprovedClawback(number, refusal=Refusal(code, values))


OPEN_PURCHASES_SQL = """
SELECT id, reconciled_at IS NULL AND ended_at IS NULL FROM purchases_purchase
WHERE participation_id = %s ORDER BY id FOR NO KEY UPDATE
"""
RUNS_SQL = """
SELECT id FROM incentives_payoutrun WHERE id IN (
    SELECT payout.run_id FROM incentives_payout payout
    JOIN incentives_entitlement entitlement ON entitlement.id = payout.entitlement_id
    WHERE entitlement.participation_id = %s)
ORDER BY id FOR NO KEY UPDATE
"""
UNDER_WAY_SQL = """
SELECT payout.run_id FROM incentives_payout payout
JOIN incentives_entitlement entitlement ON entitlement.id = payout.entitlement_id
WHERE entitlement.participation_id = %s AND payout.ended_at IS NULL
  AND NOT EXISTS (SELECT 1 FROM incentives_payoutstatus answer
                  WHERE answer.payout_id = payout.id AND answer.state = 'settled')
ORDER BY payout.run_id LIMIT 1
"""


def _hold_still(owner_id: int) -> tuple[list[int], int | None]:
    """Keep everything that moves this person's money waiting until the commit: planners, whoever settles purchases,
    and whoever reads a partner's answer. Its open purchases, and a run with a payout that nobody has answered."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('incentives.plan_payout_run'))")
        # Payout runs before people, as whoever reads a partner's answer takes them.
        cursor.execute(RUNS_SQL, [owner_id])
        cursor.execute("SELECT id FROM participants_participation WHERE id = %s FOR NO KEY UPDATE", [owner_id])
        cursor.execute(OPEN_PURCHASES_SQL, [owner_id])
        open_purchase_ids = [number for number, is_open in cursor.fetchall() if is_open]
        cursor.execute(UNDER_WAY_SQL, [owner_id])
        under_way = cursor.fetchone()
    return open_purchase_ids, None if under_way is None else under_way[0]


def _wrote(clawback_id: int, second_person: str, values: Mapping[str, object]) -> bool:
    """That it takes two people is decided by the database's constraint and by nothing else."""
    try:
        with transaction.atomic():
            Clawback.objects.filter(pk=clawback_id).update(**values)
    except IntegrityError as error:
        if second_person not in str(error):
            raise
        return False
    return True


# Since the first time; a clock that was set back must not put the loss of the place before the end of its balance.
LOSE_SQL = """
UPDATE participants_participation
SET clawed_back_at = coalesce(clawed_back_at, %(at)s),
    revoked_at = coalesce(revoked_at, greatest(%(at)s, balance_ended_at))
WHERE id = %(id)s
"""
# What is not paid by now is owed to nobody any more. What is paid and sent back by the bank after a withdrawal is.
LAPSE_SQL = """
UPDATE incentives_entitlement entitlement SET lapsed_at = %(at)s
WHERE participation_id = %(id)s AND lapsed_at IS NULL AND NOT EXISTS (
    SELECT 1 FROM incentives_payout payout
    JOIN incentives_payoutstatus paid ON paid.payout_id = payout.id AND paid.state = 'settled'
    WHERE payout.entitlement_id = entitlement.id AND payout.ended_at IS NULL)
"""


def _take_back(clawback: Clawback, open_purchase_ids: list[int], held: Mapping[Kind, int], at: datetime) -> int:
    """Mark the place as lost, end what it has bought, and post; what returned to the treasury, in rupiah."""
    owner_id = clawback.participation_id
    with connection.cursor() as cursor:
        cursor.execute(LOSE_SQL, {"at": at, "id": owner_id})
        cursor.execute(LAPSE_SQL, {"at": at, "id": owner_id})
    # The place is lost already, so that no refund finds a balance.
    outcomes = end_purchases(purchase_ids=open_purchase_ids, at=at) if open_purchase_ids else ()
    returned_rupiah = sum(ended.refunded_rupiah for ended in outcomes)
    rests = [
        Posting(owner_id, movement, held[kind], f"clawback:{clawback.pk}:{what}")
        for kind, movement, what in RESTS
        if held.get(kind, 0) > 0
    ]
    owed = (
        (Movement.CLAW_BACK_INCENTIVE, clawback.incentive_rupiah, "incentive"),
        (Movement.CLAW_BACK_TRAINING, clawback.training_rupiah, "training"),
    )
    key = f"clawback:{clawback.pk}"
    _post_all(rests + [Posting(owner_id, what, rupiah, f"{key}:{part}") for what, rupiah, part in owed if rupiah], at)
    return returned_rupiah + sum(posting.amount_rupiah for posting in rests)


@transaction.atomic
def withdraw_clawback(*, clawback_id: int, officer_id: int, because: str, at: datetime) -> WithdrawnClawback:
    """Let a clawback go, because an appeal was right or it was decided wrongly. Before its approval nothing has moved,
    and it is withdrawn. Afterwards this only asks for it (`waits`), with what would not be owed any more: another
    officer has to agree. Whoever asks again takes the place of the one before.

    Refusals: EXPLANATION_..., CLAWBACK_NOT_FOUND, CLAWBACK_WITHDRAWN.
    """
    programme_day(at)
    because = tidy(because)
    if (refusal := _refusal_to_say(because)) is not None:
        return WithdrawnClawback(clawback_id, refusal=refusal)
    clawback = Clawback.objects.select_for_update(no_key=True).filter(pk=clawback_id).first()
    if clawback is None or clawback.withdrawn_at is not None:
        return _not_withdrawn(clawback_id, _closed_code(clawback))
    this = Clawback.objects.filter(pk=clawback_id)
    if clawback.approved_at is None:
        this.update(withdrawn_by_id=officer_id, withdrawn_at=at, withdrawn_because=because)
        return WithdrawnClawback(clawback_id)
    this.update(withdrawal_asked_by_id=officer_id, withdrawal_asked_at=at, withdrawn_because=because)
    repaid = repaid_of(clawback_id)
    return WithdrawnClawback(clawback_id, sum(outstanding_of(clawback, repaid)), sum(repaid), waits=True)


@transaction.atomic
def agree_to_withdrawal(*, clawback_id: int, officer_id: int, seen_sha256: bytes, at: datetime) -> WithdrawnClawback:
    """A second person agrees to the reason and the amounts they saw (`withdrawal_seal`): what is still outstanding is
    not owed any more; what was paid back before stays with the treasury, and so do the place and the envelope: no money
    leaves the treasury but by an acceptance.

    That it takes two people is decided by the database's constraint and by nothing else. Refusals: CLAWBACK_NOT_FOUND,
    CLAWBACK_WITHDRAWN, WITHDRAWAL_NOT_ASKED, WITHDRAWAL_CHANGED, WITHDRAWAL_SAME_PERSON.
    """
    programme_day(at)
    clawback = Clawback.objects.select_for_update(no_key=True).filter(pk=clawback_id).first()
    if clawback is None or clawback.withdrawn_at is not None:
        return _not_withdrawn(clawback_id, _closed_code(clawback))
    if clawback.withdrawal_asked_at is None:
        return _not_withdrawn(clawback_id, LifecycleRefusal.WITHDRAWAL_NOT_ASKED)
    repaid = repaid_of(clawback_id)
    left = outstanding_of(clawback, repaid)
    if bytes(seen_sha256) != withdrawal_seal(clawback_id, clawback.withdrawn_because, left):
        return _not_withdrawn(clawback_id, LifecycleRefusal.WITHDRAWAL_CHANGED)
    written = {"withdrawn_by_id": officer_id, "withdrawn_at": at}
    if not _wrote(clawback_id, WITHDRAWN_BY_SECOND_PERSON, written):
        return _not_withdrawn(clawback_id, LifecycleRefusal.WITHDRAWAL_SAME_PERSON)
    movements = (
        (Movement.WITHDRAW_INCENTIVE, left[0], "incentive"),
        (Movement.WITHDRAW_TRAINING, left[1], "training"),
    )
    owner_id, key = clawback.participation_id, f"withdrawal:{clawback_id}"
    _post_all([Posting(owner_id, what, rupiah, f"{key}:{part}") for what, rupiah, part in movements if rupiah], at)
    return WithdrawnClawback(clawback_id, sum(left), sum(repaid))


@transaction.atomic
def keep_clawback(*, clawback_id: int) -> Refusal | None:
    """Drop the request to withdraw a clawback: it stands. None where nobody asks any more.

    Refusals: CLAWBACK_NOT_FOUND, CLAWBACK_WITHDRAWN, WITHDRAWAL_NOT_ASKED.
    """
    clawback = Clawback.objects.select_for_update(no_key=True).filter(pk=clawback_id).first()
    if clawback is None or clawback.withdrawn_at is not None:
        return Refusal(_closed_code(clawback), {"clawback_id": clawback_id})
    if clawback.withdrawal_asked_at is None:
        return Refusal(LifecycleRefusal.WITHDRAWAL_NOT_ASKED, {"clawback_id": clawback_id})
    Clawback.objects.filter(pk=clawback_id).update(
        withdrawal_asked_by_id=None, withdrawal_asked_at=None, withdrawn_because=""
    )
    return None


def withdrawal_seal(clawback_id: int, because: str, left: tuple[int, int]) -> bytes:
    """What an agreement to a withdrawal is bound to: which clawback, why, and what would not be owed any more."""
    return hashlib.sha256(f"{clawback_id}\n{left[0]},{left[1]}\n{because}".encode()).digest()


def _not_withdrawn(number: int, code: LifecycleRefusal) -> WithdrawnClawback:
    return WithdrawnClawback(number, refusal=Refusal(code, {"clawback_id": number}))


def _closed_code(clawback: Clawback | None) -> LifecycleRefusal:
    return LifecycleRefusal.CLAWBACK_NOT_FOUND if clawback is None else LifecycleRefusal.CLAWBACK_WITHDRAWN


def repaid_of(clawback_id: int) -> tuple[int, int]:
    """What was paid back of one clawback so far: cash, and the cost of trainings."""
    sums = Repayment.objects.filter(clawback_id=clawback_id).aggregate(
        incentive=Sum("incentive_rupiah", default=0), training=Sum("training_rupiah", default=0)
    )
    return int(sums["incentive"]), int(sums["training"])


def outstanding_of(clawback: Clawback, repaid: tuple[int, int]) -> tuple[int, int]:
    """What is still owed of an approved clawback: cash, and the cost of trainings."""
    return clawback.incentive_rupiah - repaid[0], clawback.training_rupiah - repaid[1]


def _post_all(postings: list[Posting], at: datetime) -> None:
    posted = post(postings=postings, at=at)
    if len(posted.posted) != len(postings):
        raise RuntimeError(f"{len(postings) - len(posted.posted)} transfers of a clawback did not reach the ledger")
