"""`offer_trainings`, `take_off_sale`: an institution puts what was approved on sale, or takes it off."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from bekal.catalogue.models import LOCK_ORDER, OfferChange, Submission, Training
from bekal.catalogue.on_sale import keep_sales, lock_shelf
from bekal.catalogue.refusals import ShelfRefusal
from bekal.core.refusal import Refusal
from bekal.ledger.clock import programme_day
from bekal.ledger.copy_rows import copy_rows


@dataclass(frozen=True, slots=True)
class OfferOutcome:
    """`is_on_sale`: it can be bought now. Offered but not on sale: suspended, or an accreditation is missing."""

    training_id: int
    is_on_sale: bool = False
    refusal: Refusal | None = None
    repeated: bool = False


def offer_trainings(
    *, institution_id: int, training_ids: Sequence[int], by_id: int | None, at: datetime
) -> tuple[OfferOutcome, ...]:
    """Put trainings of this institution on sale; outcomes in the order given. Refused: what is not its own, and what no
    curator has approved (the office's own import offers by itself)."""
    return _change(institution_id, training_ids, by_id, at, is_offered=True)


def take_off_sale(
    *, institution_id: int, training_ids: Sequence[int], by_id: int | None, at: datetime
) -> tuple[OfferOutcome, ...]:
    """Take trainings of this institution off sale; what was bought before stays bought. Outcomes in the order given."""
    return _change(institution_id, training_ids, by_id, at, is_offered=False)


@transaction.atomic
def _change(
    institution_id: int, training_ids: Sequence[int], by_id: int | None, at: datetime, *, is_offered: bool
) -> tuple[OfferOutcome, ...]:
    on = programme_day(at)
    lock_shelf()
    rows = Training.objects.select_for_update(no_key=True).filter(pk__in=training_ids, institution_id=institution_id)
    known = {row.pk: row for row in rows.order_by(*LOCK_ORDER)}
    approved = set(
        Submission.objects.filter(training_id__in=known, state=Submission.State.APPROVED)
        .order_by("pk")
        .values_list("training_id", flat=True)
    )
    changed = [
        row.pk for row in known.values() if row.is_offered != is_offered and (not is_offered or row.pk in approved)
    ]
    Training.objects.filter(pk__in=changed).update(is_offered=is_offered, on_sale=False)
    facts = [(number, is_offered, by_id, at) for number in changed]
    copy_rows(OfferChange, ("training_id", "is_offered", "changed_by_id", "changed_at"), facts)
    if changed:
        keep_sales(on=on, training_ids=changed)
    on_sale = set(Training.objects.filter(pk__in=known, on_sale=True).order_by("pk").values_list("pk", flat=True))
    outcomes = []
    for number in training_ids:
        row = known.get(number)
        if row is None or (is_offered and number not in approved and not row.is_offered):
            outcomes.append(OfferOutcome(number, refusal=Refusal(ShelfRefusal.NOT_YET_APPROVED)))
        else:
            outcomes.append(OfferOutcome(number, number in on_sale, repeated=number not in changed))
    return tuple(outcomes)
