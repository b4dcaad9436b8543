"""Cancelling: by the rules of the ledger, never in cash, once."""

from typing import Any

import pytest

from bekal.ledger.models import Transfer
from bekal.ledger.movements import Kind
from bekal.purchases.models import Purchase
from bekal.purchases.record_attendance import Attendance, record_attendance
from tests import factories
from tests.api.v2.calling import Caller, answer, caller, problem

pytestmark = pytest.mark.django_db


@pytest.fixture
def redeemed() -> tuple[Caller, int]:
    training = factories.training(session_count=4)
    (participation_id,) = factories.accepted()
    purchase_id = factories.redeemed(participation_id, training)
    attendance = Attendance(training.institution_id, purchase_id, 1)
    record_attendance(attendances=[attendance], at=factories.COMPLETED_AT)
    return caller(training.institution), purchase_id


def test_the_preview_says_what_cancelling_does(redeemed: tuple[Caller, int], assert_queries: Any) -> None:
    institution, purchase_id = redeemed
    path = f"/purchases/{purchase_id}/cancellation"
    preview = answer(institution.get(path))
    assert preview == {
        "purchase": purchase_id,
        "ending": "partial",
        "earned_rupiah": 75_000,
        "refunded_rupiah": 225_000,
        "refunded_to": "training_balance",
        "repeated": False,
    }
    assert Purchase.objects.get(pk=purchase_id).ended_at is None
    assert answer(institution.post(path, {"reason": "Instruktur sakit."})) == preview
    assert Purchase.objects.get(pk=purchase_id).ending == "partial"
    assert answer(institution.post(path, {"reason": "Sekali lagi."})) == preview | {"repeated": True}
    assert answer(institution.get(path)) == preview | {"repeated": True}
    told = answer(institution.get(f"/purchases/{purchase_id}"))
    assert (told["state"], told["ending"], told["refunded_rupiah"]) == ("ended", "partial", 225_000)


def test_nothing_reaches_anybody_in_cash(redeemed: tuple[Caller, int]) -> None:
    institution, purchase_id = redeemed
    before = set(Transfer.objects.values_list("owner_id", "id"))
    answer(institution.post(f"/purchases/{purchase_id}/cancellation", {"reason": "Batal."}))
    moved = [each for each in Transfer.objects.all() if (each.owner_id, each.id) not in before]
    assert {Kind(each.credit_kind) for each in moved} == {Kind.TRAINING_BALANCE, Kind.INSTITUTION_PAYABLE}
    assert sum(each.amount_rupiah for each in moved) == 300_000


def test_what_is_proven_is_not_cancelled() -> None:
    training = factories.training()
    (participation_id,) = factories.accepted()
    purchase_id = factories.reconciled(participation_id, training)
    institution = caller(training.institution)
    path = f"/purchases/{purchase_id}/cancellation"
    problem(institution.get(path), 409, "already_proven")
    problem(institution.post(path, {"reason": "Batal."}), 409, "already_proven")
    assert Purchase.objects.get(pk=purchase_id).ended_at is None


def test_two_cancellations_at_once_end_it_once(race: Any) -> None:
    training = factories.training()
    (participation_id,) = factories.accepted()
    purchase_id = factories.redeemed(participation_id, training)
    key_id = caller(training.institution).key_id

    def cancel() -> Any:
        return answer(Caller(key_id).post(f"/purchases/{purchase_id}/cancellation", {"reason": "Batal."}))

    assert sorted(each["repeated"] for each in race(cancel, cancel)) == [False, True]


@pytest.mark.parametrize("reason", ["", "  ", "x" * 301, "a\u0000b", 7, None])
def test_a_reason_is_given(redeemed: tuple[Caller, int], reason: Any) -> None:
    institution, purchase_id = redeemed
    response = institution.post(f"/purchases/{purchase_id}/cancellation", {"reason": reason})
    assert response.status_code in (400, 422)
    assert Purchase.objects.get(pk=purchase_id).ended_at is None
