"""Whether an account can be paid to, asked of a bank over a socket before money goes there."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from bekal.accounts.privacy import decrypt
from bekal.incentives.account_standing import Standing, account_standings, asking_partners, looks_at
from bekal.incentives.ask_account_checks import WISHES_A_DAY_COUNT, ask_account_checks
from bekal.incentives.check_accounts import Checked, check_accounts
from bekal.incentives.models import AccountCheck, PayoutStatus
from bekal.incentives.partners.rails import Rail
from bekal.incentives.partners.snap_bi import INQUIRY_PATH
from bekal.incentives.plan_payout_run import LeftOut, LeftOutReason, PlannedRun, plan_payout_run
from bekal.incentives.refusals import PayoutRefusal
from bekal.incentives.timeline import InstalmentState, NextStep, timeline_of
from bekal.ledger.clock import machine_now
from bekal.messaging.models import OutboxMessage
from bekal.participants.models import Participation, PayoutAccount
from bekal.participants.set_payout_account import NewAccount, set_payout_accounts
from tests import factories
from tests.incentives.banks import change, know_everybody, rails_to
from tests.incentives.journey import FIRST_PAY_ON, PLANNED_AT, earners, exported, settled
from tests.incentives.test_turn_to_second_accounts import named
from tests.simulation.bank.clients import RunningBank, running_bank

pytestmark = pytest.mark.django_db(transaction=True)
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
TEMPLATE = "payout_account_failed"


@pytest.fixture
def bank() -> Iterator[RunningBank]:
    with running_bank() as running:
        yield running


def wallets(bank: RunningBank, count: int = 1) -> tuple[int, ...]:
    """People with money due and a wallet that the bank knows as it is."""
    people = earners(count, with_accounts=False)
    accounts = [
        NewAccount(place.participant_id, "ovo", f"0812345678{number:02d}", "Siti Rahayu")
        for number, place in enumerate(Participation.objects.filter(pk__in=people).order_by("pk"))
    ]
    assert all(outcome.verified for outcome in set_payout_accounts(accounts=accounts, at=PLANNED_AT - DAY))
    know_everybody(bank)
    return people


def rails(bank: RunningBank, *, compares_identity: bool = False) -> dict[str, Rail]:
    found = rails_to(bank)
    snap = found["ovo"].snap
    assert snap is not None
    return {**found, "ovo": replace(found["ovo"], snap=replace(snap, compares_identity=compares_identity))}


def go(bank: RunningBank, later: timedelta = timedelta(0), **more: Any) -> Checked:
    """A round, so much later by both clocks and by the bank's."""
    for snap in bank.service._snaps.values():
        snap.clock = lambda: machine_now() + later
    return check_accounts(rails=rails(bank, **more), at=PLANNED_AT + later, now=lambda: machine_now() + later)


def standing(person: int) -> tuple[Standing, str]:
    participant_id = Participation.objects.get(pk=person).participant_id
    found = account_standings(participant_ids=[participant_id])[participant_id]
    return found.standing, found.reason_code


def plan(later: timedelta = timedelta(0)) -> PlannedRun:
    return plan_payout_run(
        planned_for=FIRST_PAY_ON, officer_id=factories.officer().pk, at=PLANNED_AT + later, asking=["ovo"]
    )


def wish(person: int, later: timedelta = timedelta(0)) -> PayoutRefusal | None:
    participant_id = Participation.objects.get(pk=person).participant_id
    (outcome,) = ask_account_checks(participant_ids=[participant_id], at=PLANNED_AT + later, now=machine_now() + later)
    return outcome.refusal and PayoutRefusal(outcome.refusal.code)


def told() -> list[str]:
    messages = OutboxMessage.objects.filter(template=TEMPLATE).order_by("pk")
    return [decrypt(bytes(one.body_encrypted)) for one in messages]


def test_an_account_is_asked_for_before_the_first_payment_and_then_paid(bank: RunningBank) -> None:
    (person,) = wallets(bank)
    assert plan().left_out == (LeftOut(LeftOutReason.ACCOUNT_NOT_CHECKED, 1),)
    assert go(bank).outcomes == {"passed": 1}
    assert standing(person) == (Standing.PAYABLE, "")
    assert go(bank).did_anything is False and told() == []
    looks = AccountCheck.objects.order_by("pk").values_list("outcome", "reason_code", "partner_code", "needed_rupiah")
    assert list(looks) == [("begun", "", "", 600_000), ("passed", "", "2001600", 600_000)]
    assert plan().payout_count == 1


@pytest.mark.parametrize(
    ("known", "reason", "words"),
    [
        ({"standing": "closed"}, "AC04", "Rekeningmu sudah ditutup"),
        ({"standing": "blocked"}, "AC06", "diblokir"),
        ({"holder_name": "Orang Lain"}, "BE01", "bukan namamu"),
        ({"is_known": False}, "BE01", "bukan namamu"),
        ({"ceiling": 599_999}, "AM14", "penuh"),
        ({"ceiling": 700_000, "balance": 100_001}, "AM14", "penuh"),
    ],
)
def test_what_stands_against_it_leaves_it_out_and_is_told_once(
    bank: RunningBank, known: dict[str, object], reason: str, words: str
) -> None:
    (person,) = wallets(bank)
    account = PayoutAccount.objects.get()
    change(bank, account, **known)
    assert go(bank).outcomes == {"failed": 1}
    assert standing(person) == (Standing.FAILED, reason)
    assert plan().left_out == (LeftOut(LeftOutReason.ACCOUNT_FAILED, 1),)
    (message,) = told()
    assert words in message and account.masked in message
    line = timeline_of(participation_id=person, on=FIRST_PAY_ON)[0]
    assert (line.state, line.next_step) == (InstalmentState.ACCOUNT_FAILED, NextStep.CHECK_ACCOUNT)
    assert line.reason_code == reason
    # Asked again after a day whether or not the person says so; the same answer is not told twice.
    assert go(bank, DAY - MINUTE).did_anything is False
    assert go(bank, DAY + MINUTE).outcomes == {"failed": 1} and len(told()) == 1
    change(bank, account)
    assert go(bank, 2 * DAY + 2 * MINUTE).outcomes == {"passed": 1}
    assert plan(2 * DAY).payout_count == 1


def test_room_for_exactly_what_is_due_is_enough(bank: RunningBank) -> None:
    wallets(bank)
    change(bank, PayoutAccount.objects.get(), ceiling=700_000, balance=100_000)
    assert go(bank).outcomes == {"passed": 1}


def test_the_identity_number_is_compared_where_the_partner_does_it(bank: RunningBank) -> None:
    people = wallets(bank, 2)
    first, second = PayoutAccount.objects.order_by("pk")
    change(bank, first, identity=decrypt(bytes(first.participant.nik_encrypted)))
    change(bank, second, identity="3171010101900001")
    assert go(bank, compares_identity=True).outcomes == {"passed": 1, "failed": 1}
    assert [standing(one) for one in people] == [(Standing.PAYABLE, ""), (Standing.FAILED, "BE01")]


def test_a_repaired_wallet_is_asked_for_at_once_and_the_answer_is_told(bank: RunningBank) -> None:
    (person,) = wallets(bank)
    account = PayoutAccount.objects.get()
    change(bank, account, ceiling=1)
    go(bank)
    assert wish(person) is None and standing(person) == (Standing.UNCHECKED, "")
    assert wish(person) == PayoutRefusal.ACCOUNT_NOT_FAILED, "it is being asked for: a second click asks nothing"
    assert plan().left_out == (LeftOut(LeftOutReason.ACCOUNT_NOT_CHECKED, 1),)
    assert go(bank).outcomes == {"failed": 1} and len(told()) == 2, "who asks is answered"
    change(bank, account)
    assert wish(person) is None
    assert go(bank).outcomes == {"passed": 1} and len(told()) == 2
    assert plan().payout_count == 1
    participant_id = Participation.objects.get(pk=person).participant_id
    assert [look.outcome for look in looks_at(participant_id=participant_id, limit=3)] == ["passed", "begun", "wanted"]


def test_nobody_has_a_partner_asked_all_day(bank: RunningBank) -> None:
    (person,) = wallets(bank)
    change(bank, PayoutAccount.objects.get(), standing="closed")
    go(bank)
    for _ in range(WISHES_A_DAY_COUNT):
        assert wish(person) is None
        go(bank)
    assert wish(person) == PayoutRefusal.ACCOUNT_ASKED_TOO_OFTEN
    assert wish(person, DAY + MINUTE) is None
    assert wish(factories.accepted(with_accounts=False)[0]) == PayoutRefusal.ACCOUNT_NOT_FAILED


def test_another_account_is_asked_for_anew(bank: RunningBank) -> None:
    (person,) = wallets(bank)
    change(bank, PayoutAccount.objects.get(), standing="closed")
    go(bank)
    participant_id = Participation.objects.get(pk=person).participant_id
    factories.changed_account(participant_id, "ovo", "081299999999", at=PLANNED_AT)
    know_everybody(bank)
    assert standing(person) == (Standing.UNCHECKED, "")
    assert go(bank).outcomes == {"passed": 1} and standing(person) == (Standing.PAYABLE, "")


@pytest.mark.parametrize("fault", ["timeout_before_acceptance", "refuse"])
def test_no_answer_is_no_verdict_and_is_asked_for_ever_later(bank: RunningBank, fault: str) -> None:
    (person,) = wallets(bank)
    bank.fail(fault, INQUIRY_PATH, value="500", times=2)
    assert go(bank).outcomes == {"unknown": 1}
    assert standing(person) == (Standing.UNCHECKED, "") and told() == []
    assert plan().left_out == (LeftOut(LeftOutReason.ACCOUNT_NOT_CHECKED, 1),)
    assert go(bank).did_anything is False
    assert go(bank, MINUTE).outcomes == {"unknown": 1}
    assert go(bank, 4 * MINUTE).did_anything is False
    assert go(bank, 6 * MINUTE).outcomes == {"passed": 1}


def test_one_that_was_begun_and_never_heard_of_is_asked_again(bank: RunningBank) -> None:
    """A runner that dies between the intent and the answer leaves an account that is asked for once more."""
    wallets(bank)
    account = PayoutAccount.objects.get()
    AccountCheck.objects.create(
        account=account,
        account_hash=account.payoutaccountdirectory.account_hash,
        outcome="begun",
        needed_rupiah=600_000,
        recorded_at=PLANNED_AT,
        noted_at=machine_now(),
    )
    assert go(bank).did_anything is False
    assert go(bank, MINUTE).outcomes == {"passed": 1}


def test_who_has_a_second_account_is_turned_to_it_and_told_of_that_alone(bank: RunningBank) -> None:
    (person,) = wallets(bank)
    named(person, "081299999999", at=PLANNED_AT - 4 * DAY)
    know_everybody(bank)
    change(bank, PayoutAccount.objects.get(), standing="closed")
    assert go(bank).outcomes == {"failed": 1}
    assert told() == [] and OutboxMessage.objects.filter(template="second_account_used").count() == 1
    assert decrypt(bytes(PayoutAccount.objects.get().number_encrypted)) == "081299999999"
    assert standing(person) == (Standing.UNCHECKED, "")
    know_everybody(bank)
    assert go(bank).outcomes == {"passed": 1} and plan().payout_count == 1


def test_a_partner_is_never_called_within_a_transaction(bank: RunningBank) -> None:
    wallets(bank)
    with transaction.atomic(), pytest.raises(RuntimeError, match="within a transaction"):
        go(bank)


def test_who_is_not_due_soon_or_not_verified_or_at_a_partner_without_calls_is_not_asked_for(bank: RunningBank) -> None:
    soon, _ = wallets(bank, 2)
    PayoutAccount.objects.filter(participant__participation=soon).update(verified_at=None)
    PayoutAccount.objects.exclude(participant__participation=soon).update(partner="bni")
    assert go(bank).did_anything is False
    PayoutAccount.objects.update(partner="ovo", verified_at=PLANNED_AT)
    assert go(bank, -20 * DAY).did_anything is False, "nothing is due within two weeks"
    assert asking_partners(rails(bank)) == {"ovo"}


def test_where_nobody_can_be_asked_nothing_waits_for_an_answer(bank: RunningBank) -> None:
    wallets(bank)
    assert plan_payout_run(planned_for=FIRST_PAY_ON, officer_id=factories.officer().pk, at=PLANNED_AT).payout_count == 1


def test_a_payment_that_arrived_needs_no_look_and_one_that_was_rejected_another(bank: RunningBank) -> None:
    first, second = wallets(bank, 2)
    run = exported()
    rejected = PayoutStatus.objects.get(payout__entitlement__participation_id=second).payout.reference
    settled(run, {rejected: "AM14"})
    assert standing(first) == (Standing.PAYABLE, "")
    assert standing(second) == (Standing.UNCHECKED, "")
    account = PayoutAccount.objects.get(participant__participation=second)
    change(bank, account, ceiling=1)
    # The rejection was told, so the same answer is not.
    assert go(bank, DAY).outcomes == {"failed": 1} and told() == []
    assert timeline_of(participation_id=second, on=FIRST_PAY_ON)[0].state == InstalmentState.REJECTED
    change(bank, account)
    assert wish(second, DAY) is None
    assert go(bank, DAY + MINUTE).outcomes == {"passed": 1}
    assert timeline_of(participation_id=second, on=FIRST_PAY_ON)[0].state == InstalmentState.DUE
    assert plan(2 * DAY).payout_count == 1


def test_what_was_not_the_fault_of_the_account_asks_for_no_look(bank: RunningBank) -> None:
    (person,) = wallets(bank)
    go(bank)
    run = exported()
    settled(run, {PayoutStatus.objects.get().payout.reference: "AM04"})
    assert standing(person) == (Standing.PAYABLE, "")
    assert go(bank, DAY).did_anything is False


@pytest.mark.parametrize(
    "values", [{"outcome": "failed", "reason_code": ""}, {"outcome": "passed", "reason_code": "AC04"}]
)
def test_a_verdict_has_a_reason_exactly_where_it_failed(values: dict[str, str]) -> None:
    earners()
    with pytest.raises(IntegrityError, match="failed_for_a_reason"), transaction.atomic():
        AccountCheck.objects.create(
            account=PayoutAccount.objects.get(),
            account_hash=bytes(32),
            needed_rupiah=0,
            recorded_at=PLANNED_AT,
            noted_at=PLANNED_AT,
            **values,
        )
