"""The institution's account: sums that are the ledger's, as of an instant that every page keeps."""

from typing import Any

import pytest

from bekal.incentives.settle_payouts import settle_payouts
from bekal.purchases.end_purchases import end_purchases
from bekal.purchases.statement import institution_statement
from tests import factories
from tests.api.v2.calling import answer, caller, problem
from tests.api.v2.test_purchases import walked
from tests.factories import settling
from tests.incentives.partner import answers

pytestmark = pytest.mark.django_db
AMOUNTS = ("price_rupiah", "escrow_rupiah", "owed_rupiah", "paid_rupiah", "refunded_rupiah")


def test_lines_and_what_is_not_redeemed_are_the_totals(assert_queries: Any) -> None:
    training = factories.training(session_count=2)
    people = factories.accepted(4)
    factories.bought(people[0], training)
    factories.redeemed(people[1], training)
    factories.reconciled(people[2], training)
    end_purchases(purchase_ids=[factories.redeemed(people[3], training)], at=factories.RECONCILED_AT)
    institution = caller(training.institution)
    with assert_queries(7):
        response = institution.get("/statement")
    told = answer(response)
    known = institution_statement(institution_id=training.institution_id)
    assert known is not None
    assert told["totals"] == {name: getattr(known.totals, name) for name in ("purchase_count", *AMOUNTS)}
    assert told["totals"]["purchase_count"] == 4
    assert (told["not_redeemed"]["purchase_count"], told["not_redeemed"]["escrow_rupiah"]) == (1, 300_000)
    lines = walked(institution, "/statement", limit=1)
    assert len(lines) == 3
    for name in AMOUNTS:
        assert sum(line[name] for line in lines) + told["not_redeemed"][name] == told["totals"][name], name
    assert "participant" not in lines[0]


def test_every_page_is_as_of_the_instant_of_the_first(clock: Any) -> None:
    training = factories.training()
    ids = [factories.redeemed(each, training) for each in factories.accepted(3)]
    institution = caller(training.institution)
    first = answer(institution.get("/statement", "limit=1"))
    clock.forward(seconds=60)
    end_purchases(purchase_ids=ids, at=clock.at)
    rest = answer(institution.get("/statement", f"limit=10&cursor={first['next']}"))
    assert rest["as_of"] == first["as_of"]
    assert [line["escrow_rupiah"] for line in rest["items"]] == [300_000, 300_000]
    assert answer(institution.get("/statement"))["totals"]["refunded_rupiah"] == 900_000


@pytest.mark.parametrize("as_of", ["2020-04-16T10:00:00-23:59", "2020-04-16T10:00:00%2B17:00"])
def test_an_offset_that_the_database_does_not_take_is_read(as_of: str) -> None:
    assert answer(caller().get("/statement", f"as_of={as_of}"))["totals"]["escrow_rupiah"] == 0


@pytest.mark.parametrize("as_of", ["2020-11-19T10:00:01%2B07:00", "2021-01-01T00:00:00Z"])
def test_no_statement_of_the_future(as_of: str) -> None:
    members = problem(caller().get("/statement", f"as_of={as_of}"), 422, "values_invalid")
    assert members["errors"][0]["parameter"] == "as_of"


def test_a_past_statement_knows_nothing_of_what_came_after() -> None:
    training = factories.training()
    (participation_id,) = factories.accepted()
    factories.reconciled(participation_id, training)
    before = factories.RECONCILED_AT.isoformat().replace("+", "%2B")
    told = answer(caller(training.institution).get("/statement", "as_of=2020-04-22T12:00:00Z"))
    assert told["totals"]["escrow_rupiah"] == 300_000, before


def test_a_payment_that_failed_stands_with_its_reason(clock: Any) -> None:
    institution = factories.institution()
    settling.account(institution)
    settling.ordered(institution)
    number = institution.settlements.get().pk
    (file,) = settling.exported().files
    content = answers(file.content, {f"BKS{number:014d}A01": "AC04"})
    settle_payouts(partner="bni", name="jawab.csv", content=content, at=settling.ANSWERED_AT)
    clock.set(2020, 5, 5, 9, 0)
    told = answer(caller(institution).get("/statement"))
    (line,) = told["settlements"]
    assert (line["settlement"], line["state"], line["total_rupiah"]) == (number, "ordered", 300_000)
    assert (line["reason_code"], line["came_back"], line["masked_account"][-1:].isdigit()) == ("AC04", False, True)
    earlier = answer(
        caller(institution).get(f"/statement?as_of={settling.EXPORTED_AT.isoformat()}".replace("+", "%2B"))
    )
    assert [one["state"] for one in earlier["settlements"]] == ["sent"]
