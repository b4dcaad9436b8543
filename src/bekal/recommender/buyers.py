"""Who a list is for: profile, balance, what was bought, until when, and whether lists may be made from it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from bekal.ledger.queries import remaining
from bekal.participants.models import Participation
from bekal.purchases.models import Purchase
from bekal.recommender.shelf import day_number
from bekal.recommender.switch_personalisation import personalisation_of


@dataclass(frozen=True, slots=True)
class Buyer:
    """One participation. `facts` are those of `profile.coded`; `last_day` (a number as of `shelf.day_number`) is the
    last on which the balance can be used; `is_open`: something can be bought today."""

    participation_id: int
    balance_rupiah: int
    is_open: bool
    is_personal: bool
    last_day: int
    facts: tuple[int, ...]
    bought_ids: tuple[int, ...]


def buyers(participation_ids: Sequence[int], on: date) -> list[Buyer]:
    """Each of them as of that day, in the order asked (four queries); ValueError for one there is not."""
    ids = list(dict.fromkeys(participation_ids))
    balances = remaining(owner_ids=ids)
    bought: dict[int, list[int]] = {}
    purchases = Purchase.objects.filter(participation_id__in=ids).order_by("participation_id", "ordinal")
    for participation_id, training_id in purchases.values_list("participation_id", "training_id"):
        bought.setdefault(participation_id, []).append(training_id)
    found = {p.pk: p for p in Participation.objects.filter(pk__in=ids).select_related("participant")}
    missing = [number for number in ids if number not in found]
    if missing:
        raise ValueError(f"there is no participation {missing[0]}")
    personal = personalisation_of([found[number].participant_id for number in ids])
    known = {
        number: _buyer(
            found[number],
            balances.get(number, 0),
            tuple(bought.get(number, ())),
            personal[found[number].participant_id],
            on,
        )
        for number in ids
    }
    return [known[number] for number in participation_ids]


def _buyer(
    participation: Participation, balance_rupiah: int, bought_ids: tuple[int, ...], is_personal: bool, on: date
) -> Buyer:
    person = participation.participant
    has_bought = bool(bought_ids) or participation.bought_before
    last_day = participation.balance_ends_on if has_bought else participation.first_purchase_due_on
    ended = participation.revoked_at is not None or participation.balance_ended_at is not None
    return Buyer(
        participation_id=participation.pk,
        balance_rupiah=balance_rupiah,
        is_open=not ended and on <= min(last_day, participation.balance_ends_on),
        is_personal=is_personal,
        last_day=day_number(participation.balance_ends_on),
        facts=(int(person.sex == "M"), person.born_on.year, person.education, person.employment, person.province),
        bought_ids=bought_ids,
    )
