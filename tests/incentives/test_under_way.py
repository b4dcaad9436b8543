"""What of a run is under way, by partner: sent, accepted, or not known."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import timedelta

import pytest

from bekal.incentives.export_payout_run import export_payout_run
from bekal.incentives.hand_over_files import hand_over_files
from bekal.incentives.make_calls import make_calls
from bekal.incentives.models import Payout, PayoutException, PayoutStatus
from bekal.incentives.settle_payouts import settle_payouts
from bekal.incentives.under_way import UnderWay, open_exception_count, under_way
from bekal.ledger.clock import machine_now
from tests.incentives.banks import know_everybody, rails_to
from tests.incentives.journey import EXPORTED_AT, SETTLED_AT, approved, earners, references, settled
from tests.incentives.partner import status_file
from tests.incentives.test_export_payout_run import set_account
from tests.simulation.bank.clients import RunningBank, running_bank

pytestmark = pytest.mark.django_db(transaction=True)
TEN_MINUTES = timedelta(minutes=10)


@pytest.fixture
def bank() -> Iterator[RunningBank]:
    with running_bank() as running:
        yield running


def released(bank: RunningBank) -> int:
    """Two accounts at BNI and two wallets of OVO, in a run whose payments wait."""
    for number, person in enumerate(earners(4)[2:]):
        set_account(person, "ovo", f"0812345678{number:02d}")
    know_everybody(bank)
    run_id = approved()
    assert under_way(run_id=run_id) == {}, "nothing is sent yet"
    done = export_payout_run(run_id=run_id, at=EXPORTED_AT, proof_limit=None, rails=rails_to(bank))
    assert done.refusal is None
    return run_id


def pay(bank: RunningBank, later: timedelta = timedelta(0)) -> None:
    make_calls(rails=rails_to(bank), at=SETTLED_AT, now=lambda: machine_now() + later)
    hand_over_files(rails=rails_to(bank), at=SETTLED_AT, now=lambda: machine_now() + later)


def test_what_nobody_knows_is_told_from_what_is_sent(bank: RunningBank) -> None:
    run_id = released(bank)
    assert under_way(run_id=run_id) == {
        "bni": UnderWay("bni", sent_count=2, sent_rupiah=1_200_000),
        "ovo": UnderWay("ovo", sent_count=2, sent_rupiah=1_200_000),
    }
    bank.fail("timeout_after_acceptance", partner="bni")
    bank.fail("timeout_after_acceptance", partner="ovo")
    pay(bank)
    assert under_way(run_id=run_id) == {
        "bni": UnderWay("bni", unknown_count=2, unknown_rupiah=1_200_000),
        "ovo": UnderWay("ovo", unknown_count=1, unknown_rupiah=600_000),
    }, "one of the calls was answered, and paid"
    pay(bank, TEN_MINUTES)
    assert under_way(run_id=run_id) == {"bni": UnderWay("bni", sent_count=2, sent_rupiah=1_200_000)}
    bank.service.work()
    pay(bank, TEN_MINUTES)
    assert under_way(run_id=run_id) == {}


def test_what_a_partner_has_accepted_it_has_whatever_became_of_the_file(bank: RunningBank) -> None:
    run_id = released(bank)
    bank.fail("timeout_after_acceptance", partner="bni")
    pay(bank)
    payout = Payout.objects.filter(run_id=run_id, partner="bni").earliest("id")
    sent = PayoutStatus.objects.get(payout=payout, state="sent")
    PayoutStatus.objects.create(payout=payout, state="accepted", file=sent.file, recorded_at=SETTLED_AT)
    assert under_way(run_id=run_id)["bni"] == UnderWay("bni", 0, 0, 1, 600_000, 1, 600_000)


def test_what_is_sent_by_hand_is_sent_until_it_is_answered() -> None:
    earners(2)
    run_id = approved()
    run = export_payout_run(run_id=run_id, at=EXPORTED_AT, proof_limit=None)
    assert under_way(run_id=run_id) == {"bni": UnderWay("bni", sent_count=2, sent_rupiah=1_200_000)}
    settled(run, {references(run_id)[0]: "AC04"})
    assert under_way(run_id=run_id) == {}


def test_the_exceptions_of_a_run_are_counted_while_they_are_open(bank: RunningBank) -> None:
    run_id = released(bank)
    content = status_file([(references(run_id)[0], 599_999, "settled", "")])
    settle_payouts(partner="bni", name="jawab.csv", content=content, at=SETTLED_AT)
    assert open_exception_count(run_id=run_id) == 1
    assert open_exception_count(run_id=run_id + 1) == 0
    PayoutException.objects.update(resolved_at=SETTLED_AT, resolution="answered")
    assert open_exception_count(run_id=run_id) == 0


def test_one_statement_however_many_there_are(
    bank: RunningBank, assert_queries: Callable[..., AbstractContextManager[None]]
) -> None:
    run_id = released(bank)
    with assert_queries(1):
        under_way(run_id=run_id)
    with assert_queries(1):
        open_exception_count(run_id=run_id)
