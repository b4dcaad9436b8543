"""The treasury's statement closes to Rp0 whatever has happened, and agrees with what other tables say."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bekal.incentives.entitle import entitle
from bekal.incentives.models import Entitlement
from bekal.ledger.movements import Kind
from bekal.ledger.queries import totals
from bekal.lifecycle.close_year import close_year
from bekal.lifecycle.end_balances import end_balances
from bekal.lifecycle.models import Clawback
from bekal.lifecycle.revoke import revoke
from bekal.lifecycle.treasury import Line, TreasuryStatement, returns_by_wave, treasury_statement, years
from bekal.participants.models import Participation
from bekal.purchases.end_purchases import end_purchases
from bekal.purchases.models import Purchase
from bekal.purchases.settle_institutions import settle_institutions
from tests import factories
from tests.engagement.journey import answer
from tests.exchange.door import prove
from tests.factories import ACCEPTED_AT, jakarta
from tests.incentives import journey
from tests.lifecycle import money_back

pytestmark = pytest.mark.django_db

ENVELOPE_RUPIAH = 3_550_000


def amounts(statement: TreasuryStatement) -> dict[str, int]:
    """The lines that are not Rp0."""
    return {line.line.value: line.ledger_rupiah for line in statement.lines if line.ledger_rupiah}


def assert_closes(at: datetime) -> TreasuryStatement:
    """The statement of everybody closes and agrees with the records; so do those of the years, and they add up."""
    statement = treasury_statement(as_of=at)
    assert statement.difference_rupiah == 0
    assert statement.differing == ()
    assert all(line.ledger_rupiah >= 0 for line in statement.lines), statement.lines
    of_years = [treasury_statement(as_of=at, year=year) for year in years()]
    for each in of_years:
        assert each.difference_rupiah == 0 and each.differing == ()
    for place, line in enumerate(statement.lines):
        assert sum(each.lines[place].ledger_rupiah for each in of_years) == line.ledger_rupiah, line
    return statement


def test_every_line_of_a_small_world() -> None:
    paid, waiting, buyer = journey.earners(2) + factories.accepted()
    idle = factories.accepted(2)
    journey.settled(journey.exported())
    factories.bought(buyer, factories.training(price_rupiah=250_000))
    assert answer(waiting, effective="yes").refusal is None
    revoke(at=jakarta(2020, 5, 21))
    statement = assert_closes(jakarta(2020, 5, 22))
    assert statement.people_count == 5 and idle
    assert amounts(statement) == {
        "committed_training": 5_000_000,
        "committed_incentive": 12_000_000,
        "committed_survey": 750_000,
        "revocation": 2 * ENVELOPE_RUPIAH,
        "training_balance": 700_000 + 700_000 + 750_000,
        "escrow": 250_000,
        "institution_payable": 600_000,
        "not_earned": 2_400_000 + 150_000 * 3 - 50_000,
        "earned_not_paid": 2 * 1_800_000 + 50_000,
        "paid_to_participants": 2 * 600_000,
    }
    assert paid


def test_as_of_any_instant_it_says_what_was_then() -> None:
    (person,) = journey.earners()
    run = journey.exported()
    journey.settled(run)
    instants = {
        ACCEPTED_AT - timedelta(seconds=1): {},
        ACCEPTED_AT: {"training_balance": 1_000_000, "not_earned": 2_550_000},
        factories.BOUGHT_AT: {"training_balance": 700_000, "escrow": 300_000, "not_earned": 2_550_000},
        factories.RECONCILED_AT: {
            "training_balance": 700_000,
            "institution_payable": 300_000,
            "not_earned": 2_550_000,
        },
        journey.EXPORTED_AT: {
            "training_balance": 700_000,
            "institution_payable": 300_000,
            "not_earned": 150_000,
            "earned_not_paid": 1_800_000,
            "in_transit": 600_000,
        },
        journey.SETTLED_AT: {
            "training_balance": 700_000,
            "institution_payable": 300_000,
            "not_earned": 150_000,
            "earned_not_paid": 1_800_000,
            "paid_to_participants": 600_000,
        },
    }
    for at, expected in instants.items():
        found = amounts(assert_closes(at))
        assert {name: rupiah for name, rupiah in found.items() if not name.startswith("committed")} == expected, at
    assert person


def test_a_record_that_says_otherwise_is_seen() -> None:
    """The second column is counted without the ledger: a row changed behind its back shows."""
    (person,) = factories.accepted()
    factories.bought(person, factories.training(price_rupiah=250_000))
    at = jakarta(2020, 5, 1)
    assert_closes(at)
    Purchase.objects.update(price_rupiah=249_999)
    statement = treasury_statement(as_of=at)
    assert [(line.line, line.ledger_rupiah, line.records_rupiah) for line in statement.differing] == [
        (Line.ESCROW, 250_000, 249_999)
    ]


def test_a_naive_instant_is_refused() -> None:
    with pytest.raises(ValueError, match="aware"):
        treasury_statement(as_of=datetime(2020, 5, 1))  # noqa: DTZ001


def test_each_wave_is_people_times_envelope() -> None:
    """180,000 people are not needed to see that the sum is people x envelope, nothing else."""
    first, second = factories.accepted(3), factories.accepted(2)
    (other,) = factories.accepted(at=jakarta(2023, 3, 1))
    Entitlement.objects.create(
        participation_id=second[0],
        kind="survey",
        instalment=1,
        amount_rupiah=50_000,
        scheduled_on="2020-05-25",
        payment_on="2020-05-26",
        entitled_at=jakarta(2020, 5, 20),
    )
    revoke(at=jakarta(2020, 5, 21))
    revoke(at=jakarta(2023, 4, 20))
    found = returns_by_wave(as_of=jakarta(2023, 5, 1))
    rows = [(each.people_count, each.envelope_rupiah, each.earned_rupiah, each.returned_rupiah) for each in found]
    assert rows == [
        (3, ENVELOPE_RUPIAH, 0, 3 * ENVELOPE_RUPIAH),
        (2, ENVELOPE_RUPIAH, 50_000, 2 * ENVELOPE_RUPIAH - 50_000),
        (1, 4_200_000, 0, 4_200_000),
    ]
    assert all(each.difference_rupiah == 0 for each in found)
    assert len(returns_by_wave(as_of=jakarta(2020, 5, 22))) == 2
    assert returns_by_wave(as_of=jakarta(2020, 5, 20)) == () and first and other
    assert years() == (2023, 2020)


def test_who_was_clawed_back_is_not_among_those_who_did_not_buy() -> None:
    bought, idle = money_back.paid()[0], factories.accepted()[0]
    money_back.approved(bought)
    revoke(at=jakarta(2020, 5, 21))
    (row,) = returns_by_wave(as_of=jakarta(2020, 6, 1))
    assert (row.people_count, row.returned_rupiah) == (1, ENVELOPE_RUPIAH) and idle
    found = amounts(assert_closes(jakarta(2020, 6, 1)))
    assert (found["revocation"], found["clawback_rest"]) == (ENVELOPE_RUPIAH, 2_650_000)


def test_it_takes_three_statements(assert_queries: Callable[[int], AbstractContextManager[None]]) -> None:
    """How far the sums go, what moved, and what other records say."""
    journey.earners(2)
    with assert_queries(3):
        treasury_statement(as_of=jakarta(2020, 5, 1), year=2020)
    with assert_queries(1):
        returns_by_wave(as_of=jakarta(2020, 5, 1))


# Whatever happens in whatever order


class _World:
    """A few people, and verbs that may or may not have something to do with them."""

    def __init__(self) -> None:
        self.people = [*factories.accepted(3), *factories.accepted(2, at=jakarta(2021, 3, 1))]
        self.trainings = [factories.training(price_rupiah=price, session_count=3) for price in (100_001, 333_333, 0)]
        self.at = jakarta(2021, 3, 2)

    def bought(self, person: int, number: int) -> None:
        place = Participation.objects.get(pk=person)
        taken = Purchase.objects.filter(participation=person, training=self.trainings[number]).exists()
        day = self.at.date()
        lapsed = day > place.balance_ends_on or (
            day > place.first_purchase_due_on and not Purchase.objects.filter(participation=person).exists()
        )
        if place.revoked_at is None and place.balance_ended_at is None and not taken and not lapsed:
            factories.redeemed(person, self.trainings[number], at=self.at)

    def attended(self, person: int, number: int) -> None:
        for purchase in Purchase.objects.filter(participation=person, ended_at=None).order_by("pk")[:1]:
            institution_id = purchase.training.institution_id
            attendance = factories.Attendance(institution_id, purchase.pk, number + 1)
            factories.record_attendance(attendances=[attendance], at=self.at)

    def proven(self, person: int, number: int) -> None:
        open_ones = Purchase.objects.filter(participation=person, ended_at=None, reconciled_at=None)
        for purchase in open_ones.order_by("pk")[:1]:
            if purchase.completed_at is None:
                factories.complete(purchase.pk, at=self.at)
            review = factories.NewReview(person, purchase.pk, 5, "Jelas.")
            factories.write_review(reviews=[review], at=self.at)
            factories.reconcile(at=self.at)
            entitle(at=self.at)

    def paid(self, person: int, number: int) -> None:
        planned = journey.plan_payout_run(planned_for=self.at.date(), officer_id=factories.officer().pk, at=self.at)
        if planned.run_id is None or planned.list_sha256 is None:
            return
        journey.approve_payout_run(
            run_id=planned.run_id, officer_id=factories.officer().pk, list_sha256=planned.list_sha256, at=self.at
        )
        exported = journey.export(run_id=planned.run_id, at=self.at)
        references = journey.references(planned.run_id)
        if number < 2:  # else nobody answers, and the money stays in transit
            journey.settled(exported, dict.fromkeys(references[:number], "AC04"), at=self.at)

    def ended(self, person: int, number: int) -> None:
        open_ones = Purchase.objects.filter(participation=person, ended_at=None, reconciled_at=None)
        end_purchases(purchase_ids=list(open_ones.order_by("pk").values_list("pk", flat=True)), at=self.at)

    def settled(self, person: int, number: int) -> None:
        ids = Purchase.objects.filter(participation=person).order_by("pk").values_list("pk", flat=True)
        settle_institutions(purchase_ids=list(ids), at=self.at)

    def revoked(self, person: int, number: int) -> None:
        revoke(at=self.at)

    def lapsed(self, person: int, number: int) -> None:
        end_balances(at=self.at)

    def closed(self, person: int, number: int) -> None:
        close_year(participation_ids=self.people, at=self.at)

    def clawed_back(self, person: int, number: int) -> None:
        cause = ("ineligible", "identity", "false_evidence")[number]
        outcome = money_back.decide_clawback(
            participation_id=person, cause=cause, explanation="Uji.", officer_id=factories.officer().pk, at=self.at
        )
        if outcome.clawback_id is not None and not outcome.repeated:
            money_back.approve(outcome.clawback_id, at=self.at)

    def repaid(self, person: int, number: int) -> None:
        for clawback in Clawback.objects.filter(participation=person, withdrawn_at=None).order_by("pk"):
            reference = f"R{clawback.pk}-{self.at:%Y%m%d%H}"
            money_back.repay(clawback.pk, (1, 600_000, 77_777)[number], reference, at=self.at)

    def withdrawn(self, person: int, number: int) -> None:
        for clawback in Clawback.objects.filter(participation=person, withdrawn_at=None).order_by("pk"):
            money_back.withdraw(clawback.pk, at=self.at)


STEPS = st.tuples(
    st.sampled_from([name for name in vars(_World) if not name.startswith("_")]),
    st.integers(0, 4),
    st.integers(0, 2),
    st.sampled_from([1, 5, 40, 130]),
)


@settings(
    max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None
)
@given(steps=st.lists(STEPS, min_size=4, max_size=16))
def test_whatever_happens_the_difference_is_nothing(steps: list[tuple[str, int, int, int]]) -> None:
    _walk(steps)


def test_a_long_life_of_everything() -> None:
    """One fixed sequence that reaches every line, so that the property above is not about empty lines."""
    plan: list[tuple[str, int, int, int]] = [
        ("bought", 3, 1, 1),
        ("bought", 4, 1, 1),
        ("proven", 3, 0, 1),
        ("settled", 3, 0, 40),
        ("paid", 3, 0, 40),
        ("bought", 3, 0, 1),
        ("attended", 3, 0, 1),
        ("attended", 4, 0, 1),
        ("ended", 4, 0, 1),
        ("revoked", 0, 0, 1),
        ("clawed_back", 3, 0, 5),
        ("repaid", 3, 2, 5),
        ("lapsed", 0, 0, 130),
        ("lapsed", 0, 0, 130),
        ("closed", 0, 0, 130),
        ("closed", 0, 0, 40),
        ("repaid", 3, 1, 5),
        ("withdrawn", 3, 0, 1),
    ]
    seen = _walk(plan)
    assert seen >= {
        "revocation",
        "clawback_rest",
        "refund",
        "year_closing",
        "repayment",
        "receivable_incentive",
        "paid_to_institutions",
        "paid_to_participants",
        "escrow",
        "institution_payable",
    }


def _walk(steps: list[tuple[str, int, int, int]]) -> set[str]:
    seen: set[str] = set()
    with transaction.atomic():
        world = _World()
        instants = []
        for name, person, number, days in steps:
            world.at += timedelta(days=days)
            step: Any = getattr(world, name)
            step(world.people[person], number)
            instants.append(world.at + timedelta(days=1))
            seen |= set(amounts(assert_closes(instants[-1])))
        for at in instants:
            assert_closes(at)  # and what was true then is still true of then
        prove()
        held = totals()
        assert sum(held.values()) == 0 and min(held[kind] for kind in held if kind is not Kind.TREASURY) >= 0
        transaction.set_rollback(True)
    return seen
