"""What the simulated partners write is what the programme's readers take, in each form, and what is cut is refused."""

import pytest

from bekal.incentives.export_payout_run import Exported
from bekal.incentives.house_rails import Account, Form, Rail
from bekal.incentives.models import PayoutException
from bekal.incentives.settle_payouts import take_in
from bekal.simulation.payment_partners import answer_to, booked, cut, statement_of
from tests.factories import jakarta
from tests.incentives.journey import EXPORTED_AT, FIRST_PAY_ON, SETTLED_AT, approved, earners, export, references

pytestmark = pytest.mark.django_db
RAILS = {
    "bni": Rail("bni", Form.PAIN_001, debtor=Account("Bendahara", "0000000001", "BNINIDJA"), creditor_bic="BNINIDJA")
}
NEXT_DAY = jakarta(2020, 4, 28, 15)


def exported(rails: dict[str, Rail]) -> Exported:
    earners(4)
    done = export(run_id=approved(), at=EXPORTED_AT, rails=rails)
    assert done.refusal is None
    return done


@pytest.mark.parametrize("rails", [{}, RAILS], ids=["csv", "pain.001"])
def test_an_answer_settles_and_rejects_what_it_says_once(rails: dict[str, Rail]) -> None:
    run = exported(rails)
    (file,) = run.files
    rejected = {references(run.run_id)[0]: "AM14"}
    name, content = answer_to(file.name, file.content, rejected, at=SETTLED_AT, day=FIRST_PAY_ON)
    refused = take_in(partner="bni", name=name, content=cut(content), at=SETTLED_AT)
    assert refused.refusal is not None and PayoutException.objects.get().kind == "file_unreadable"
    taken = take_in(partner="bni", name=name, content=content, at=SETTLED_AT)
    assert (taken.settled_count, taken.rejected_count, taken.exception_count) == (3, 1, 0)
    assert take_in(partner="bni", name=name, content=content, at=NEXT_DAY).repeated


@pytest.mark.parametrize("form", ["camt.053", "mt940"])
def test_a_statement_of_the_day_repeats_what_was_said_and_adds_up(form: str) -> None:
    run = exported(RAILS)
    (file,) = run.files
    rejected = {references(run.run_id)[3]: "AC04"}
    name, content = answer_to(file.name, file.content, rejected, at=SETTLED_AT, day=FIRST_PAY_ON)
    take_in(partner="bni", name=name, content=content, at=SETTLED_AT)
    lines = booked(file.name, file.content, rejected, FIRST_PAY_ON)[1]
    statement = statement_of(lines, form, partner="bni", day=FIRST_PAY_ON, at=NEXT_DAY)
    assert take_in(partner="bni", name="a", content=cut(statement), at=NEXT_DAY).refusal is not None
    taken = take_in(partner="bni", name="a", content=statement, at=NEXT_DAY)
    assert (taken.refusal, taken.settled_count, taken.unchanged_count, taken.opened) == (None, 0, 3, ())
