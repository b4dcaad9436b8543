"""What an alarm holds, an officer suspends or stops is an open item with an owner and an age, and explains its money to
the rupiah (I12)."""

from datetime import datetime, timedelta

import pytest
from django.db import connections

from bekal.catalogue.models import Suspension, Training
from bekal.catalogue.stop_settlement import stop_settlement
from bekal.catalogue.suspend import NewLift, NewSuspension, lift_suspensions, suspend
from bekal.holds.decide_holds import confirm_holds, lift_holds, propose_holds
from bekal.participants.models import Participation
from bekal.proofs.check import prove_ledger
from bekal.proofs.exceptions import OpenItem, open_items
from tests import factories
from tests.factories import RECONCILED_AT
from tests.factories.holding import held, held_institution
from tests.incentives import journey

pytestmark = pytest.mark.django_db
AT = RECONCILED_AT + timedelta(days=20)


def items(*, as_of: datetime | None = None) -> dict[str, OpenItem]:
    with connections["default"].cursor() as cursor:
        return {item.kind: item for item in open_items(cursor, as_of, at=as_of or AT)}


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


def test_what_waits_because_its_account_was_changed_waits_for_nobody() -> None:
    (person,) = journey.earners()
    participant_id = Participation.objects.get(pk=person).participant_id
    factories.changed_account(participant_id, "ovo", "081234567890", at=AT)
    found = items()
    assert (found["payout_account_changed"].owner, found["payout_account_changed"].rupiah) == ("calendar", 600_000)
    assert "payout_to_be_planned" not in found
    for as_of in (AT - timedelta(seconds=1), AT + timedelta(hours=72)):
        assert "payout_account_changed" not in items(as_of=as_of)


@pytest.mark.parametrize("subject", ["institution_id", "platform_id", "training_id"])
def test_a_suspension_and_what_is_owed_for_it_have_an_owner_and_an_age_until_it_is_lifted(subject: str) -> None:
    (person,) = factories.accepted()
    training = factories.training(platform=factories.platform())
    factories.reconciled(person, training)
    ids = {
        "institution_id": training.institution_id,
        "platform_id": training.platform_id,
        "training_id": training.pk,
    }
    one, other = journey.officers()
    new = NewSuspension(**{subject: ids[subject]}, reason="Diperiksa.", by_id=one.pk)
    suspend(suspensions=[new], at=AT - timedelta(days=5))
    found = items()
    assert (found["suspension_standing"].owner, found["suspension_standing"].age) == ("officer", 5)
    owed = found["institution_suspended"]
    assert (owed.owner, owed.rupiah, owed.age) == ("officer", 300_000, 20)
    assert "institution_to_be_settled" not in found and prove_ledger(connections["default"]).violations == ()
    assert "suspension_standing" not in items(as_of=AT - timedelta(days=6)), "as of then nothing was suspended"
    lift = NewLift(Suspension.objects.get().pk, "Selesai.", other.pk)
    lift_suspensions(lifts=[lift], at=AT - timedelta(days=1))
    found = items()
    assert "suspension_standing" not in found and found["institution_to_be_settled"].rupiah == 300_000
    assert items(as_of=AT - timedelta(days=2))["suspension_standing"].age == 3


def test_a_stop_of_settlement_has_an_owner_and_an_age_also_where_nothing_is_owed() -> None:
    training = factories.training()
    stop_settlement(institution_id=training.institution_id, reason="Diperiksa.", at=AT - timedelta(days=3))
    stop = items()["settlement_stop_standing"]
    assert (stop.owner, stop.count, stop.age) == ("officer", 1, 3)
