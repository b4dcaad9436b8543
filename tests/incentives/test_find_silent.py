"""Who does not answer in time is silent: an exception of the partner, which its answer ends."""

from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from django.db import connection

from bekal.incentives.answers import end_silence
from bekal.incentives.clear_exception import clear_exception
from bekal.incentives.export_payout_run import export_payout_run
from bekal.incentives.find_silent import answer_due_on, find_silent
from bekal.incentives.hand_over_files import hand_over_files
from bekal.incentives.make_calls import make_calls
from bekal.incentives.models import Payout, PayoutCall, PayoutException, PayoutStatus
from bekal.incentives.partners.snap_bi import TRANSFER_PATHS
from bekal.incentives.settle_payouts import settle_payouts
from bekal.ledger.clock import machine_now
from bekal.proofs.check import prove_ledger
from tests import factories
from tests.incentives.banks import know_everybody, rails_to
from tests.incentives.journey import EXPORTED_AT, FIRST_PAY_ON, SETTLED_AT, approved, earners, exported, settled
from tests.incentives.test_export_payout_run import set_account
from tests.simulation.bank.clients import RunningBank, running_bank

pytestmark = pytest.mark.django_db(transaction=True)
# Paid on Monday the 27th: the partner has until Tuesday.
TUESDAY, WEDNESDAY = SETTLED_AT + timedelta(days=1), SETTLED_AT + timedelta(days=2)


@pytest.fixture
def bank() -> Iterator[RunningBank]:
    with running_bank() as running:
        yield running


def released(bank: RunningBank, count: int = 3) -> None:
    know_everybody(bank)
    done = export_payout_run(run_id=approved(), at=EXPORTED_AT, proof_limit=None, rails=rails_to(bank))
    assert done.refusal is None and sum(file.line_count for file in done.files) == count


def go(bank: RunningBank) -> None:
    hand_over_files(rails=rails_to(bank), at=SETTLED_AT, now=machine_now)


def open_ones() -> list[PayoutException]:
    return list(PayoutException.objects.filter(resolved_at=None).order_by("reference"))


def test_what_nobody_speaks_of_is_silent_until_the_statement_has_it(bank: RunningBank) -> None:
    earners(3)
    released(bank)
    bank.fail("silent", partner="bni")
    go(bank)
    bank.service.work()
    go(bank)
    assert find_silent(at=TUESDAY) == 0, "its time is not over"
    assert find_silent(at=WEDNESDAY) == 1
    (exception,) = open_ones()
    unanswered = Payout.objects.exclude(statuses__state="settled").get()
    assert (exception.kind, exception.owner, exception.partner) == ("silent", "partner", "bni")
    assert (exception.payout_id, exception.reference) == (unanswered.pk, unanswered.reference)
    assert find_silent(at=WEDNESDAY + timedelta(days=1)) == 0, "open already"
    assert prove_ledger(connection).violations == ()
    statement = bank.files("bni").statement(FIRST_PAY_ON.isoformat(), "camt.053")
    assert settle_payouts(partner="bni", name="rekening.xml", content=statement, at=WEDNESDAY).settled_count == 1
    exception.refresh_from_db()
    assert (exception.resolution, exception.resolved_at) == ("answered", WEDNESDAY)
    assert find_silent(at=WEDNESDAY) == 0 and prove_ledger(connection).violations == ()


def test_a_file_that_nobody_has_is_not_the_partners_silence(bank: RunningBank) -> None:
    earners(3)
    released(bank)
    assert find_silent(at=WEDNESDAY) == 0, "it has not left"
    bank.fail("timeout_after_acceptance", partner="bni")
    go(bank)
    assert find_silent(at=WEDNESDAY) == 3, "it may have it"


def test_a_list_that_an_officer_hands_over_is_the_offices_to_ask_about() -> None:
    earners(2)
    run = exported()
    assert find_silent(at=TUESDAY) == 0 and find_silent(at=WEDNESDAY) == 2
    assert {(one.kind, one.owner, one.partner) for one in open_ones()} == {("silent", "office", "bni")}
    settled(run, at=WEDNESDAY)
    assert open_ones() == [] and prove_ledger(connection).violations == ()


def test_a_call_without_an_answer_is_silent_until_the_partner_is_asked(bank: RunningBank) -> None:
    (person,) = earners(1)
    set_account(person, "ovo", "081234567801")
    released(bank, 1)
    bank.fail("timeout_after_acceptance", TRANSFER_PATHS["18"], partner="ovo")
    make_calls(rails=rails_to(bank), at=SETTLED_AT, now=machine_now)
    assert find_silent(at=WEDNESDAY) == 1
    later = timedelta(minutes=10)
    assert make_calls(rails=rails_to(bank), at=WEDNESDAY, now=lambda: machine_now() + later).outcomes == {"settled": 1}
    assert open_ones() == []
    assert [one.resolution for one in PayoutException.objects.all()] == ["answered"]


def test_who_has_accepted_a_payment_and_never_pays_it_is_asked() -> None:
    """First it says nothing at all, then that it has it, and then nothing again."""
    earners(2)
    run = exported()
    assert find_silent(at=WEDNESDAY) == 2, "not a word"
    for payout in Payout.objects.all():
        call = PayoutCall.objects.create(payout=payout, act="ask", outcome="accepted", noted_at=WEDNESDAY)
        PayoutStatus.objects.create(payout=payout, state="accepted", call=call, recorded_at=WEDNESDAY)
    end_silence(Payout.objects.values_list("pk", flat=True), at=WEDNESDAY)
    thursday, friday = WEDNESDAY + timedelta(days=1), WEDNESDAY + timedelta(days=2)
    assert answer_due_on(WEDNESDAY.date()) == thursday.date()
    assert find_silent(at=WEDNESDAY) == find_silent(at=thursday) == 0, "its time is not over"
    assert find_silent(at=friday + timedelta(days=3)) == 2
    assert {(one.kind, one.owner, one.said) for one in open_ones()} == {("silent", "partner", "accepted")}
    assert find_silent(at=friday + timedelta(days=4)) == 0, "open already"
    assert prove_ledger(connection).violations == ()
    settled(run, at=friday + timedelta(days=4))
    assert open_ones() == [] and prove_ledger(connection).violations == ()


def test_what_an_officer_has_cleared_up_stays_so(bank: RunningBank) -> None:
    earners(1)
    released(bank, 1)
    go(bank)
    assert find_silent(at=WEDNESDAY) == 1
    (exception,) = open_ones()
    clear_exception(
        exception_id=exception.pk, officer_id=factories.officer().pk, note="Besok dikirim ulang.", at=WEDNESDAY
    )
    assert find_silent(at=WEDNESDAY + timedelta(days=1)) == 0
    assert find_silent(at=WEDNESDAY + timedelta(days=90)) == 0


@pytest.mark.parametrize(
    ("paid_on", "due_on"),
    [
        (date(2020, 4, 27), date(2020, 4, 28)),
        (date(2020, 4, 24), date(2020, 4, 27)),  # over the weekend
        (date(2020, 4, 30), date(2020, 5, 4)),  # Labour Day, and the weekend behind it
    ],
)
def test_a_partner_has_one_working_day(paid_on: date, due_on: date) -> None:
    assert answer_due_on(paid_on) == due_on
