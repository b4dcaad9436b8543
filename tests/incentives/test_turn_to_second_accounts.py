"""The second account takes the place of the first where that cannot be paid to, and only then."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bekal.accounts.privacy import decrypt
from bekal.core.refusal import Refusal
from bekal.incentives.models import AccountCheck, Payout
from bekal.incentives.timeline import InstalmentState, NextStep, timeline_of
from bekal.incentives.turn_to_second_accounts import turn_to_second_accounts
from bekal.messaging.models import OutboxMessage
from bekal.participants.models import Participation, PayoutAccount, PayoutAccountDirectory, SecondPayoutAccount
from bekal.participants.set_payout_account import NewAccount, hash_of_account
from bekal.participants.set_second_account import request_second_accounts, set_second_accounts
from tests.exchange.door import prove
from tests.incentives.journey import EXPORTED_AT, PLANNED_AT, SETTLED_AT, earners, exported, references, settled
from tests.incentives.partner import read_instructions

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
WALLET = "081234567890"


def named(person: int, number: str = WALLET, *, name: str = "Siti Rahayu", at: object = PLANNED_AT - 4 * DAY) -> None:
    """A second account, so long ago that it is paid to on the first day of payment."""
    account = NewAccount(Participation.objects.get(pk=person).participant_id, "ovo", number, name)
    (code,) = request_second_accounts(accounts=[account], at=at)  # type: ignore[arg-type]
    assert not isinstance(code, Refusal), code
    (outcome,) = set_second_accounts(accounts=[replace(account, code=code.code)], at=at)  # type: ignore[arg-type]
    assert outcome.refusal is None, outcome


def looked(account: PayoutAccount, outcome: str, reason_code: str = "", *, at: object = PLANNED_AT) -> None:
    AccountCheck.objects.create(
        account=account,
        account_hash=account.payoutaccountdirectory.account_hash,
        outcome=outcome,
        reason_code=reason_code,
        needed_rupiah=600_000,
        recorded_at=at,
        noted_at=at,
    )


def rejected(reason_code: str, *, count: int = 1) -> str:
    """A run whose first payment is rejected; its reference."""
    run = exported()
    first = references(run.run_id)[0]
    settled(run, {first: reason_code})
    return first


def test_the_next_attempt_goes_to_the_second_account_and_the_timeline_says_so() -> None:
    (person,) = earners()
    named(person)
    first = PayoutAccount.objects.get()
    before, masked = decrypt(bytes(first.number_encrypted)), first.masked
    reference = rejected("AC04")
    again = exported(at=SETTLED_AT)
    (row,) = read_instructions(again.files[0].content)
    assert (row["account_number"], row["partner"], row["reference"]) == (WALLET, "ovo", reference[:-2] + "02")
    second = SecondPayoutAccount.objects.get()
    assert (second.partner, decrypt(bytes(second.number_encrypted)), second.masked) == ("bni", before, masked)
    entries = PayoutAccountDirectory.objects.order_by("account_id").values_list("account_hash", "account", "second")
    owner = first.participant_id
    assert [(bytes(one), *rest) for one, *rest in entries] == [
        (hash_of_account(NewAccount(owner, "ovo", WALLET, "")), first.pk, None),
        (hash_of_account(NewAccount(owner, "bni", before, "")), None, second.pk),
    ]
    message = OutboxMessage.objects.filter(template="second_account_used").get()
    assert "OVO" in decrypt(bytes(message.body_encrypted)) and masked in decrypt(bytes(message.body_encrypted))
    # What was sent stays where it went.
    assert list(Payout.objects.order_by("attempt").values_list("partner", flat=True)) == ["bni", "ovo"]
    settled(again, at=SETTLED_AT + DAY)
    line = timeline_of(participation_id=person, on=SETTLED_AT.date())[0]
    assert (line.state, line.partner) == (InstalmentState.SETTLED, "ovo")
    prove()


def test_between_the_two_the_timeline_names_both() -> None:
    (person,) = earners()
    named(person)
    rejected("AM14")
    line = timeline_of(participation_id=person, on=SETTLED_AT.date())[0]
    assert (line.state, line.next_step) == (InstalmentState.REJECTED, NextStep.CHECK_ACCOUNT)
    assert len(turn_to_second_accounts(at=SETTLED_AT)) == 1
    assert len(turn_to_second_accounts(at=SETTLED_AT)) == 0
    line = timeline_of(participation_id=person, on=SETTLED_AT.date())[0]
    assert (line.state, line.next_step) == (InstalmentState.DUE, NextStep.WAIT_FOR_OFFICE)
    assert (line.partner, line.reason_code, line.next_partner) == ("bni", "AM14", "ovo")
    assert line.next_masked == PayoutAccount.objects.get().masked


def test_a_look_that_failed_turns_too() -> None:
    (person,) = earners()
    named(person)
    looked(PayoutAccount.objects.get(), "failed", "AC06")
    assert len(turn_to_second_accounts(at=PLANNED_AT)) == 1
    assert PayoutAccount.objects.get().partner == "ovo"


@pytest.mark.parametrize("reason_code", ["AM04", "AM05"])
def test_what_was_not_the_fault_of_the_account_does_not_turn(reason_code: str) -> None:
    (person,) = earners()
    named(person)
    rejected(reason_code)
    assert len(turn_to_second_accounts(at=SETTLED_AT)) == 0


def test_one_that_is_mended_or_asked_for_again_stays_the_first() -> None:
    (person,) = earners()
    named(person)
    account = PayoutAccount.objects.get()
    looked(account, "failed", "AM14")
    looked(account, "wanted", at=PLANNED_AT + DAY)
    assert len(turn_to_second_accounts(at=PLANNED_AT + DAY)) == 0
    looked(account, "passed", at=PLANNED_AT + DAY)
    assert len(turn_to_second_accounts(at=PLANNED_AT + DAY)) == 0


def test_it_turns_once_and_not_back_to_one_that_failed() -> None:
    (person,) = earners()
    named(person)
    rejected("AC04")
    assert len(turn_to_second_accounts(at=SETTLED_AT)) == 1
    looked(PayoutAccount.objects.get(), "failed", "AM14", at=SETTLED_AT + DAY)
    assert len(turn_to_second_accounts(at=SETTLED_AT + DAY)) == 0
    assert PayoutAccount.objects.get().partner == "ovo"


def test_one_that_waits_its_hours_or_is_not_the_persons_own_is_not_turned_to() -> None:
    early, other, nobody = earners(3)
    named(early, at=EXPORTED_AT - DAY)
    named(other, "081299999999", name="Orang Lain")
    run = exported()
    settled(run, dict.fromkeys(references(run.run_id), "AC04"))
    assert len(turn_to_second_accounts(at=SETTLED_AT)) == 0
    assert len(turn_to_second_accounts(at=EXPORTED_AT + 2 * DAY, participant_ids=[])) == 0
    assert len(turn_to_second_accounts(at=EXPORTED_AT + 2 * DAY)) == 1
    assert PayoutAccount.objects.get(participant__participation=nobody).partner == "bni"


def test_who_is_owed_nothing_is_left_as_it_is() -> None:
    (person,) = earners()
    named(person)
    looked(PayoutAccount.objects.get(), "failed", "AC04")
    Participation.objects.get(pk=person).entitlements.update(lapsed_at=PLANNED_AT)
    assert len(turn_to_second_accounts(at=PLANNED_AT)) == 0
