"""`end_purchases`: a purchase that will not be proven ends; what was attended is paid pro rata, the rest goes back."""

from collections.abc import Collection, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import date, datetime

from django.db import connection, transaction

from bekal.core.evidence import Source, settlement_needs
from bekal.core.money import allocate
from bekal.core.refusal import Refusal
from bekal.core.rules import RULES
from bekal.ledger.clock import programme_day
from bekal.ledger.copy_rows import id_array, int_array, text_array
from bekal.ledger.movements import Movement
from bekal.ledger.post import movement_sql, post_selected
from bekal.purchases.evidence_intake import LIVE_MODES
from bekal.purchases.evidence_sql import STATE_SQL
from bekal.purchases.models import Purchase
from bekal.purchases.queries import refunded_to_balance
from bekal.purchases.reconcile import WAITS_NO_MORE_SQL, complete_ids, reconcile
from bekal.purchases.refusals import PurchaseRefusal
from bekal.purchases.tell_buyers import tell_of_endings

# Where a refund goes: to the balance while the place and its balance live.
PLACES_SQL = """
SELECT id, revoked_at IS NULL AND balance_ended_at IS NULL AND closed_at IS NULL AND balance_ends_on >= %s
FROM participants_participation
WHERE id IN (SELECT participation_id FROM purchases_purchase WHERE id = ANY(%s::bigint[]))
ORDER BY id
"""
PURCHASES_SQL = """
SELECT purchase.id, purchase.participation_id, purchase.price_rupiah, training.session_count, purchase.reconciled_at,
       purchase.ending, purchase.refunded_rupiah
FROM purchases_purchase purchase JOIN catalogue_training training ON training.id = purchase.training_id
WHERE purchase.id = ANY(%s::bigint[]) ORDER BY purchase.id
"""
# One look into the index for each: a join is planned by what is known of the tables, which after a load is nothing.
ATTENDED_SQL = f"""
SELECT purchase.id, participation.accepted_on, training.mode, training.session_count, proof.contested,
       proof.attended, proof.confirmed
FROM purchases_purchase purchase JOIN catalogue_training training ON training.id = purchase.training_id
JOIN participants_participation participation ON participation.id = purchase.participation_id
CROSS JOIN {STATE_SQL}
WHERE purchase.id = ANY(%s::bigint[])
"""
# A clock that was set back must not put the ending before what came first.
END_SQL = """
UPDATE purchases_purchase purchase
SET ended_at = greatest(%s, purchase.bought_at, purchase.redeemed_at, purchase.completed_at),
    ending = ended.ending, refunded_rupiah = ended.refunded_rupiah
FROM unnest(%s::bigint[], %s::text[], %s::bigint[]) AS ended (id, ending, refunded_rupiah)
WHERE purchase.id = ended.id
"""
CLOSE_CASES_SQL = """
UPDATE purchases_evidencecase SET closed_at = greatest(%s, opened_at), resolution = 'ended'
WHERE purchase_id = ANY(%s::bigint[]) AND closed_at IS NULL
"""
_BOUGHT = "FROM purchases_purchase WHERE id = ANY({ids}::bigint[]) AND"
POSTINGS_SQL = f"""
SELECT * FROM (
    SELECT participation_id, {movement_sql(Movement.COMPLETION)}, price_rupiah - refunded_rupiah,
           'completion:' || training_id
    {_BOUGHT.format(ids="%(ended_ids)s")} price_rupiah > refunded_rupiah
    UNION ALL
    SELECT participation_id, {movement_sql(Movement.REFUND_TO_BALANCE)}, refunded_rupiah, 'refund:' || training_id
    {_BOUGHT.format(ids="%(to_balance_ids)s")} refunded_rupiah > 0
    UNION ALL
    SELECT participation_id, {movement_sql(Movement.REFUND_TO_TREASURY)}, refunded_rupiah, 'refund:' || training_id
    {_BOUGHT.format(ids="%(to_treasury_ids)s")} refunded_rupiah > 0
) AS posting (owner_id, debit_kind, credit_kind, reason, amount_rupiah, idempotency_key)
"""


@dataclass(frozen=True, slots=True)
class EndOutcome:
    """How one purchase ended, or why it did not: then the amounts are 0.

    `repeated`: it had ended so before and nothing changed. `to_balance`: the refund went to the training balance, else
    to the treasury."""

    purchase_id: int
    ending: Purchase.Ending | None
    earned_rupiah: int
    refunded_rupiah: int
    refusal: Refusal | None
    repeated: bool = False
    to_balance: bool = False


@dataclass(frozen=True, slots=True)
class _Found:
    """One purchase as it stands."""

    attended_count: int
    purchase_id: int
    participation_id: int
    price_rupiah: int
    session_count: int
    reconciled_at: datetime | None
    ending: str
    refunded_rupiah: int


def end_purchases(*, purchase_ids: Collection[int], at: datetime) -> tuple[EndOutcome, ...]:
    """End purchases; outcomes in the order of `purchase_ids`, one transaction for all of them.

    The institution earns the price pro rata by the sessions attended; the rest goes back to the training balance while
    that lives, else to the treasury, never to cash. Free trainings move nothing but get their ending. It counts as
    bought all the same: its training, its seat and its number are taken for good. Ended before: `repeated`, nothing
    changes. Refused: an unknown purchase, and one that is proven. What turns out to be proven whole is reconciled here
    instead. Lock order: participations, purchases, balances.
    """
    with transaction.atomic():
        living_ids, purchases = _places(purchase_ids, at, lock=True), _purchases(purchase_ids, lock=True)
        proven_ids = reconcile(at=at, purchase_ids=_open_ids(purchases)).purchase_ids
        outcomes = _decide(purchase_ids, purchases, living_ids, proven_ids, at)
        _write([each for each in outcomes.values() if each.refusal is None and not each.repeated], purchases, at)
    said: list[EndOutcome] = []
    for purchase_id in purchase_ids:
        said.append(outcomes[purchase_id])
        if outcomes[purchase_id].refusal is None:
            outcomes[purchase_id] = replace(outcomes[purchase_id], repeated=True)
    return tuple(said)


def ending_preview(*, purchase_ids: Collection[int], at: datetime) -> tuple[EndOutcome, ...]:
    """What `end_purchases` would do now, without doing it."""
    purchases = _purchases(purchase_ids, lock=False)
    living_ids = _places(purchase_ids, at, lock=False)
    proven_ids = complete_ids(purchase_ids=_open_ids(purchases))
    outcomes = _decide(purchase_ids, purchases, living_ids, proven_ids, at)
    return tuple(outcomes[purchase_id] for purchase_id in purchase_ids)


def split_by_sessions(*, price_rupiah: int, attended_count: int, session_count: int) -> tuple[int, int]:
    """What of the price is earned and what goes back, in whole rupiah: together the price."""
    earned_rupiah, refunded_rupiah = allocate(price_rupiah, [attended_count, session_count - attended_count])
    return earned_rupiah, refunded_rupiah


def _places(purchase_ids: Collection[int], at: datetime, *, lock: bool) -> frozenset[int]:
    """The participations of these purchases whose training balance can still take money."""
    with connection.cursor() as cursor:
        statement = PLACES_SQL + ("FOR NO KEY UPDATE" if lock else "")
        cursor.execute(statement, [programme_day(at), id_array(purchase_ids)])
        return frozenset(number for number, is_living in cursor.fetchall() if is_living)


def _purchases(purchase_ids: Collection[int], *, lock: bool) -> dict[int, _Found]:
    """The purchases there are among these numbers, in their order; their attendance is read after the lock."""
    with connection.cursor() as cursor:
        cursor.execute(PURCHASES_SQL + ("FOR NO KEY UPDATE OF purchase" if lock else ""), [id_array(purchase_ids)])
        found = cursor.fetchall()
        cursor.execute(ATTENDED_SQL, [int_array(row[0] for row in found)])
        proven_counts = {number: _proven_count(*rest) for number, *rest in cursor.fetchall()}
    return {row[0]: _Found(proven_counts[row[0]], *row) for row in found}


def _proven_count(
    accepted_on: date,
    mode: str,
    session_count: int,
    contested: Sequence[int],
    attended: Sequence[int],
    confirmed: Sequence[int],
) -> int:
    """The sessions an institution is paid for by the rules of the person's acceptance; a contested one is not."""
    said = {Source.INSTITUTION: attended, Source.PARTICIPANT: confirmed}
    proven = set(range(1, session_count + 1)).difference(contested)
    for _, source in settlement_needs(RULES.scheme(accepted_on), is_live=mode in LIVE_MODES):
        proven.intersection_update(said[source])
    return len(proven)


def _open_ids(purchases: Mapping[int, _Found]) -> list[int]:
    return [number for number, each in purchases.items() if each.reconciled_at is None and not each.ending]


def _decide(
    purchase_ids: Collection[int],
    purchases: Mapping[int, _Found],
    living_ids: Set[int],
    proven_ids: Collection[int],
    at: datetime,
) -> dict[int, EndOutcome]:
    """The outcome of each purchase named, by its number."""
    proven = dict.fromkeys(proven_ids, at) | {
        number: each.reconciled_at for number, each in purchases.items() if each.reconciled_at is not None
    }
    ended_to_balance = refunded_to_balance(
        purchase_ids=[number for number, each in purchases.items() if each.refunded_rupiah]
    )
    outcomes: dict[int, EndOutcome] = {}
    for number in dict.fromkeys(purchase_ids):
        purchase = purchases.get(number)
        if purchase is None:
            outcomes[number] = _refused(number, Refusal(PurchaseRefusal.UNKNOWN_PURCHASE))
        elif number in proven:
            refusal = Refusal(PurchaseRefusal.ALREADY_PROVEN, {"proven_on": programme_day(proven[number])})
            outcomes[number] = _refused(number, refusal)
        elif purchase.ending:
            earned_rupiah = purchase.price_rupiah - purchase.refunded_rupiah
            ending = Purchase.Ending(purchase.ending)
            to_balance = number in ended_to_balance
            outcomes[number] = EndOutcome(
                number, ending, earned_rupiah, purchase.refunded_rupiah, None, True, to_balance
            )
        else:
            outcomes[number] = _ended(purchase, is_living=purchase.participation_id in living_ids)
    return outcomes


def _refused(purchase_id: int, refusal: Refusal) -> EndOutcome:
    return EndOutcome(purchase_id, None, 0, 0, refusal)


def _ended(purchase: _Found, *, is_living: bool) -> EndOutcome:
    earned_rupiah, refunded_rupiah = split_by_sessions(
        price_rupiah=purchase.price_rupiah,
        attended_count=purchase.attended_count,
        session_count=purchase.session_count,
    )
    if purchase.attended_count == 0:
        ending = Purchase.Ending.REFUNDED
    elif purchase.attended_count < purchase.session_count:
        ending = Purchase.Ending.PARTIAL
    else:
        ending = Purchase.Ending.ATTENDED
    to_balance = is_living and refunded_rupiah > 0
    return EndOutcome(purchase.purchase_id, ending, earned_rupiah, refunded_rupiah, None, to_balance=to_balance)


def _write(ended: Sequence[EndOutcome], purchases: Mapping[int, _Found], at: datetime) -> None:
    """Mark these purchases, move what they hold out of escrow, and tell their buyers."""
    if not ended:
        return
    refunds = {each.purchase_id: (str(each.ending), each.refunded_rupiah, each.to_balance) for each in ended}
    tell_of_endings(refunds=refunds, at=at)
    ids = int_array(refunds)
    with connection.cursor() as cursor:
        endings = text_array([each.ending.value for each in ended if each.ending is not None])
        cursor.execute(END_SQL, [at, ids, endings, int_array(each.refunded_rupiah for each in ended)])
        cursor.execute(CLOSE_CASES_SQL, [at, ids])
        cursor.execute(WAITS_NO_MORE_SQL, [ids])
    transfer_count = sum((each.earned_rupiah > 0) + (each.refunded_rupiah > 0) for each in ended)
    if not transfer_count:
        return
    to_balance_ids = int_array(each.purchase_id for each in ended if each.to_balance)
    to_treasury_ids = int_array(each.purchase_id for each in ended if not each.to_balance)
    values = {"ended_ids": ids, "to_balance_ids": to_balance_ids, "to_treasury_ids": to_treasury_ids}
    posted = post_selected(source=POSTINGS_SQL, values=values, at=at)
    total_rupiah = sum(purchases[each.purchase_id].price_rupiah for each in ended)
    if (posted.transfer_count, posted.total_rupiah) != (transfer_count, total_rupiah):
        raise RuntimeError(f"{transfer_count - posted.transfer_count} endings of purchases did not reach the ledger")
