"""A partner's day is closed over its statement: it balances, or every rupiah has a name, an owner and an age."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

import pytest
from django.db import connection

from bekal.incentives.clear_exception import clear_exception
from bekal.incentives.close_day import close_day, close_days
from bekal.incentives.closing_content import Line, read_content, sha256_of, with_trailer
from bekal.incentives.models import DayClosing, PayoutException, PayoutStatus
from bekal.incentives.refusals import PayoutRefusal
from bekal.incentives.settle_payouts import settle_payouts
from bekal.incentives.statements import find_missing_statements
from bekal.proofs.check import prove_ledger
from bekal.simulation.bank.books import Booked
from tests import factories
from tests.factories import jakarta
from tests.incentives.journey import earners, exported, references, settled
from tests.incentives.test_statements import MONDAY, OPENING, TUESDAY, WEDNESDAY, booked, read, statement

pytestmark = pytest.mark.django_db
THURSDAY = WEDNESDAY + timedelta(days=1)


def morning(day: date) -> datetime:
    """Six in the morning after that day."""
    return jakarta(day.year, day.month, day.day, 6) + timedelta(days=1)


def stated(
    day: date = MONDAY, lines: Sequence[Booked] = (), opening: int = OPENING, at: datetime | None = None
) -> None:
    """The bank's statement of a day is read the morning after it."""
    content = statement(day, lines, opening, name=f"S{day:%m%d}")
    outcome = settle_payouts(partner="bni", name=f"S{day}", content=content, at=at or morning(day))
    assert outcome.refusal is None, outcome


def closed(day: date = MONDAY, at: datetime | None = None) -> dict[tuple[str, str], Line]:
    """The certificate of that day, which is the next, by item and kind."""
    done = close_day(partner="bni", at=at or morning(day))
    assert (done.refusal, done.day) == (None, day), done
    content = DayClosing.objects.get(pk=done.closing_id).content
    return {(line.item, line.kind): line for line in read_content(content)}


def named(lines: dict[tuple[str, str], Line]) -> dict[str, tuple[str, int | None, int | None, int | None]]:
    return {kind: line[2:] for (item, kind), line in lines.items() if item == "difference"}


def rupiah(lines: dict[tuple[str, str], Line], item: str) -> int | None:
    return lines[item, ""].rupiah


def test_a_day_that_balances_is_closed() -> None:
    earners(3)
    run = exported()
    first, second, third = references(run.run_id)
    settled(run, {third: "AC04"})
    stated(lines=[booked(first), booked(second)])
    lines = closed()
    assert (rupiah(lines, "statement_closing"), rupiah(lines, "ledger_closing")) == (3_800_000, 3_800_000)
    assert rupiah(lines, "difference_total") == 0 and named(lines) == {}
    counts = {item: lines[item, ""][3:5] for item in ("in_transit_before", "sent", "settled", "rejected", "returned")}
    assert counts == {
        "in_transit_before": (0, 0),
        "sent": (3, 1_800_000),
        "settled": (2, 1_200_000),
        "rejected": (1, 600_000),
        "returned": (0, 0),
    }
    assert lines["in_transit_after", ""][3:5] == (0, 0)
    again = close_day(partner="bni", at=morning(MONDAY)).refusal
    assert again is not None and again.code is PayoutRefusal.NOTHING_TO_CLOSE
    assert prove_ledger(connection).violations == ()


def test_each_certificate_names_the_one_before() -> None:
    stated()
    stated(TUESDAY)
    assert [one.day for one in close_days(at=morning(TUESDAY))] == [MONDAY, TUESDAY]
    first, second = DayClosing.objects.order_by("number")
    assert bytes(first.sha256) == sha256_of(first.content) and first.previous_sha256 is None
    assert bytes(second.previous_sha256 or b"") == bytes(first.sha256)
    assert f"previous,{bytes(first.sha256).hex()},,,,\n" in second.content
    body, _, trailer = with_trailer(second.content).removesuffix(b"\n").rpartition(b"\n")
    assert body.decode() + "\n" == second.content and trailer.decode().split(",")[1] == bytes(second.sha256).hex()
    assert prove_ledger(connection).violations == ()


def test_what_we_call_paid_and_no_statement_shows_is_asked_for_when_its_time_is_over() -> None:
    earners(2)
    run = exported()
    first, second = references(run.run_id)
    settled(run)
    stated(lines=[booked(first)])
    monday = closed()
    assert rupiah(monday, "difference_total") == 600_000
    assert named(monday) == {"not_due_yet": ("calendar", 1, 600_000, 1)}
    assert PayoutException.objects.count() == 0
    stated(TUESDAY, opening=4_400_000)
    tuesday = closed(TUESDAY)
    assert named(tuesday) == {"not_on_statement": ("partner", 1, 600_000, 2)}
    exception = PayoutException.objects.get()
    assert (exception.kind, exception.reference, exception.said) == ("not_on_statement", second, "settled")
    stated(WEDNESDAY, [booked(second, WEDNESDAY)], opening=4_400_000)
    exception.refresh_from_db()
    assert exception.resolution == "answered", "it came late"
    assert named(closed(WEDNESDAY)) == {} and prove_ledger(connection).violations == ()


def test_what_a_statement_shows_and_we_have_not_ordered_is_named() -> None:
    earners(2)
    run = exported()
    first, second = references(run.run_id)
    lines = [booked(first), booked(second, amount=600_007), booked("BKL99", amount=5), booked(first)]
    stated(lines=lines)
    monday = closed()
    assert named(monday) == {
        "amount_mismatch": ("partner", 1, -600_007, 1),
        "paid_twice": ("partner", 1, -600_000, 1),
        "unknown_reference": ("partner", 1, -5, 1),
    }
    assert rupiah(monday, "difference_total") == -1_200_012
    exceptions = {kind: line.item_count for (item, kind), line in monday.items() if item == "exception"}
    assert exceptions == {"amount_mismatch": 1, "paid_twice": 1, "unknown_reference": 1}
    officer = factories.officer().pk
    for one in PayoutException.objects.order_by("id"):
        clear_exception(exception_id=one.pk, officer_id=officer, note="Dikembalikan.", at=morning(MONDAY))
    stated(TUESDAY, opening=OPENING - sum(line.amount for line in lines))
    assert {kind: line[0] for kind, line in named(closed(TUESDAY)).items()} == {
        "amount_mismatch:cleared": "office",
        "paid_twice:cleared": "office",
        "unknown_reference:cleared": "office",
    }
    assert prove_ledger(connection).violations == ()


def test_what_comes_back_is_there_again() -> None:
    earners(1)
    run = exported()
    (first,) = references(run.run_id)
    stated(lines=[booked(first)])
    closed()
    stated(TUESDAY, [booked(first, returned=TUESDAY)], opening=4_400_000)
    lines = closed(TUESDAY)
    assert lines["statement_returned", ""][3:5] == lines["ledger_returned", ""][3:5] == (1, 600_000)
    assert (rupiah(lines, "ledger_closing"), named(lines)) == (5_000_000, {})
    assert prove_ledger(connection).violations == ()


def test_what_is_booked_after_the_day_is_no_trouble() -> None:
    earners(2)
    run = exported()
    first, second = references(run.run_id)
    stated(at=morning(MONDAY) + timedelta(hours=1))
    settled(run, at=morning(MONDAY))
    assert named(closed(MONDAY, morning(MONDAY) + timedelta(hours=2))) == {
        "after_the_day": ("calendar", 2, 1_200_000, 0)
    }
    stated(TUESDAY, [booked(first, TUESDAY), booked(second, TUESDAY)])
    assert named(closed(TUESDAY)) == {} and prove_ledger(connection).violations == ()


def test_a_missing_day_keeps_the_next_waiting_until_an_officer_gives_it_up() -> None:
    stated()
    closed()
    stated(WEDNESDAY, opening=4_000_000)
    waits = close_day(partner="bni", at=morning(WEDNESDAY)).refusal
    assert waits is not None and (waits.code, dict(waits.values)) == (PayoutRefusal.DAY_WAITS, {"on": TUESDAY})
    assert find_missing_statements(rails={}, at=morning(WEDNESDAY) + timedelta(days=1)) == 1
    clear_exception(
        exception_id=PayoutException.objects.get(kind="statement_missing").pk,
        officer_id=factories.officer().pk,
        note="Bank tidak punya.",
        at=morning(THURSDAY),
    )
    lines = closed(WEDNESDAY, morning(THURSDAY))
    assert named(lines) == {"statement_gap": ("office", 1, -1_000_000, None)}
    assert prove_ledger(connection).violations == ()


def test_what_was_sent_before_the_first_statement_is_not_held_against_it() -> None:
    earners(2)
    run = exported()
    first, _other = references(run.run_id)
    stated(TUESDAY, [booked(first, TUESDAY)])
    settled(run, at=morning(TUESDAY) + timedelta(minutes=1))
    lines = closed(TUESDAY, morning(TUESDAY) + timedelta(hours=1))
    assert lines["ledger_sent_before", ""][3:5] == (1, -600_000) and named(lines) == {}
    assert prove_ledger(connection).violations == ()


def test_a_rupiah_without_a_name_keeps_the_day_open() -> None:
    earners(1)
    run = exported()
    (first,) = references(run.run_id)
    stated(lines=[booked("BKL99", amount=5)])
    PayoutException.objects.all().delete()
    refused = close_day(partner="bni", at=morning(MONDAY)).refusal
    assert refused is not None and refused.code is PayoutRefusal.DAY_UNEXPLAINED
    assert not DayClosing.objects.exists()
    assert PayoutStatus.objects.filter(payout__reference=first).count() == 1


def test_a_closed_day_takes_no_other_statement() -> None:
    stated()
    closed()
    assert read(statement(MONDAY, account="2"), at=morning(MONDAY)).refusal is not None
    assert read(statement(MONDAY), at=morning(MONDAY)).refusal is None, "the same again is known"


def test_a_day_that_is_not_over_is_not_closed() -> None:
    stated()
    refused = close_day(partner="bni", at=jakarta(2020, 4, 27, 23)).refusal
    assert refused is not None and refused.code is PayoutRefusal.NOTHING_TO_CLOSE
