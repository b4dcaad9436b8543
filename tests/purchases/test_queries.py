"""Reads of purchases and evidence."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest

from bekal.core.evidence import Piece, PieceState, Source, Standing
from bekal.purchases import queries
from bekal.purchases.models import Purchase
from bekal.purchases.record_attendance import Attendance, record_attendance
from bekal.purchases.write_review import NewReview, write_review
from tests import factories

ATTENDANCE, COMPLETION, RATING, REVIEW = Piece.ATTENDANCE, Piece.COMPLETION, Piece.RATING, Piece.REVIEW


@pytest.mark.django_db
def test_each_step_names_what_is_owed_by_whom_and_since_when() -> None:
    (buyer,) = factories.accepted()
    training = factories.training(session_count=2)

    def owed(*since: tuple[Piece, int, date | None]) -> tuple[PieceState, ...]:
        by = {ATTENDANCE: (Source.INSTITUTION, 3), COMPLETION: (Source.INSTITUTION, 3)}
        return tuple(
            PieceState(piece, number, party, Standing.MISSING, on, on + timedelta(days=days) if on else None)
            for piece, number, on in since
            for party, days in [by.get(piece, (Source.PARTICIPANT, 14))]
        )

    def line() -> Any:
        (only,) = queries.purchases_of(participation_id=buyer)
        assert only == queries.purchase(purchase_id=only.purchase_id)
        assert queries.evidence_owed(purchase_ids=[only.purchase_id]) == {only.purchase_id: only.owed}
        return only

    purchase_id = factories.redeemed(buyer, training)
    redeemed_on, later_on = date(2020, 4, 22), date(2020, 4, 23)
    later = [(COMPLETION, 1, None), (RATING, 1, None), (REVIEW, 1, None)]
    assert line().owed == owed((ATTENDANCE, 1, redeemed_on), (ATTENDANCE, 2, redeemed_on), *later)
    attendances = [Attendance(training.institution_id, purchase_id, 2)]
    record_attendance(attendances=attendances, at=factories.COMPLETED_AT)
    assert line().owed == owed((ATTENDANCE, 1, redeemed_on), *later)
    assert line().attended_count == 1
    attendances = [Attendance(training.institution_id, purchase_id, 1)]
    record_attendance(attendances=attendances, at=factories.COMPLETED_AT)
    assert line().owed == owed((COMPLETION, 1, later_on), *later[1:])
    factories.complete(purchase_id, at=factories.COMPLETED_AT)
    assert line().owed == owed((RATING, 1, later_on), (REVIEW, 1, later_on))
    assert (line().rating, line().review_text) == (None, None)
    write_review(reviews=[NewReview(buyer, purchase_id, 4, "Bagus.")], at=factories.REVIEWED_AT)
    assert line().owed == ()
    assert (line().rating, line().review_text, line().completed_at) == (4, "Bagus.", factories.COMPLETED_AT)


@pytest.mark.django_db
def test_before_the_redemption_nobody_else_has_a_turn() -> None:
    (buyer,) = factories.accepted()
    bought = factories.bought(buyer, factories.training(title="Barista Dasar", price_rupiah=89_700))
    (line,) = queries.purchases_of(participation_id=buyer)
    assert [owed.since_on for owed in line.owed] == [None] * 4
    assert (line.purchase_id, line.redeem_code) == (bought.purchase_id, bought.redeem_code)
    assert (line.title, line.price_rupiah, line.ordinal) == ("Barista Dasar", 89_700, 1)
    assert bought.redeem_code and bought.redeem_code not in repr(line)


@pytest.mark.django_db
def test_purchases_come_in_their_order_and_take_two_statements(assert_queries: Callable[[int], Any]) -> None:
    buyer, other = factories.accepted(2)
    trainings = [factories.training(price_rupiah=1_000) for _ in range(4)]
    for training in trainings[::-1]:
        factories.redeemed(buyer, training)
    factories.bought(other, trainings[0])
    with assert_queries(2):
        lines = queries.purchases_of(participation_id=buyer)
    assert [line.training_id for line in lines] == [training.pk for training in trainings[::-1]]
    assert [line.ordinal for line in lines] == [1, 2, 3, 4]
    assert queries.purchases_of(participation_id=2**62) == ()
    assert queries.purchase(purchase_id=2**62) is None


@pytest.mark.django_db
def test_the_desk_shows_an_institutions_redeemed_purchases_open_ones_first() -> None:
    training = factories.training(session_count=2)
    done, begun, unredeemed, foreign = factories.accepted(4)
    done_id = factories.completed(done, training)
    begun_id = factories.redeemed(begun, training, at=factories.BOUGHT_AT - timedelta(hours=5))
    record_attendance(attendances=[Attendance(training.institution_id, begun_id, 2)], at=factories.COMPLETED_AT)
    factories.bought(unredeemed, training)
    factories.redeemed(foreign, factories.training())
    lines = queries.purchases_at(institution_id=training.institution_id)
    assert [(line.purchase_id, line.attended) for line in lines] == [(begun_id, (2,)), (done_id, (1, 2))]
    assert lines[0].full_name == "Siti Rahayu" and "Siti" not in repr(lines[0])
    assert [line.purchase_id for line in queries.purchases_at(institution_id=training.institution_id, limit=1)] == [
        begun_id
    ]


@pytest.mark.django_db
def test_history_without_codes_is_read_like_any_other() -> None:
    (buyer,) = factories.accepted()
    purchase_id = factories.reconciled(buyer, factories.training())
    Purchase.objects.filter(pk=purchase_id).update(one_time_code=None, redeem_code_encrypted=None)
    (line,) = queries.purchases_of(participation_id=buyer)
    assert (line.purchase_id, line.redeem_code, line.owed) == (purchase_id, None, ())
