"""Statements are kept, go on from day to day, and none is missing without anybody being asked."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import connection

from bekal.incentives.clear_exception import clear_exception
from bekal.incentives.export_payout_run import export_payout_run
from bekal.incentives.fetch_statements import FetchedStatements, fetch_statements
from bekal.incentives.hand_over_files import hand_over_files
from bekal.incentives.models import Payout, PayoutException, PayoutFile, Statement, StatementLine
from bekal.incentives.partners.rails import Rail
from bekal.incentives.refusals import PayoutRefusal
from bekal.incentives.settle_payouts import Settled, settle_payouts
from bekal.incentives.statements import awaited_statements, find_missing_statements
from bekal.ledger.clock import machine_now
from bekal.ledger.movements import Kind
from bekal.ledger.queries import totals
from bekal.proofs.check import prove_ledger
from bekal.simulation.bank import answers
from bekal.simulation.bank.books import Booked
from tests import factories
from tests.incentives.banks import know_everybody, rails_to
from tests.incentives.journey import EXPORTED_AT, FIRST_PAY_ON, SETTLED_AT, approved, earners, exported, references
from tests.incentives.test_export_payout_run import set_account
from tests.simulation.bank.clients import RunningBank, running_bank

ACCOUNT, OPENING = "0000000001", 5_000_000
MONDAY, TUESDAY, WEDNESDAY = (FIRST_PAY_ON + timedelta(days=number) for number in range(3))


def booked(
    reference: str, day: date = MONDAY, amount: int = 600_000, number: str = "", returned: date | None = None
) -> Booked:
    state, reason = ("returned", "AC04") if returned else ("settled", "")
    back_on = returned.isoformat() if returned else None
    return Booked(reference, number, "Siti", amount, state, reason, day.isoformat(), back_on)


def statement(
    day: date = MONDAY,
    lines: Sequence[Booked] = (),
    opening: int = OPENING,
    form: str = "mt940",
    account: str = ACCOUNT,
    name: str = "STM1",
) -> bytes:
    if form == "mt940":
        return answers.mt940(name, account, opening, [], lines, day)
    return answers.statement(name, answers.CAMT_053, account, opening, [], lines, day, SETTLED_AT)


def read(content: bytes, partner: str = "bni", at: Any = SETTLED_AT) -> Settled:
    return settle_payouts(partner=partner, name="rekening", content=content, at=at)


def asked() -> list[tuple[str, str, str]]:
    rows = PayoutException.objects.filter(resolved_at=None).order_by("id")
    return [(one.kind, one.owner, one.reference) for one in rows]


@pytest.fixture
def bank(transactional_db: None) -> Iterator[RunningBank]:
    with running_bank() as running:
        yield running


@pytest.mark.django_db
def test_a_statement_is_kept_with_its_lines() -> None:
    earners(2)
    run = exported()
    first, second = references(run.run_id)
    assert read(statement(lines=[booked(first), booked(second)])).settled_count == 2
    kept = Statement.objects.get()
    assert (kept.partner, kept.account, kept.stated_on) == ("bni", ACCOUNT, MONDAY)
    assert (kept.opening_rupiah, kept.debits_rupiah, kept.closing_rupiah) == (5_000_000, 1_200_000, 3_800_000)
    lines = StatementLine.objects.order_by("line").values_list("reference", "said", "amount_rupiah")
    assert list(lines) == [(first, "settled", 600_000), (second, "settled", 600_000)]
    assert prove_ledger(connection).violations == ()


@pytest.mark.django_db
def test_the_same_day_in_another_form_is_known_and_another_one_is_refused_whole() -> None:
    earners(2)
    first, second = references(exported().run_id)
    read(statement(lines=[booked(first)]))
    again = read(statement(lines=[booked(first)], form="camt.053"))
    assert (again.refusal, again.unchanged_count) == (None, 1)
    assert Statement.objects.count() == StatementLine.objects.count() == 1
    before = totals()
    outcome = read(statement(lines=[booked(second)]))
    assert outcome.refusal is not None and outcome.refusal.code is PayoutRefusal.STATEMENT_OVERLAP
    assert totals() == before and PayoutFile.objects.filter(direction="back").count() == 2
    assert asked() == [("statement_overlap", "partner", f"{MONDAY} {ACCOUNT}")]


@pytest.mark.django_db
def test_a_statement_goes_on_from_the_day_before_or_an_officer_says_why_not() -> None:
    earners(2)
    first, second = references(exported().run_id)
    read(statement(lines=[booked(first)]))
    wrong = statement(TUESDAY, [booked(second, TUESDAY)], opening=4_400_001)
    refused = read(wrong).refusal
    assert refused is not None and refused.code is PayoutRefusal.STATEMENT_GAP
    assert dict(refused.values) == {"on": TUESDAY, "found_rupiah": 4_400_001, "expected_rupiah": 4_400_000}
    assert asked() == [("statement_gap", "partner", f"{TUESDAY} {ACCOUNT}")]
    assert totals()[Kind.PAYOUT_IN_TRANSIT] == 600_000
    clear_exception(
        exception_id=PayoutException.objects.get().pk,
        officer_id=factories.officer().pk,
        note="Bank membulatkan.",
        at=SETTLED_AT,
    )
    assert read(wrong).settled_count == 1
    assert read(statement(WEDNESDAY, opening=3_800_002)).refusal is not None, "what was cleared up was that day's"


@pytest.mark.django_db
def test_a_day_that_comes_late_has_to_fit_on_both_sides() -> None:
    read(statement(MONDAY))
    assert read(statement(WEDNESDAY, opening=7_000_000)).refusal is None, "a working day is missing between them"
    assert read(statement(TUESDAY)).refusal is not None
    assert asked() == [("statement_gap", "partner", f"{TUESDAY} {ACCOUNT}")]
    read(statement(FIRST_PAY_ON - timedelta(days=3)))
    assert Statement.objects.count() == 3, "before Monday lies a weekend"


@pytest.mark.django_db
def test_what_stands_on_statements_twice_was_paid_twice() -> None:
    earners(2)
    first, second = references(exported().run_id)
    outcome = read(statement(lines=[booked(first), booked(first), booked(second)]))
    assert [(one.kind.value, one.reference) for one in outcome.opened] == [("paid_twice", first)]
    read(statement(TUESDAY, [booked(second, TUESDAY)], opening=3_200_000))
    assert asked() == [("paid_twice", "partner", first), ("paid_twice", "partner", second)]
    assert prove_ledger(connection).violations == ()


@pytest.mark.django_db
@pytest.mark.parametrize("form", ["mt940", "camt.053"])
def test_what_went_to_another_account_settles_nothing(form: str) -> None:
    (person,) = earners()
    set_account(person, "linkaja", "081234567801")
    (reference,) = references(exported().run_id)
    wrong = read(statement(lines=[booked(reference, number="081234567802")], form=form), "linkaja")
    assert [(one.kind.value, one.reference) for one in wrong.opened] == [("other_account", reference)]
    assert totals()[Kind.PAYOUT_IN_TRANSIT] == 600_000
    right = read(statement(lines=[booked(reference, number="081234567801")], account="2", form=form), "linkaja")
    assert right.settled_count == 1


def paid(bank: RunningBank, count: int = 2) -> None:
    earners(count)
    know_everybody(bank)
    bank.books.put_in("bni", MONDAY - timedelta(days=1), 100_000_000)
    export_payout_run(run_id=approved(), at=EXPORTED_AT, proof_limit=None, rails=rails_to(bank))
    for _ in range(2):
        hand_over_files(rails=rails_to(bank), at=SETTLED_AT, now=machine_now)
        bank.service.work()


def fetch(bank: RunningBank, days: int) -> FetchedStatements:
    return fetch_statements(rails={"bni": rails_to(bank)["bni"]}, at=SETTLED_AT + timedelta(days=days))


def test_every_day_is_fetched_in_its_order(bank: RunningBank) -> None:
    paid(bank)
    assert fetch(bank, 1).taken_count == 1
    assert fetch(bank, 7) == FetchedStatements(taken_count=6), "the weekend among them"
    assert fetch(bank, 7) == FetchedStatements()
    days = list(Statement.objects.order_by("stated_on").values_list("stated_on", "opening_rupiah", "closing_rupiah"))
    assert days[0] == (MONDAY, 100_000_000, 98_800_000) and days[-1] == (
        MONDAY + timedelta(days=6),
        98_800_000,
        98_800_000,
    )


def test_what_comes_after_the_statement_is_booked_on_the_next_day(bank: RunningBank) -> None:
    paid(bank)
    fetch(bank, 1)
    reference = Payout.objects.order_by("reference").values_list("reference", flat=True)[0]
    said = {"reference": reference, "reason": "AC04", "day": MONDAY.isoformat()}
    assert bank.tell("returns", said, "bni").status_code == 200
    assert fetch(bank, 2).taken_count == 1
    assert StatementLine.objects.filter(said="returned").get().statement.stated_on == TUESDAY
    assert prove_ledger(connection).violations == ()


def test_a_missing_statement_is_asked_for_until_it_comes(bank: RunningBank) -> None:
    paid(bank)
    rails = {"bni": rails_to(bank)["bni"]}

    def missing(days: int) -> int:
        return find_missing_statements(rails=rails, at=SETTLED_AT + timedelta(days=days))

    assert [missing(1), missing(2), missing(2), missing(3)] == [0, 1, 0, 1], "each has a working day"
    assert asked() == [("statement_missing", "partner", str(day)) for day in (MONDAY, TUESDAY)]
    fetch(bank, 2)
    assert asked() == [] and missing(3) == 0


@pytest.mark.django_db
def test_of_a_partner_that_is_read_by_hand_only_what_lies_between_is_missing() -> None:
    read(statement(MONDAY))
    read(statement(WEDNESDAY))
    span = awaited_statements(rails={"bni": Rail("bni")}, today=WEDNESDAY + timedelta(days=20))["bni"]
    assert (span.first, span.last, span.missing) == (MONDAY, WEDNESDAY, [TUESDAY])
