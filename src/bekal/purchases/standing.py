"""Where buyers stand: what `refusal_to_buy` needs to know of many people and trainings at once."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date

from bekal.catalogue.models import Training
from bekal.core.entitlement import refusal_to_buy
from bekal.core.refusal import Refusal
from bekal.core.rules import RULES, Scheme
from bekal.ledger.queries import remaining
from bekal.participants.models import Participation
from bekal.purchases.models import Purchase
from bekal.purchases.refusals import PurchaseRefusal


@dataclass(frozen=True, slots=True)
class Buyer:
    """One participation as it stands; `bought` has its purchases by training."""

    participation_id: int
    participant_id: int
    scheme: Scheme
    revoked: bool
    balance_rupiah: int
    bought: Mapping[int, Purchase]


def buyers(participation_ids: Collection[int], *, lock: bool) -> dict[int, Buyer]:
    """The buyers there are among these numbers. With `lock` their participation rows stay locked until the transaction
    ends, in the order of their numbers, and everything else is read after the lock: a rival's purchase is seen."""
    rows = Participation.objects.filter(pk__in=participation_ids).order_by("pk")
    if lock:
        rows = rows.select_for_update(no_key=True)
    found = list(rows.only("pk", "participant_id", "accepted_on", "revoked_at"))
    bought: dict[int, dict[int, Purchase]] = {row.pk: {} for row in found}
    for purchase in Purchase.objects.filter(participation_id__in=bought).order_by("pk"):
        bought[purchase.participation_id][purchase.training_id] = purchase
    balances = remaining(owner_ids=list(bought))
    return {
        row.pk: Buyer(
            participation_id=row.pk,
            participant_id=row.participant_id,
            scheme=RULES.scheme(row.accepted_on),
            revoked=row.revoked_at is not None,
            balance_rupiah=balances.get(row.pk, 0),
            bought=bought[row.pk],
        )
        for row in found
    }


def trainings(training_ids: Collection[int]) -> dict[int, Training]:
    """The trainings there are among these numbers."""
    return {training.pk: training for training in Training.objects.filter(pk__in=training_ids).order_by("pk")}


def refusal_of(buyer: Buyer | None, training: Training | None, on: date) -> Refusal | None:
    """Core's answer to whether this buyer may buy this training on that day, at its price of now."""
    if training is None:
        return Refusal(PurchaseRefusal.UNKNOWN_TRAINING)
    return refusal_to_buy(
        scheme=buyer.scheme if buyer else None,
        on=on,
        revoked=buyer is not None and buyer.revoked,
        purchase_count=len(buyer.bought) if buyer else 0,
        already_bought=buyer is not None and training.pk in buyer.bought,
        on_sale=training.on_sale,
        price_rupiah=training.price_rupiah,
        balance_rupiah=buyer.balance_rupiah if buyer else 0,
    )


def code_subject(training_id: int, price_rupiah: int) -> str:
    """What a one-time code of a purchase is bound to: this training at this price."""
    return f"buy:{training_id}:{price_rupiah}"
