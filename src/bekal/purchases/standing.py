"""Where buyers stand: what `refusal_to_buy` needs to know of many people and trainings at once."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

from django.db import connection

from bekal.catalogue.on_sale import SaleFacts, share_shelf
from bekal.core.entitlement import RefusalCode, refusal_to_buy
from bekal.core.refusal import Refusal
from bekal.core.rules import RULES, Scheme
from bekal.ledger.copy_rows import id_array
from bekal.ledger.queries import remaining
from bekal.purchases.refusals import PurchaseRefusal


class Bought(NamedTuple):
    """A purchase there is; one that was brought in from elsewhere has no code."""

    purchase_id: int
    one_time_code_id: int | None


@dataclass(frozen=True, slots=True)
class Buyer:
    """One participation as it stands; `bought` has its purchases by training, `bought_before` is about the time before
    it was taken over from another system."""

    participation_id: int
    participant_id: int
    scheme: Scheme
    revoked: bool
    balance_rupiah: int
    bought: Mapping[int, Bought]
    bought_before: bool = False


@dataclass(slots=True)
class Offer:
    """One training as it is sold; `seats_left` is None where nothing limits it, and falls as seats are taken."""

    training_id: int
    title: str
    price_rupiah: int
    on_sale: bool
    seats_left: int | None
    facts: SaleFacts


BUYERS_SQL = """
SELECT id, participant_id, accepted_on, revoked_at IS NOT NULL, bought_before
FROM participants_participation WHERE id = ANY(%s::bigint[]) ORDER BY id
"""
BOUGHT_SQL = """
SELECT participation_id, training_id, id, one_time_code_id FROM purchases_purchase
WHERE participation_id = ANY(%s::bigint[])
"""
OFFERS_SQL = """
SELECT training.id, title, price_rupiah, on_sale, seat_count - bought_count, is_offered, is_suspended,
       institution.accreditation, institution.accredited_from_on, institution.accredited_until_on,
       platform.accreditation, platform.accredited_from_on, platform.accredited_until_on
FROM catalogue_training training JOIN catalogue_institution institution ON institution.id = training.institution_id
LEFT JOIN catalogue_platform platform ON platform.id = training.platform_id
WHERE training.id = ANY(%s::bigint[])
"""
SEATS_SQL = """
SELECT id, seat_count - bought_count FROM catalogue_training
WHERE id = ANY(%s::bigint[]) AND seat_count IS NOT NULL ORDER BY id FOR NO KEY UPDATE
"""


def buyers(participation_ids: Collection[int], *, lock: bool) -> dict[int, Buyer]:
    """The buyers there are among these numbers. With `lock` their participation rows stay locked until the transaction
    ends, in the order of their numbers, and everything else is read after the lock: a rival's purchase is seen."""
    ids = id_array(participation_ids)
    with connection.cursor() as cursor:
        cursor.execute(BUYERS_SQL + ("FOR NO KEY UPDATE" if lock else ""), [ids])
        found = cursor.fetchall()
        cursor.execute(BOUGHT_SQL, [ids])
        bought: dict[int, dict[int, Bought]] = {}
        for participation_id, training_id, *purchase in cursor.fetchall():
            bought.setdefault(participation_id, {})[training_id] = Bought(*purchase)
    balances = remaining(owner_ids=[row[0] for row in found])
    return {
        number: Buyer(
            participation_id=number,
            participant_id=participant_id,
            scheme=RULES.scheme(accepted_on),
            revoked=revoked,
            balance_rupiah=balances.get(number, 0),
            bought=bought.get(number, {}),
            bought_before=bought_before,
        )
        for number, participant_id, accepted_on, revoked, bought_before in found
    }


def offers(training_ids: Collection[int], *, lock: bool) -> dict[int, Offer]:
    """The trainings there are among these numbers. With `lock` what can be bought and its price stay as they are until
    the transaction ends (`share_shelf`), and those with a limit of seats stay locked, in the order of their numbers;
    everything is read after the lock."""
    ids = id_array(training_ids)
    if lock:
        share_shelf()
    with connection.cursor() as cursor:
        cursor.execute(OFFERS_SQL, [ids])
        found = {row[0]: _offer(row) for row in cursor.fetchall()}
        if lock and any(offer.seats_left is not None for offer in found.values()):
            cursor.execute(SEATS_SQL, [ids])
            for number, seats_left in cursor.fetchall():
                found[number].seats_left = seats_left
    return found


def _offer(row: tuple[Any, ...]) -> Offer:
    training_id, title, price_rupiah, on_sale, seats_left, is_offered, is_suspended, *rest = row
    institution, platform = (rest[0], rest[1], rest[2]), (rest[3], rest[4], rest[5])
    facts = SaleFacts(is_offered, is_suspended, institution, None if platform[0] is None else platform)
    return Offer(training_id, title, price_rupiah, on_sale, seats_left, facts)


def refusal_of(buyer: Buyer | None, training: Offer | None, on: date) -> Refusal | None:
    """Core's answer to whether this buyer may buy this training on that day, at its price of now, while seats last."""
    if training is None:
        return Refusal(PurchaseRefusal.UNKNOWN_TRAINING)
    refusal = refusal_to_buy(
        scheme=buyer.scheme if buyer else None,
        on=on,
        revoked=buyer is not None and buyer.revoked,
        purchase_count=len(buyer.bought) + buyer.bought_before if buyer else 0,
        already_bought=buyer is not None and training.training_id in buyer.bought,
        on_sale=training.on_sale,
        price_rupiah=training.price_rupiah,
        balance_rupiah=buyer.balance_rupiah if buyer else 0,
    )
    if refusal is None or refusal.code == RefusalCode.NOT_ON_SALE:
        refusal = training.facts.barrier(on) or refusal
    if refusal is None and training.seats_left == 0:
        return Refusal(PurchaseRefusal.SOLD_OUT)
    return refusal


def code_subject(training_id: int, price_rupiah: int) -> str:
    """What a one-time code of a purchase is bound to: this training at this price."""
    return f"buy:{training_id}:{price_rupiah}"
