"""What became of payments of settlements: paid, rejected, sent back, paid again; and what of it the ledger says."""

from datetime import timedelta

import pytest
from django.db import connection

from bekal.ledger.movements import Kind
from bekal.ledger.queries import balances_of, transfers_of
from bekal.purchases.answer_settlements import Failed, Paid, answer_settlements
from bekal.purchases.models import InstitutionSettlement, Purchase, SettlementFailure
from bekal.purchases.settle_institutions import SettledInstitutions, order_settlements, settleable_ids
from bekal.purchases.statement import institution_statement
from tests import factories
from tests.factories import jakarta, settling
from tests.factories.settling import ORDERED_AT

pytestmark = pytest.mark.django_db
PAID_AT, BACK_AT, AGAIN_AT = jakarta(2020, 5, 5), jakarta(2020, 5, 8), jakarta(2020, 5, 12)


def owed_and_paid(owner_id: int) -> tuple[int, int]:
    money = balances_of(owner_ids=[owner_id])[owner_id]
    return money.get(Kind.INSTITUTION_PAYABLE, 0), money.get(Kind.INSTITUTION_SETTLED, 0)


def failed(number: int, reference: str, reason_code: str = "AC04", *, is_return: bool = False) -> Failed:
    return Failed(number, reference, "bni", "••••6789", reason_code, is_return)


def test_what_is_ordered_is_owed_until_it_is_paid() -> None:
    institution = factories.institution()
    (number,) = settling.ordered(institution)
    who = Purchase.objects.get().participation_id
    settlement = InstitutionSettlement.objects.get()
    assert (settlement.ordered_at, settlement.settled_at, settlement.total_rupiah) == (ORDERED_AT, None, 300_000)
    assert owed_and_paid(who) == (300_000, 0)
    assert settleable_ids(at=ORDERED_AT) == [], "it is not ordered twice"
    assert order_settlements(purchase_ids=[number], at=PAID_AT) == SettledInstitutions(0, 0, 1)
    answer_settlements(paid=[Paid(settlement.pk)], at=PAID_AT)
    assert owed_and_paid(who) == (0, 300_000)
    assert transfers_of(owner_id=who)[-1].idempotency_key == f"institution:{Purchase.objects.get().training_id}"
    with pytest.raises(RuntimeError, match="paid already"):
        answer_settlements(paid=[Paid(settlement.pk)], at=PAID_AT)


def test_what_came_back_is_owed_again_and_each_payment_has_its_own_transfers() -> None:
    institution = factories.institution()
    settling.ordered(institution, each=2)
    settlement = InstitutionSettlement.objects.get()
    who = Purchase.objects.order_by("pk")[0].participation_id
    training_id = Purchase.objects.get(participation=who).training_id
    answer_settlements(failed=[failed(settlement.pk, "R1", "AC06")], at=ORDERED_AT + timedelta(hours=1))
    assert owed_and_paid(who) == (300_000, 0)
    answer_settlements(paid=[Paid(settlement.pk)], at=PAID_AT)
    answer_settlements(failed=[failed(settlement.pk, "R2", is_return=True)], at=BACK_AT)
    assert owed_and_paid(who) == (300_000, 0)
    answer_settlements(paid=[Paid(settlement.pk)], at=AGAIN_AT)
    assert owed_and_paid(who) == (0, 300_000)
    assert [transfer.idempotency_key for transfer in transfers_of(owner_id=who)][-3:] == [
        f"institution:{training_id}",
        f"institution-back:{training_id}:1",
        f"institution:{training_id}:2",
    ]
    assert list(SettlementFailure.objects.order_by("pk").values_list("reference", "paid_at", "failed_at")) == [
        ("R1", None, ORDERED_AT + timedelta(hours=1)),
        ("R2", PAID_AT, BACK_AT),
    ]
    # As of any instant the statement says what the ledger said then.
    for at, paid_rupiah in ((ORDERED_AT, 0), (PAID_AT, 600_000), (BACK_AT, 0), (AGAIN_AT, 600_000)):
        statement = institution_statement(institution_id=institution.pk, as_of=at)
        assert statement is not None
        assert (statement.totals.paid_rupiah, statement.totals.owed_rupiah) == (paid_rupiah, 600_000 - paid_rupiah), at
        assert {line.settled_at for line in statement.lines} == ({at} if paid_rupiah else {None})


def test_paid_and_back_in_one_breath_is_owed() -> None:
    settling.ordered(factories.institution())
    settlement = InstitutionSettlement.objects.get()
    answer_settlements(paid=[Paid(settlement.pk)], failed=[failed(settlement.pk, "R1", is_return=True)], at=PAID_AT)
    settlement.refresh_from_db()
    assert settlement.settled_at is None and owed_and_paid(Purchase.objects.get().participation_id) == (300_000, 0)
    with pytest.raises(RuntimeError, match="were not paid"):
        answer_settlements(failed=[failed(settlement.pk, "R2", is_return=True)], at=AGAIN_AT)


def test_no_part_is_above_what_one_payment_takes() -> None:
    """Rp150 million of the running sum, and the rest of the price that goes over it."""
    institution = factories.institution()
    people = factories.accepted(9, with_accounts=False)
    trainings = [factories.training(institution=institution, price_rupiah=300_000) for _ in people]
    ids = [factories.reconciled(who, one) for who, one in zip(people, trainings, strict=True)]
    with connection.cursor() as cursor:
        # The ledger is not what is tried: prices as high as the catalogue allows.
        cursor.execute("UPDATE purchases_purchase SET price_rupiah = 100000000 WHERE id = ANY(%s)", [ids])
    for chunk in (ids[:2], ids[2:3], ids[3:]):
        order_settlements(purchase_ids=chunk, at=ORDERED_AT)
    rows = InstitutionSettlement.objects.order_by("part").values_list("purchase_count", "total_rupiah")
    assert max(rupiah for _, rupiah in rows) <= 250_000_000
    assert sum(count for count, _ in rows) == 9 and sum(rupiah for _, rupiah in rows) == 900_000_000


def test_nothing_is_added_to_what_is_on_a_list_or_paid() -> None:
    institution = factories.institution()
    settling.ordered(institution)
    (first,) = InstitutionSettlement.objects.all()
    InstitutionSettlement.objects.filter(pk=first.pk).update(listed_at=ORDERED_AT)
    settling.ordered(institution)
    rows = InstitutionSettlement.objects.order_by("part").values_list("part", "purchase_count", "total_rupiah")
    assert list(rows) == [(0, 1, 300_000), (1, 1, 300_000)]


def test_what_is_free_is_settled_as_it_is_ordered() -> None:
    settling.ordered(factories.institution(), price_rupiah=0)
    assert InstitutionSettlement.objects.get().settled_at == ORDERED_AT
