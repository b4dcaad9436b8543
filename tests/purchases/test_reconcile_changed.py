"""`reconcile_changed`: what is complete is released within a round; what waits is written down as the rules say it."""

import random
from datetime import date, timedelta

import pytest
from django.core.management import call_command

from bekal.core.evidence import CaseKind, EvidenceState, Piece, Source, Standing
from bekal.proofs.evidence_world import Delivery, World
from bekal.purchases.end_purchases import end_purchases
from bekal.purchases.evidence_states import evidence_states
from bekal.purchases.models import (
    EvidenceCase,
    Purchase,
    ReconciliationDay,
    ReconciliationMark,
    ReconciliationStanding,
)
from bekal.purchases.reconcile_changed import Looked, reconcile_changed, refresh_standings
from bekal.purchases.record_evidence import Message, Speaker, record_evidence
from tests import factories
from tests.factories.unchanged import nothing_changes

pytestmark = pytest.mark.django_db
AT = factories.RECONCILED_AT


def stood(*purchase_ids: int) -> set[tuple[object, ...]]:
    rows = ReconciliationStanding.objects.filter(purchase__in=purchase_ids).order_by("pk")
    names = ("purchase_id", "piece", "owed_by", "standing", "kind", "piece_count", "since_on", "due_on")
    return set(rows.values_list(*names))


def told(state: EvidenceState) -> set[tuple[object, ...]]:
    """What the pure function says of one purchase, as rows: those of one piece and side together."""
    groups: dict[tuple[Piece, Source], list[tuple[CaseKind | None, date, date | None, Standing]]] = {}
    for piece in state.pieces:
        if not piece.is_present and piece.since_on is not None:
            key = piece.piece, piece.owed_by
            groups.setdefault(key, []).append((piece.kind, piece.since_on, piece.due_on, piece.standing))
    rows: set[tuple[object, ...]] = set()
    for (piece, owed_by), items in groups.items():
        kind = min((each[0].value for each in items if each[0]), default="")
        since_on, due_on = min(each[1] for each in items), min(each[2] for each in items if each[2])
        rows.add((piece.value, owed_by.value, items[0][3].value, kind, len(items), since_on, due_on))
    return rows


def test_where_many_stand_is_what_the_pure_function_says_of_each() -> None:
    rng = random.Random(20200411)
    world = World()
    bought = world.purchases(240)
    world.deliver([Delivery(world.messages(rng), [each]) for each in bought], rng)
    waiting = [each.purchase_id for each in bought]
    refresh_standings(purchase_ids=waiting)
    expected = {
        (number, *row) for number, state in evidence_states(purchase_ids=waiting).items() for row in told(state)
    }
    found = stood(*waiting)
    assert found == expected
    assert {row[3] for row in found} == {"missing", "conflicting"}
    assert len({row[4] for row in found}) == 4
    refresh_standings(purchase_ids=waiting)
    assert stood(*waiting) == expected


def test_a_round_releases_what_is_complete_and_writes_down_the_rest() -> None:
    one, two = factories.accepted(2)
    training = factories.training(session_count=2)
    ready, waiting = factories.reviewed(one, training), factories.completed(two, training)
    assert reconcile_changed(at=AT) == Looked(2, (ready,), swept=True)
    days = {"since_on": date(2020, 4, 23), "due_on": date(2020, 5, 7)}
    assert stood(ready, waiting) == {
        (waiting, piece, "participant", "missing", "", 1, *days.values()) for piece in ("rating", "review")
    }
    factories.review(waiting, at=AT)
    assert reconcile_changed(at=AT).released_ids == (waiting,)
    assert stood(waiting) == set()
    # Each message is looked at in two rounds.
    assert [reconcile_changed(at=AT).did_anything for _ in range(2)] == [True, False]
    with nothing_changes():
        assert reconcile_changed(at=AT) == Looked(0, ())


def test_what_was_redeemed_alone_waits_since_the_sweep_of_its_day() -> None:
    (buyer,) = factories.accepted()
    purchase_id = factories.redeemed(buyer, factories.training(session_count=3))
    reconcile_changed(at=AT)
    on = date(2020, 4, 22)
    assert stood(purchase_id) == {
        (purchase_id, "attendance", "institution", "missing", "", 3, on, on + timedelta(days=3))
    }


def test_a_case_that_a_file_brought_is_opened_and_closed_when_it_agrees_again() -> None:
    (buyer,) = factories.accepted()
    training = factories.training()
    purchase_id = factories.reviewed(buyer, training)
    denied = Message(Speaker(Source.PARTICIPANT, buyer), purchase_id, Piece.ATTENDANCE, holds=False)
    record_evidence(messages=[denied], at=AT)
    EvidenceCase.objects.all().delete()
    assert reconcile_changed(at=AT).released_ids == ()
    case = EvidenceCase.objects.get()
    assert (case.kind, case.closed_at, case.due_on) == ("disagreement", None, date(2020, 5, 2))
    assert ("programme", "conflicting") in {row[2:4] for row in stood(purchase_id)}
    agreed = Message(Speaker(Source.PARTICIPANT, buyer), purchase_id, Piece.ATTENDANCE, revision=2)
    record_evidence(messages=[agreed], at=AT)
    assert reconcile_changed(at=AT).released_ids == (purchase_id,)
    case.refresh_from_db()
    assert case.resolution == "agreed"


def test_the_list_can_be_made_anew_by_one_command() -> None:
    purchase_ids = [factories.completed(one, factories.training()) for one in factories.accepted(3)]
    reconcile_changed(at=AT)
    before = stood(*purchase_ids)
    ReconciliationStanding.objects.order_by("pk").first().delete()  # type: ignore[union-attr]
    assert stood(*purchase_ids) != before
    call_command("reconcile", "--rebuild", verbosity=0)
    assert stood(*purchase_ids) == before


def test_a_day_is_counted_once_and_releases_of_earlier_days_anew() -> None:
    one, two = factories.accepted(2)
    training = factories.training()
    factories.reviewed(one, training)
    factories.completed(two, training)
    reconcile_changed(at=AT)
    reconcile_changed(at=AT + timedelta(days=20))
    counted = ("counted_on", "matched_count", "participant_count", "overdue_count")
    assert list(ReconciliationDay.objects.order_by("counted_on").values_list(*counted)) == [
        (date(2020, 4, 25), 1, 1, 0),
        (date(2020, 5, 15), 0, 1, 1),
    ]
    assert ReconciliationMark.objects.get().swept_on == date(2020, 5, 15)


def test_what_ended_waits_no_more() -> None:
    (buyer,) = factories.accepted()
    purchase_id = factories.redeemed(buyer, factories.training())
    reconcile_changed(at=AT)
    end_purchases(purchase_ids=[purchase_id], at=AT)
    assert stood(purchase_id) == set()
    assert Purchase.objects.get().ended_at is not None
