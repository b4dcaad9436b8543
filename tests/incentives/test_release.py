"""Windows and limits of partners: what exceeds them waits in sight and goes by itself, never twice."""

import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from bekal.incentives import hand_over_files as files_module
from bekal.incentives import make_calls as calls_module
from bekal.incentives.export_payout_run import export_payout_run
from bekal.incentives.find_silent import find_silent
from bekal.incentives.hand_over_files import hand_over_files
from bekal.incentives.make_calls import make_calls
from bekal.incentives.models import Payout, PayoutCall, PayoutDay, PayoutException, PayoutFile, PayoutSending
from bekal.incentives.partners.hours import AT_ANY_TIME, BI_FAST, Amount, Hours, Limits, hours_of
from bekal.incentives.partners.rails import Rail
from bekal.incentives.partners.snap_bi import TRANSFER_PATHS
from bekal.incentives.pause_payout_run import pause_payout_run
from bekal.incentives.waiting import WaitReason, waiting
from bekal.ledger.clock import machine_now
from tests import factories
from tests.factories import jakarta
from tests.incentives.banks import know_everybody, rails_to
from tests.incentives.journey import EXPORTED_AT, approved, earners, references
from tests.incentives.test_export_payout_run import set_account
from tests.simulation.bank.clients import RunningBank, running_bank

pytestmark = pytest.mark.django_db(transaction=True)
PAY = TRANSFER_PATHS["18"]
MONDAY, TUESDAY = date(2020, 4, 27), date(2020, 4, 28)
OFFICE_HOURS = hours_of({"windows": ["08:00-15:00"], "days": "working"})
ONE = 600_000


@pytest.fixture
def bank() -> Iterator[RunningBank]:
    with running_bank() as running:
        yield running


def rails(bank: RunningBank, partner: str, hours: Hours = AT_ANY_TIME, limits: Limits = BI_FAST) -> dict[str, Rail]:
    return {partner: replace(rails_to(bank)[partner], hours=hours, limits=limits)}


def released(bank: RunningBank, count: int, known: Mapping[str, Rail]) -> int:
    """A run of so many payments to the one partner that is known."""
    (partner,) = known
    people = earners(count)
    if partner != "bni":  # where everybody's account is
        for number, person in enumerate(people):
            set_account(person, partner, f"0812345678{number:02d}")
    know_everybody(bank)
    run_id = approved()
    done = export_payout_run(run_id=run_id, at=EXPORTED_AT, proof_limit=None, rails=known)
    assert done.refusal is None
    return run_id


def call(known: Mapping[str, Rail], at: datetime, later: timedelta = timedelta(0), limit: int = 200) -> dict[str, int]:
    return make_calls(rails=known, at=at, now=lambda: machine_now() + later, limit=limit).outcomes


def hand_over(known: Mapping[str, Rail], at: datetime, later: timedelta = timedelta(0)) -> dict[str, int]:
    return hand_over_files(rails=known, at=at, now=lambda: machine_now() + later).outcomes


def days(partner: str) -> dict[date, Amount]:
    rows = PayoutDay.objects.filter(partner=partner).order_by("counted_on")
    return {row.counted_on: Amount(row.payment_count, row.total_rupiah) for row in rows}


def why(run_id: int, known: Mapping[str, Rail], at: datetime) -> list[tuple[WaitReason, int, datetime | None]]:
    return [(one.reason, one.amount.payment_count, one.goes_at) for one in waiting(run_id=run_id, rails=known, at=at)]


def test_calls_wait_for_the_window_and_go_in_it(bank: RunningBank) -> None:
    known = rails(bank, "ovo", OFFICE_HOURS)
    run_id = released(bank, 2, known)
    evening, morning = jakarta(2020, 4, 27, 15), jakarta(2020, 4, 28, 8)
    assert call(known, evening) == {}
    assert why(run_id, known, evening) == [(WaitReason.WINDOW, 2, morning)]
    assert call(known, morning - timedelta(seconds=1)) == {} and bank.books.paid("ovo") == {}
    assert call(known, morning) == {"settled": 2}
    assert why(run_id, known, morning) == []
    assert days("ovo") == {TUESDAY: Amount(2, 2 * ONE)}


def test_what_is_over_the_limit_of_a_day_goes_on_the_next_by_itself(bank: RunningBank) -> None:
    known = rails(bank, "ovo", OFFICE_HOURS, Limits(day_count=2))
    run_id = released(bank, 5, known)
    at = jakarta(2020, 4, 27, 9)
    morning = jakarta(2020, 4, 28, 8)
    assert why(run_id, known, at) == [(WaitReason.TURN, 2, at), (WaitReason.DAY_LIMIT, 3, morning)]
    assert [call(known, at, limit=1) for _ in range(3)] == [{"settled": 1}, {"settled": 1}, {}]
    assert why(run_id, known, at) == [(WaitReason.DAY_LIMIT, 3, morning)]
    assert [call(known, morning), call(known, morning)] == [{"settled": 2}, {}]
    assert call(known, jakarta(2020, 4, 29, 8)) == {"settled": 1}
    assert bank.books.paid("ovo") == dict.fromkeys(references(run_id), (1, ONE))


def test_rupiah_of_a_day_are_not_exceeded_and_what_is_smaller_goes_on(bank: RunningBank) -> None:
    known = rails(bank, "ovo", limits=Limits(day_rupiah=2 * ONE - 1))
    run_id = released(bank, 2, known)
    at = jakarta(2020, 4, 27)
    assert [call(known, at), call(known, at)] == [{"settled": 1}, {}]
    assert why(run_id, known, at) == [(WaitReason.DAY_LIMIT, 1, jakarta(2020, 4, 28, 0))]


def test_what_is_larger_than_the_partner_takes_waits_for_an_officer(bank: RunningBank) -> None:
    known = rails(bank, "ovo")
    run_id = released(bank, 1, known)
    small = rails(bank, "ovo", limits=Limits(payment_rupiah=ONE - 1))
    at = jakarta(2020, 4, 27)
    assert call(small, at) == {} and why(run_id, small, at) == [(WaitReason.TOO_LARGE, 1, None)]
    assert call(known, at) == {"settled": 1}


def test_why_a_run_waits_besides(bank: RunningBank) -> None:
    known = rails(bank, "ovo", OFFICE_HOURS)
    run_id = released(bank, 1, known)
    early = jakarta(2020, 4, 25)
    assert call(known, early) == {} and why(run_id, known, early) == [(WaitReason.DAY, 1, jakarta(2020, 4, 27, 8))]
    pause_payout_run(run_id=run_id, officer_id=factories.officer().pk, at=EXPORTED_AT)
    assert why(run_id, known, EXPORTED_AT) == [(WaitReason.PAUSED, 1, None)]
    assert why(run_id, {}, EXPORTED_AT) == [], "what an officer hands over waits for that officer"


def test_a_payment_that_did_not_arrive_takes_nobodys_place(bank: RunningBank) -> None:
    known = rails(bank, "ovo", limits=Limits(day_count=1))
    released(bank, 2, known)
    bank.fail("refuse", PAY, "429")
    at = jakarta(2020, 4, 27)
    assert call(known, at) == {"not_let_in": 1}
    assert days("ovo") == {MONDAY: Amount()}
    assert call(known, at) == {"settled": 1} and call(known, at, timedelta(minutes=2)) == {}
    assert days("ovo") == {MONDAY: Amount(1, ONE)}


def test_a_lost_payment_frees_the_day_on_which_it_was_begun(bank: RunningBank) -> None:
    known = rails(bank, "ovo", limits=Limits(day_count=1))
    released(bank, 1, known)
    bank.fail("timeout_before_acceptance", PAY)
    assert call(known, jakarta(2020, 4, 27, 23)) == {"unknown": 1}
    assert days("ovo") == {MONDAY: Amount(1, ONE)}, "it may be there"
    assert call(known, jakarta(2020, 4, 28, 1), timedelta(minutes=10)) == {"not_found": 1}
    assert call(known, jakarta(2020, 4, 28, 1), timedelta(minutes=12)) == {"settled": 1}
    assert days("ovo") == {MONDAY: Amount(), TUESDAY: Amount(1, ONE)}


def test_asking_needs_no_window(bank: RunningBank) -> None:
    known = rails(bank, "ovo", OFFICE_HOURS, Limits(day_count=1))
    released(bank, 1, known)
    bank.fail("timeout_after_acceptance", PAY)
    assert call(known, jakarta(2020, 4, 27, 14)) == {"unknown": 1}
    assert call(known, jakarta(2020, 4, 27, 20), timedelta(minutes=10)) == {"settled": 1}


def test_files_are_cut_to_what_a_day_takes_and_go_day_by_day(bank: RunningBank) -> None:
    known = rails(bank, "bni", OFFICE_HOURS, Limits(day_rupiah=2 * ONE))
    run_id = released(bank, 5, known)
    assert list(PayoutFile.objects.order_by("id").values_list("line_count", flat=True)) == [2, 2, 1]
    at = jakarta(2020, 4, 27, 14)
    morning = jakarta(2020, 4, 28, 8)
    assert why(run_id, known, at) == [(WaitReason.TURN, 2, at), (WaitReason.DAY_LIMIT, 3, morning)]
    assert [hand_over(known, at), hand_over(known, at)] == [{"taken": 1}, {}]
    assert hand_over(known, jakarta(2020, 4, 27, 15)) == {}
    assert hand_over(known, morning) == {"taken": 1}
    assert hand_over(known, jakarta(2020, 4, 29, 9)) == {"taken": 1}
    bank.service.work()
    hand_over(known, jakarta(2020, 4, 29, 9))
    assert bank.books.paid("bni") == dict.fromkeys(references(run_id), (1, ONE))
    assert [one.payment_count for one in days("bni").values()] == [2, 2, 1]


def test_a_file_the_bank_has_no_time_for_takes_nobodys_place(bank: RunningBank) -> None:
    known = rails(bank, "bni", limits=Limits(day_count=1))
    released(bank, 1, known)
    bank.fail("refuse", value="503", partner="bni")
    at = jakarta(2020, 4, 27)
    assert hand_over(known, at) == {"not_there": 1} and days("bni") == {MONDAY: Amount()}
    assert hand_over(known, at, timedelta(minutes=2)) == {"taken": 1}
    assert days("bni") == {MONDAY: Amount(1, ONE)}


def test_a_file_of_a_payment_that_is_too_large_waits(bank: RunningBank) -> None:
    run_id = released(bank, 1, rails(bank, "bni"))
    small = rails(bank, "bni", limits=Limits(payment_rupiah=ONE - 1))
    at = jakarta(2020, 4, 27)
    assert hand_over(small, at) == {} and why(run_id, small, at) == [(WaitReason.TOO_LARGE, 1, None)]
    lowered = rails(bank, "bni", limits=Limits(day_rupiah=ONE - 1))
    assert hand_over(lowered, at) == {} and why(run_id, lowered, at) == [(WaitReason.TOO_LARGE, 1, None)]


def test_nobody_is_silent_who_was_asked_late(bank: RunningBank) -> None:
    known = rails(bank, "bni", limits=Limits(day_count=1))
    released(bank, 2, known)
    for day in (27, 28):
        hand_over_files(rails=known, at=jakarta(2020, 4, day), now=machine_now)
    assert find_silent(at=jakarta(2020, 4, 29)) == 1
    assert find_silent(at=jakarta(2020, 4, 30)) == 1
    assert PayoutException.objects.filter(kind="silent").count() == 2


@contextmanager
def _never_alone(_partner: str) -> Iterator[bool]:
    yield True


def test_several_couriers_at_once_begin_nothing_twice_and_stay_within_the_limits(
    bank: RunningBank, race: Callable[..., list[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even where nothing keeps them from being at one partner at the same time."""
    monkeypatch.setattr(calls_module, "alone_at", _never_alone)
    known = rails(bank, "ovo", limits=Limits(day_count=5))
    run_id = released(bank, 8, known)
    at = jakarta(2020, 4, 27)
    results = race(*[lambda: call(known, at, limit=3)] * 4)
    assert sum(one.get("settled", 0) for one in results) == 5, results
    assert days("ovo") == {MONDAY: Amount(5, 5 * ONE)}
    assert PayoutCall.objects.filter(outcome="begun").count() == 5
    race(*[lambda: call(known, at + timedelta(days=1), limit=3)] * 4)
    assert bank.books.paid("ovo") == dict.fromkeys(references(run_id), (1, ONE))


def test_several_couriers_at_once_hand_over_no_file_twice(
    bank: RunningBank, race: Callable[..., list[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files_module, "alone_at", _never_alone)
    known = rails(bank, "bni", limits=Limits(day_count=1))
    released(bank, 3, known)
    at = jakarta(2020, 4, 27)
    race(*[lambda: hand_over(known, at)] * 3)
    assert PayoutSending.objects.filter(outcome="begun").count() == 1
    assert days("bni") == {MONDAY: Amount(1, ONE)}


@pytest.mark.parametrize("seed", range(3))
def test_whatever_breaks_the_count_of_a_day_is_what_was_begun_and_may_be_there(
    bank: RunningBank, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr(calls_module, "ASK_AFTER", timedelta(0))
    monkeypatch.setattr(calls_module, "AGAIN_AFTER", timedelta(0))
    drawn = random.Random(seed)
    limits = Limits(day_count=drawn.randint(1, 3), day_rupiah=drawn.randint(1, 3) * ONE)
    known = rails(bank, "ovo", limits=limits)
    run_id = released(bank, 6, known)
    at = jakarta(2020, 4, 27)
    for _ in range(40):
        kind = drawn.choice(["", "", "refuse", "timeout_after_acceptance", "timeout_before_acceptance"])
        if kind:
            bank.fail(kind, PAY, "429")
        at += timedelta(hours=drawn.choice([0, 0, 1, 12]))
        call(known, at, limit=drawn.randint(1, 4))
        counted = {day: amount.payment_count for day, amount in days("ovo").items() if amount.payment_count}
        assert counted == _begun_and_not_known_missing()
        assert all(amount.fits(limits.room(Amount())) for amount in days("ovo").values())
    for _ in range(40):
        at += timedelta(days=1)
        call(known, at)
    assert {reference: count for reference, (count, _) in bank.books.paid("ovo").items()} == dict.fromkeys(
        references(run_id), 1
    )


def _begun_and_not_known_missing() -> dict[date, int]:
    """From the calls alone, in their order."""
    counted: Counter[date] = Counter()
    for payout in Payout.objects.order_by("id"):
        begun_on = None
        for row in payout.calls.order_by("id"):
            if row.outcome == "begun":
                begun_on = row.counted_on
                counted[begun_on] += 1
            elif row.outcome == "not_found" or (row.outcome == "not_let_in" and row.act == "pay"):
                assert begun_on is not None
                counted[begun_on] -= 1
    return {day: count for day, count in counted.items() if count}
