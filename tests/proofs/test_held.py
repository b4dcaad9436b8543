"""What an alarm holds is an open item with an owner and an age, and explains its money to the rupiah (I12)."""

from datetime import timedelta

import pytest
from django.db import connections

from bekal.catalogue.models import Training
from bekal.holds.decide_holds import confirm_holds, lift_holds, propose_holds
from bekal.proofs.check import prove_ledger
from bekal.proofs.exceptions import OpenItem, open_items
from tests.factories import RECONCILED_AT
from tests.factories.holding import held, held_institution
from tests.incentives import journey

pytestmark = pytest.mark.django_db
AT = RECONCILED_AT + timedelta(days=20)


def items() -> dict[str, OpenItem]:
    with connections["default"].cursor() as cursor:
        return {item.kind: item for item in open_items(cursor, at=AT)}


def test_what_is_held_has_an_owner_an_age_and_its_money() -> None:
    (person,) = journey.earners()
    hold_id = held(person, at=RECONCILED_AT + timedelta(days=1))
    held_institution(Training.objects.get().institution_id, at=RECONCILED_AT)
    found = items()
    assert (found["payout_held"].owner, found["payout_held"].rupiah) == ("officer", 600_000)
    assert (found["institution_held"].owner, found["institution_held"].rupiah) == ("officer", 300_000)
    assert (found["hold_overdue"].count, found["hold_overdue"].age) == (2, 20)
    assert "payout_to_be_planned" not in found and "institution_to_be_settled" not in found
    assert prove_ledger(connections["default"]).violations == ()
    one, other = journey.officers()
    propose_holds(hold_ids=[hold_id], officer_id=one.pk, reason="Benar.", at=AT)
    confirm_holds(hold_ids=[hold_id], officer_id=other.pk, at=AT - timedelta(hours=1))
    assert items()["hold_overdue"].count == 1
    lift_holds(hold_ids=[hold_id], officer_id=one.pk, reason="Salah.", at=AT - timedelta(minutes=1))
    assert "payout_held" not in items() and "payout_to_be_planned" in items()
