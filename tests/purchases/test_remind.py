"""Who owes a piece is reminded once: a participant by a message, an institution at its desk."""

from datetime import timedelta

import pytest

from bekal.messaging.models import OutboxMessage
from bekal.purchases.models import EvidenceReminder
from bekal.purchases.reconcile_changed import reconcile_changed
from bekal.purchases.reconciliation_queries import Choice
from bekal.purchases.remind import Reminded, remind_owing
from tests import factories
from tests.factories.unchanged import nothing_changes

pytestmark = pytest.mark.django_db
AT = factories.RECONCILED_AT


def messages() -> list[int]:
    rows = OutboxMessage.objects.filter(template="evidence-reminder").order_by("pk")
    return [row.holder_id for row in rows]


def test_each_side_is_reminded_once_of_each_piece() -> None:
    one, two = factories.accepted(2)
    training = factories.training(title="Barista")
    factories.completed(one, training)
    factories.completed(one, factories.training(price_rupiah=100_000))
    factories.redeemed(two, training)
    reconcile_changed(at=AT)
    officer = factories.officer().pk
    # Two purchases wait for the rating of one person; it is one reminder.
    assert remind_owing(Choice(), officer_id=officer, at=AT) == Reminded(2, 1)
    assert len(messages()) == 2 and len(set(messages())) == 1
    with nothing_changes():
        assert remind_owing(Choice(), officer_id=officer, at=AT + timedelta(days=6)) == Reminded(0, 0)
    later = AT + timedelta(days=7, minutes=1)
    assert remind_owing(Choice(owed_by="institution"), officer_id=officer, at=later) == Reminded(0, 1)
    assert remind_owing(Choice(piece="review", overdue=True), officer_id=officer, at=later) == Reminded(0, 0)
    assert remind_owing(Choice(piece="review"), officer_id=officer, at=later) == Reminded(1, 0)
    assert EvidenceReminder.objects.count() == 5
