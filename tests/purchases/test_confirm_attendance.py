"""`confirm_attendance`: yes, no, and a second thought."""

import pytest

from bekal.core.refusal import Refusal
from bekal.purchases.confirm_attendance import Confirmation, confirm_attendance
from bekal.purchases.evidence_states import evidence_states
from bekal.purchases.models import Evidence, EvidenceCase
from bekal.purchases.record_evidence import EvidenceOutcome
from bekal.purchases.refusals import PurchaseRefusal
from tests import factories
from tests.factories.unchanged import nothing_changes

AT = factories.COMPLETED_AT


@pytest.mark.django_db
def test_the_same_answer_is_repeated_and_another_one_counts_from_then_on() -> None:
    (buyer,) = factories.accepted()
    purchase_id = factories.completed(buyer, factories.training())

    def answer(*said: bool) -> list[bool]:
        confirmations = [Confirmation(buyer, purchase_id, 1, each) for each in said]
        return [each.repeated for each in confirm_attendance(confirmations=confirmations, at=AT)]

    assert answer(True) == [False]
    with nothing_changes():
        assert answer(True, True) == [True, True]
    assert answer(False) == [False]
    assert evidence_states(purchase_ids=[purchase_id])[purchase_id].denied == (1,)
    assert EvidenceCase.objects.filter(closed_at=None).count() == 1
    assert answer(False, True, True) == [True, False, True]
    assert evidence_states(purchase_ids=[purchase_id])[purchase_id].confirmed == (1,)
    assert not EvidenceCase.objects.filter(closed_at=None).exists()
    revisions = Evidence.objects.filter(source="participant").order_by("revision").values_list("revision", "holds")
    assert list(revisions) == [(1, True), (2, False), (3, True)]


@pytest.mark.django_db
def test_nobody_answers_for_another() -> None:
    buyer, other = factories.accepted(2)
    purchase_id = factories.redeemed(buyer, factories.training())
    with nothing_changes():
        outcomes = confirm_attendance(confirmations=[Confirmation(other, purchase_id, 1, True)], at=AT)
    assert outcomes == (EvidenceOutcome(purchase_id, Refusal(PurchaseRefusal.UNKNOWN_PURCHASE)),)
