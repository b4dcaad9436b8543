"""Figures of what waits, by institution: each purchase once for each side, however many pieces it waits for."""

from datetime import date, timedelta

import pytest

from bekal.core.evidence import Piece, Source
from bekal.purchases.models import ReconciliationStanding
from bekal.purchases.reconcile_changed import reconcile_changed
from bekal.purchases.reconciliation_queries import InstitutionFigure, institution_figures
from bekal.purchases.record_evidence import Message, Speaker, record_evidence
from tests import factories

pytestmark = pytest.mark.django_db
AT = factories.RECONCILED_AT
ON = date(2020, 4, 24)


def figures(*, on: date = ON, matched_from: date = ON - timedelta(days=30)) -> dict[int, InstitutionFigure]:
    return {each.institution_id: each for each in institution_figures(on=on, matched_from=matched_from, limit=50)}


def test_a_purchase_counts_once_for_each_side_whatever_it_waits_for() -> None:
    first, second = factories.training(session_count=2), factories.training(session_count=1)
    unreviewed, contested, ready, taught = factories.accepted(4)
    factories.completed(unreviewed, first)  # owes a rating and a review: two pieces
    denied = factories.reviewed(contested, first)
    factories.redeemed(taught, first)  # the institution owes both sessions
    no = Message(Speaker(Source.PARTICIPANT, contested), denied, Piece.ATTENDANCE, sequence=1, holds=False)
    record_evidence(messages=[no], at=AT)
    factories.reviewed(ready, first)
    factories.completed(factories.accepted(1)[0], second)
    reconcile_changed(at=AT)
    assert ReconciliationStanding.objects.count() == 6
    found = figures()
    told = found[first.institution_id]
    assert (told.institution_count, told.participant_count, told.conflicting_count) == (1, 1, 1)
    assert (told.overdue_count, told.matched_count) == (0, 1)
    assert told.oldest_on == min(
        ReconciliationStanding.objects.filter(institution=first.institution_id).values_list("since_on", flat=True)
    )
    other = found[second.institution_id]
    assert (other.institution_count, other.participant_count, other.matched_count) == (0, 1, 0)


def test_what_an_institution_owes_too_long_comes_first_and_old_releases_are_not_told() -> None:
    late, early = factories.training(session_count=2), factories.training(session_count=1)
    for training in (early, early, late):
        factories.redeemed(factories.accepted(1)[0], training)
    factories.reconciled(factories.accepted(1)[0], late)
    reconcile_changed(at=AT)
    rows = ReconciliationStanding.objects.filter(institution=late.institution_id)
    due_on = max(rows.values_list("due_on", flat=True))
    rows.exclude(due_on=due_on).update(due_on=due_on)
    ReconciliationStanding.objects.filter(institution=early.institution_id).update(due_on=due_on + timedelta(days=1))
    found = list(figures(on=due_on + timedelta(days=1), matched_from=due_on + timedelta(days=1)).values())
    assert [(each.institution_id, each.overdue_count, each.matched_count) for each in found] == [
        (late.institution_id, 1, 0),
        (early.institution_id, 0, 0),
    ]
