"""The statement of an institution is the ledger's, now and as of any past instant."""

from datetime import date, datetime, timedelta

import pytest

from bekal.catalogue.stop_settlement import stop_settlement
from bekal.ledger.movements import Kind
from bekal.ledger.queries import balances_of
from bekal.purchases.end_purchases import end_purchases
from bekal.purchases.record_attendance import Attendance, record_attendance
from bekal.purchases.settle_institutions import settle_institutions
from bekal.purchases.statement import StatementTotals, institution_statement
from tests import factories
from tests.factories import jakarta

ENDED_AT, SETTLED_AT = jakarta(2020, 5, 10), jakarta(2020, 6, 1)


def books(owner_ids: tuple[int, ...], as_of: datetime) -> tuple[int, int, int]:
    """Escrow, owed and paid of all these, from the ledger."""
    money = balances_of(owner_ids=owner_ids, as_of=as_of).values()
    kinds = (Kind.ESCROW, Kind.INSTITUTION_PAYABLE, Kind.INSTITUTION_SETTLED)
    escrow, owed, paid = (sum(each.get(kind, 0) for each in money) for kind in kinds)
    return escrow, owed, paid


@pytest.mark.django_db
def test_lines_and_totals_are_the_ledgers_on_every_day() -> None:
    people = factories.accepted(4)
    institution = factories.institution(name="LPK Maju")
    training = factories.training(institution=institution, session_count=3, title="Menjahit")
    elsewhere = factories.training()
    proven, partial, refunded = (
        factories.reconciled(people[0], training),
        factories.redeemed(people[1], training),
        factories.redeemed(people[2], training),
    )
    waiting = factories.redeemed(people[3], factories.training(institution=institution, price_rupiah=50_000))
    record_attendance(attendances=[Attendance(institution.pk, partial, 1)], at=ENDED_AT)
    end_purchases(purchase_ids=[partial, refunded], at=ENDED_AT)
    ids = [proven, partial, refunded, waiting]
    assert settle_institutions(purchase_ids=ids, at=SETTLED_AT).purchase_count == 2
    for days in range(60):
        as_of = factories.ACCEPTED_AT + timedelta(days=days)
        statement = institution_statement(institution_id=institution.pk, as_of=as_of)
        assert statement is not None
        totals = statement.totals
        assert (totals.escrow_rupiah, totals.owed_rupiah, totals.paid_rupiah) == books(people, as_of), as_of
        assert totals.purchase_count == len(statement.lines)
        assert totals.price_rupiah == sum(
            line.escrow_rupiah + line.owed_rupiah + line.paid_rupiah + line.refunded_rupiah for line in statement.lines
        )
    now = institution_statement(institution_id=institution.pk)
    assert now is not None and (now.name, now.as_of, now.settlement_stopped_at) == ("LPK Maju", None, None)
    assert now.totals == StatementTotals(4, 950_000, 50_000, 0, 400_000, 500_000)
    by_id = {line.purchase_id: line for line in now.lines}
    assert list(by_id) == sorted(ids)
    assert (by_id[partial].title, by_id[partial].ending, by_id[partial].payable_from_on) == (
        "Menjahit",
        "partial",
        date(2020, 5, 17),
    )
    assert (by_id[refunded].proven_at, by_id[refunded].ended_at) == (None, ENDED_AT)
    assert (by_id[proven].settled_at, by_id[waiting].settled_at) == (SETTLED_AT, None)
    before = institution_statement(institution_id=institution.pk, as_of=ENDED_AT - timedelta(seconds=1))
    assert before is not None and {line.ending for line in before.lines} == {""}
    other = institution_statement(institution_id=elsewhere.institution_id)
    assert other is not None and other.totals == StatementTotals(0, 0, 0, 0, 0, 0) and other.lines == ()


@pytest.mark.django_db
def test_a_page_of_it_has_the_totals_of_all() -> None:
    people = factories.accepted(3)
    training = factories.training()
    ids = [each.purchase_id for each in factories.bought_all(people, training)]
    stop_settlement(institution_id=training.institution_id, reason="Diperiksa", at=ENDED_AT)
    page = institution_statement(institution_id=training.institution_id, after=(training.pk, ids[0] or 0), limit=1)
    assert page is not None and [line.purchase_id for line in page.lines] == [ids[1]]
    assert page.totals.purchase_count == 3
    assert (page.settlement_stopped_at, page.settlement_stop_reason) == (ENDED_AT, "Diperiksa")


@pytest.mark.django_db
@pytest.mark.parametrize("number", [0, 10**9, 2**80])
def test_an_institution_that_is_none_has_no_statement(number: int) -> None:
    assert institution_statement(institution_id=number) is None
