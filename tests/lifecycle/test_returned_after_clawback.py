"""Money that the bank sends back after it was asked back: each rupiah has one place, and whoever is owed it gets it."""

from datetime import date

import pytest
from django.db import connection

from bekal.incentives.models import Entitlement, Payout
from bekal.incentives.plan_payout_run import LeftOutReason, plan_payout_run
from bekal.incentives.queries import InstalmentState, due_days, earned_unpaid, timeline_of
from bekal.incentives.refusals import PayoutRefusal
from bekal.incentives.reverse_payouts import ask_to_reverse_payouts
from bekal.incentives.settle_payouts import Settled, settle_payouts
from bekal.ledger.movements import Kind
from bekal.ledger.queries import balances_of
from bekal.lifecycle.close_year import close_year, closing_preview
from bekal.lifecycle.treasury import treasury_statement
from bekal.participants.models import Participation
from bekal.proofs.check import prove_ledger
from tests import factories
from tests.factories import jakarta
from tests.factories.unchanged import nothing_changes
from tests.incentives import journey
from tests.incentives.partner import status_file
from tests.lifecycle import money_back

pytestmark = pytest.mark.django_db
RETURNED_AT, REPAID_AGAIN_AT = jakarta(2020, 6, 3), jakarta(2020, 6, 24)
AFTER = jakarta(2020, 6, 30)
ENVELOPE_RUPIAH, CASH_RUPIAH, REST_RUPIAH = 3_550_000, 600_000, 2_650_000


def held(person: int) -> dict[Kind, int]:
    """What the kinds hold of one person, without those at Rp0."""
    return {kind: rupiah for kind, rupiah in balances_of(owner_ids=[person])[person].items() if rupiah}


def sent_back(*people: int) -> Settled:
    """The bank sends back what these people were paid."""
    payouts = Payout.objects.filter(entitlement__participation_id__in=people, statuses__state="settled", ended_at=None)
    lines = [(one.reference, one.amount_rupiah, "returned", "AC04") for one in payouts.order_by("reference")]
    return settle_payouts(partner="bni", name="retur.csv", content=status_file(lines), at=RETURNED_AT)


def troubles(outcome: Settled) -> list[str]:
    """Why what came back could not be taken, for the office to clear up."""
    return [opened.kind.value for opened in outcome.opened]


def is_whole() -> bool:
    """The proof finds nothing, and the treasury's statement is Rp0, now and as of then."""
    assert prove_ledger(connection).violations == ()
    for at in (money_back.DECIDED_AT, money_back.APPROVED_AT, money_back.REPAID_AT, RETURNED_AT, AFTER):
        assert prove_ledger(connection, as_of=at).violations == (), at
        statement = treasury_statement(as_of=at)
        assert statement.difference_rupiah == 0 and statement.differing == (), at
    return True


def test_after_a_withdrawal_it_is_committed_due_and_paid_again() -> None:
    """The appeal was right, and the account was wrong: the instalment is owed as to anybody."""
    (person,) = money_back.paid()
    money_back.withdraw(money_back.approved(person))
    assert sent_back(person).returned_rupiah == CASH_RUPIAH
    assert held(person) == {
        Kind.TREASURY: -ENVELOPE_RUPIAH + REST_RUPIAH,
        Kind.INCENTIVE_COMMITTED: CASH_RUPIAH,
        Kind.INSTITUTION_PAYABLE: 300_000,
    }
    assert earned_unpaid(participation_ids=[person]) == {(person, Kind.INCENTIVE_COMMITTED): CASH_RUPIAH}
    assert [(each.entitlement_count, each.total_rupiah) for each in due_days()] == [(1, CASH_RUPIAH)]
    states = [line.state for line in timeline_of(participation_id=person, on=RETURNED_AT.date()) if line.is_earned]
    assert states == [InstalmentState.SENT_BACK, *[InstalmentState.RETURNED] * 3]
    assert is_whole()
    run = journey.exported(planned_for=RETURNED_AT.date(), at=REPAID_AGAIN_AT)
    journey.settled(run, at=AFTER)
    assert held(person)[Kind.PAYOUT_SETTLED] == CASH_RUPIAH and Kind.INCENTIVE_COMMITTED not in held(person)
    assert is_whole()


def test_only_what_came_back_is_due_again() -> None:
    person, other = money_back.paid(2)
    money_back.withdraw(money_back.approved(person))
    sent_back(person)
    planner = factories.officer().pk
    planned = plan_payout_run(planned_for=date(2020, 6, 26), officer_id=planner, at=jakarta(2020, 6, 20))
    paid = Payout.objects.filter(run_id=planned.run_id).order_by("reference")
    assert [(one.entitlement.participation_id, one.entitlement.instalment, one.attempt) for one in paid] == [
        (person, 1, 2),
        (other, 2, 1),
        (other, 3, 1),
    ]
    assert [(each.reason, each.entitlement_count) for each in planned.left_out] == [(LeftOutReason.CLAWED_BACK, 2)]


def test_the_programme_can_take_it_back_after_a_withdrawal_too() -> None:
    (person,) = money_back.paid()
    money_back.withdraw(money_back.approved(person))
    (outcome,) = journey.taken_back(Payout.objects.get().reference, at=RETURNED_AT)
    assert outcome.refusal is None and held(person)[Kind.INCENTIVE_COMMITTED] == CASH_RUPIAH
    assert is_whole()


def test_while_it_is_asked_back_it_comes_in_as_a_repayment() -> None:
    (person,) = money_back.paid()
    clawback_id = money_back.approved(person)
    before = held(person)
    assert troubles(sent_back(person)) == ["clawed_back"] and held(person) == before
    with nothing_changes():
        (refused,) = ask_to_reverse_payouts(
            references=[Payout.objects.get().reference],
            reason_code="DUPL",
            officer_id=_somebody(),
            at=RETURNED_AT,
        )
    assert refused.refusal is not None and refused.refusal.code == PayoutRefusal.PAYOUT_CLAWED_BACK
    reference = Payout.objects.get().reference
    assert money_back.repay(clawback_id, CASH_RUPIAH, reference).outstanding_rupiah == 0
    assert Kind.INCENTIVE_RECEIVABLE not in held(person)
    assert is_whole()


def _somebody() -> int:
    return int(Payout.objects.get().run.planned_by_id)


@pytest.mark.parametrize("is_withdrawn", [False, True])
def test_what_the_participant_has_paid_back_is_theirs_and_no_second_time_the_programmes(is_withdrawn: bool) -> None:
    """They repaid a part from their own pocket, and now the bank returns the whole."""
    (person,) = money_back.paid()
    clawback_id = money_back.approved(person)
    money_back.repay(clawback_id, 250_000)
    if is_withdrawn:
        money_back.withdraw(clawback_id)
    before = held(person)
    assert troubles(sent_back(person)) == ["clawed_back"]
    assert held(person) == before


def test_of_two_payments_as_much_comes_back_as_counts_as_paid() -> None:
    (person,) = journey.earners()
    run = journey.exported(planned_for=date(2020, 5, 26), at=jakarta(2020, 5, 26, 8))
    journey.settled(run, at=jakarta(2020, 5, 27))
    at = jakarta(2020, 5, 28)
    clawback_id = money_back.approved(person, at=at)
    money_back.repay(clawback_id, 500_000, at=jakarta(2020, 5, 29))
    money_back.withdraw(clawback_id, at=jakarta(2020, 5, 30))
    assert held(person)[Kind.PAYOUT_SETTLED] == 700_000
    outcome = sent_back(person)
    assert (outcome.returned_count, troubles(outcome)) == (1, ["clawed_back"]), "not both"
    assert (held(person)[Kind.PAYOUT_SETTLED], held(person)[Kind.INCENTIVE_COMMITTED]) == (100_000, CASH_RUPIAH)
    assert prove_ledger(connection).violations == ()


def test_before_the_approval_it_comes_back_as_always() -> None:
    (person,) = money_back.paid()
    clawback_id = money_back.decided(person)
    assert sent_back(person).returned_count == 1
    assert money_back.approve(clawback_id, at=RETURNED_AT).refusal is not None, "the amounts have changed"
    assert held(person)[Kind.INCENTIVE_COMMITTED] == 2_400_000


def test_what_came_back_lapses_with_the_next_clawback_and_the_first_day_stays() -> None:
    (person,) = money_back.paid()
    money_back.withdraw(money_back.approved(person))
    sent_back(person)
    second = money_back.decided(person, at=AFTER)
    approved = money_back.approve(second, at=AFTER)
    assert (approved.owed_rupiah, approved.returned_rupiah) == (0, CASH_RUPIAH)
    assert held(person) == {Kind.TREASURY: -300_000, Kind.INSTITUTION_PAYABLE: 300_000}
    place = Participation.objects.get(pk=person)
    assert place.clawed_back_at == place.revoked_at == money_back.APPROVED_AT
    lapsed = Entitlement.objects.order_by("instalment").values_list("lapsed_at", flat=True)
    assert list(lapsed) == [AFTER, *[money_back.APPROVED_AT] * 3]
    assert due_days() == () and is_whole()


def test_closing_the_year_leaves_it_owed() -> None:
    (person,) = money_back.paid()
    money_back.withdraw(money_back.approved(person))
    sent_back(person)
    at = jakarta(2021, 7, 1)
    preview = closing_preview(year=2020, at=at)
    assert close_year(participation_ids=[person], at=at) == preview
    assert held(person)[Kind.INCENTIVE_COMMITTED] == CASH_RUPIAH
    assert prove_ledger(connection).violations == ()
