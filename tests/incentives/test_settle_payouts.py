from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest
from django.db import connection

from bekal.incentives.models import Payout, PayoutException, PayoutFile, PayoutStatus
from bekal.incentives.partners.csv_rail import MAX_FAULTS
from bekal.incentives.plan_payout_run import plan_payout_run
from bekal.incentives.queries import file_content
from bekal.incentives.refusals import PayoutRefusal
from bekal.incentives.reverse_payouts import ask_to_reverse_payouts, reverse_payouts
from bekal.incentives.settle_payouts import Settled, settle_payouts
from bekal.ledger.movements import Kind, Movement
from bekal.ledger.post import IdempotencyConflict, Posting, post
from bekal.ledger.queries import balances_of, totals, transfers_of
from bekal.proofs.check import prove_ledger
from tests import factories
from tests.incentives.journey import (
    EXPORTED_AT,
    FIRST_PAY_ON,
    SETTLED_AT,
    earners,
    exported,
    officers,
    planned,
    references,
    settled,
)
from tests.incentives.partner import answers, status_file
from tests.incentives.test_export_payout_run import set_account

pytestmark = pytest.mark.django_db


def settle(content: bytes, *, partner: str = "bni") -> Settled:
    return settle_payouts(partner=partner, name="jawab.csv", content=content, at=SETTLED_AT)


def lines(*rows: tuple[str, int, str, str]) -> bytes:
    return status_file(rows)


def state_of_the_house() -> tuple[Any, ...]:
    """Everything a settlement may change."""
    statuses = PayoutStatus.objects.order_by("id").values_list("payout__reference", "state", "reason_code")
    ended = Payout.objects.order_by("reference").values_list("reference", "ended_at")
    return list(statuses), list(ended), totals()


def codes(outcome: Settled) -> list[str]:
    return [fault.code for fault in outcome.faults]


def troubles(outcome: Settled) -> list[tuple[str, str]]:
    """What could not be taken: kind and reference."""
    return [(opened.kind.value, opened.reference) for opened in outcome.opened]


def test_a_settled_payout_is_paid_and_a_rejected_one_is_committed_again() -> None:
    paid, refused = earners(2)
    run = exported()
    first, second = references(run.run_id)
    (outcome,) = settled(run, {second: "AC04"})
    assert (outcome.settled_count, outcome.rejected_count, outcome.unchanged_count) == (1, 1, 0)
    assert (outcome.settled_rupiah, outcome.rejected_rupiah, outcome.repeated) == (600_000, 600_000, False)
    balances = balances_of(owner_ids=[paid, refused])
    assert balances[paid][Kind.PAYOUT_SETTLED] == 600_000 and balances[paid][Kind.PAYOUT_IN_TRANSIT] == 0
    assert balances[refused][Kind.INCENTIVE_COMMITTED] == 2_400_000 and balances[refused][Kind.PAYOUT_IN_TRANSIT] == 0
    assert transfers_of(owner_id=paid)[-1].idempotency_key == f"settled:{first}"
    assert transfers_of(owner_id=refused)[-1].idempotency_key == f"rejected:{second}"
    ended = Payout.objects.filter(run_id=run.run_id).order_by("reference").values_list("ended_at", flat=True)
    assert list(ended) == [None, SETTLED_AT]
    reasons = (
        PayoutStatus.objects.exclude(state="sent").order_by("payout__reference").values_list("state", "reason_code")
    )
    assert list(reasons) == [("settled", ""), ("rejected", "AC04")]


def test_the_file_is_kept_byte_for_byte() -> None:
    earners()
    run = exported()
    content = answers(run.files[0].content).replace(b"\n", b"\r\n")
    outcome = settle_payouts(partner="bni", name="a/b\nc" * 60, content=content, at=SETTLED_AT)
    stored = file_content(run_id=run.run_id, file_id=outcome.file_id or 0)
    assert stored is not None and stored.content == content
    assert stored.name.isprintable() and len(stored.name) == 120
    assert file_content(run_id=run.run_id + 1, file_id=outcome.file_id or 0) is None


def test_the_same_file_twice_changes_nothing_and_says_what_the_first_did() -> None:
    earners(2)
    run = exported()
    content = answers(run.files[0].content, {references(run.run_id)[0]: "BE01"})
    first = settle(content)
    before = state_of_the_house()
    again = settle(content)
    assert again.repeated and (again.file_id, again.settled_count, again.rejected_count) == (first.file_id, 1, 1)
    assert state_of_the_house() == before


def test_a_rejected_payout_is_paid_by_its_next_attempt_and_the_old_file_still_changes_nothing() -> None:
    (person,) = earners()
    run = exported()
    (reference,) = references(run.run_id)
    content = answers(run.files[0].content, {reference: "AM14"})
    settle(content)
    again = exported()
    settled(again)
    before = state_of_the_house()
    assert settle(content).repeated
    assert state_of_the_house() == before
    assert balances_of(owner_ids=[person])[person][Kind.PAYOUT_SETTLED] == 600_000


def test_a_file_may_answer_a_part_and_repeat_what_was_said() -> None:
    earners(3)
    run = exported()
    a, b, c = references(run.run_id)
    first = settle(lines((a, 600_000, "settled", "")))
    assert (first.settled_count, first.unchanged_count) == (1, 0)
    second = settle(lines((a, 600_000, "settled", ""), (b, 600_000, "rejected", "AC06"), (c, 600_000, "settled", "")))
    assert (second.settled_count, second.rejected_count, second.unchanged_count) == (1, 1, 1)
    third = settle(lines((c, 600_000, "settled", "")))
    assert (third.settled_count, third.unchanged_count, third.repeated) == (0, 1, False)
    assert totals()[Kind.PAYOUT_IN_TRANSIT] == 0


@pytest.mark.parametrize(
    ("known", "said"),
    [
        (("settled", ""), ("rejected", "AC04")),
        (("rejected", "AC04"), ("settled", "")),
        (("rejected", "AC04"), ("rejected", "AC06")),
        (("rejected", "AC04"), ("returned", "AC04")),
    ],
)
def test_an_answer_that_contradicts_an_earlier_one_moves_nothing_and_is_an_exception(
    known: tuple[str, str], said: tuple[str, str]
) -> None:
    earners(2)
    run = exported()
    a, b = references(run.run_id)
    settle(lines((a, 600_000, *known)))
    before = PayoutStatus.objects.filter(payout__reference=a).count(), Payout.objects.get(reference=a).ended_at
    outcome = settle(lines((b, 600_000, "settled", ""), (a, 600_000, *said)))
    assert (outcome.settled_count, troubles(outcome)) == (1, [("contradiction", a)])
    assert before == (
        PayoutStatus.objects.filter(payout__reference=a).count(),
        Payout.objects.get(reference=a).ended_at,
    )
    (exception,) = PayoutException.objects.all()
    assert (exception.line, exception.said, exception.said_rupiah) == (3, " ".join(said).strip(), 600_000)
    assert (exception.owner, exception.file_id, exception.resolved_at) == ("partner", outcome.file_id, None)
    assert exception.payout is not None and exception.payout.reference == a
    assert prove_ledger(connection).violations == ()


@pytest.mark.parametrize("reason", ["AM05", "DUPL", "DU03", "DU04"])
def test_what_a_partner_has_seen_before_is_not_over_for_that(reason: str) -> None:
    """It speaks of the second time it heard of the payment; the first may be paid at any moment."""
    earners(2)
    first, second = references(exported().run_id)
    settle(lines((first, 600_000, "settled", "")))
    before = state_of_the_house()
    outcome = settle(lines((first, 600_000, "rejected", reason), (second, 600_000, "rejected", reason)))
    assert (outcome.rejected_count, outcome.unchanged_count, outcome.opened) == (0, 2, ())
    assert state_of_the_house() == before
    again = plan_payout_run(planned_for=FIRST_PAY_ON, officer_id=factories.officer().pk, at=SETTLED_AT)
    assert again.run_id is None, "nobody is paid again"
    assert settle(lines((second, 600_000, "settled", ""))).settled_count == 1


def test_a_line_that_does_not_fit_what_was_sent_is_an_exception_and_the_others_are_taken() -> None:
    _, other = earners(2)
    set_account(other, "ovo", "081234567890")
    run = exported()
    bni, ovo = run.files
    (a,) = (row.split(",")[0] for row in bni.content.decode().splitlines()[1:-1])
    (b,) = (row.split(",")[0] for row in ovo.content.decode().splitlines()[1:-1])
    next_attempt = a.replace("A01", "A02")
    wrong = [
        ("BKL9", 5, "settled", ""),
        (next_attempt, 600_000, "settled", ""),
        (b, 600_000, "settled", ""),
        (a, 600_001, "settled", ""),
    ]
    before = state_of_the_house()
    outcome = settle(lines(*wrong[:3]))
    assert troubles(outcome) == [
        ("unknown_reference", "BKL9"),
        ("unknown_reference", next_attempt),
        ("other_partner", b),
    ]
    assert troubles(settle(lines(wrong[3]))) == [("amount_mismatch", a)]
    assert state_of_the_house() == before
    # The same trouble again, in another file, is one exception.
    assert settle(lines(*wrong[:2])).exception_count == 0
    assert PayoutException.objects.count() == 4
    taken = settle(lines(wrong[0], (a, 600_000, "settled", "")))
    assert (taken.settled_count, taken.run_id) == (1, run.run_id)
    assert prove_ledger(connection).violations == ()


def test_a_file_that_does_not_hold_together_is_refused_whole() -> None:
    earners()
    run = exported()
    (a,) = references(run.run_id)
    good = (a, 600_000, "settled", "")
    before = state_of_the_house(), PayoutFile.objects.count()
    for content, code, values in (
        (lines(good).replace(b"settled", b"SETTLED"), PayoutRefusal.FILE_STATE, {"line": 2, "column": "state"}),
        (lines(good)[:-30], PayoutRefusal.FILE_TRAILER, {"column": "sha256"}),
        (b"", PayoutRefusal.FILE_NO_TRAILER, {"line": 1}),
        (b"<Document/>", PayoutRefusal.FILE_KIND, {}),
        (b":20:A", PayoutRefusal.FILE_NO_LINES, {}),
    ):
        outcome = settle(content)
        assert outcome.refusal is not None and outcome.refusal == outcome.faults[0]
        assert outcome.refusal.code == code
        assert values.items() <= dict(outcome.refusal.values).items()
    assert before == (state_of_the_house(), PayoutFile.objects.count())
    assert PayoutException.objects.count() == 0


def test_every_fault_of_a_file_is_told_up_to_a_hundred() -> None:
    wrong = [(f"BKL{number}", 5, "SETTLED", "") for number in range(MAX_FAULTS + 50)]
    assert codes(settle(lines(*wrong[:3]))) == [PayoutRefusal.FILE_STATE] * 3
    assert len(settle(lines(*wrong)).faults) == MAX_FAULTS


def test_a_file_may_answer_several_runs() -> None:
    earners()
    one = exported()
    earners()
    other = exported()
    both = [(reference, 600_000, "settled", "") for run in (one, other) for reference in references(run.run_id)]
    outcome = settle(lines(*both))
    assert (outcome.run_id, outcome.settled_count) == (None, 2)
    assert totals()[Kind.PAYOUT_IN_TRANSIT] == 0
    assert prove_ledger(connection).violations == ()


def test_what_was_not_sent_cannot_be_answered() -> None:
    earners()
    run_id = planned().run_id or 0
    (reference,) = references(run_id)
    before = state_of_the_house()
    outcome = settle(lines((reference, 600_000, "settled", "")))
    assert troubles(outcome) == [("unknown_reference", reference)]
    assert state_of_the_house() == before


def test_many_answers_are_a_handful_of_statements(
    assert_queries: Callable[[int], AbstractContextManager[None]],
) -> None:
    earners(30)
    run = exported()
    content = answers(run.files[0].content, {references(run.run_id)[0]: "AC04"})
    with assert_queries(16):
        assert settle(content).settled_count == 29


@pytest.mark.django_db(transaction=True)
def test_contradicting_files_at_once_one_of_them_wins(race: Callable[..., list[Any]]) -> None:
    (person,) = earners()
    run = exported()
    (reference,) = references(run.run_id)
    results = race(
        lambda: settle(lines((reference, 600_000, "settled", ""))),
        lambda: settle(lines((reference, 600_000, "rejected", "AC04"))),
    )
    assert sorted(troubles(one) for one in results) == [[], [("contradiction", reference)]]
    balances = balances_of(owner_ids=[person])[person]
    assert balances[Kind.PAYOUT_IN_TRANSIT] == 0
    assert PayoutStatus.objects.exclude(state="sent").count() == 1


@pytest.mark.django_db(transaction=True)
def test_the_same_file_at_once_is_taken_once(race: Callable[..., list[Any]]) -> None:
    earners(5)
    run = exported()
    content = answers(run.files[0].content)
    results = race(*[lambda: settle(content)] * 3)
    assert sorted(one.repeated for one in results) == [False, True, True]
    assert {one.settled_count for one in results} == {5}
    assert totals()[Kind.PAYOUT_SETTLED] == 5 * 600_000


def test_a_failure_in_the_middle_leaves_nothing() -> None:
    """The ledger refuses when file and statuses are written already: the key stands for something else there."""
    _, person = earners(2)
    run = exported()
    reference = references(run.run_id)[-1]
    post(postings=[Posting(person, Movement.SETTLE, 1, f"settled:{reference}")], at=EXPORTED_AT)
    before = state_of_the_house()
    with pytest.raises(IdempotencyConflict):
        settle(answers(run.files[0].content))
    assert state_of_the_house() == before


# Money that comes back


def came_back(reference: str, reason_code: str = "AC04") -> bytes:
    return lines((reference, 600_000, "returned", reason_code))


def test_what_the_bank_sent_back_is_committed_and_due_again() -> None:
    (person,) = earners()
    run = exported()
    (reference,) = references(run.run_id)
    settled(run)
    content = came_back(reference)
    outcome = settle(content)
    assert (outcome.returned_count, outcome.returned_rupiah, outcome.settled_count, outcome.unchanged_count) == (
        1,
        600_000,
        0,
        0,
    )
    money = balances_of(owner_ids=[person])[person]
    assert (money[Kind.PAYOUT_SETTLED], money[Kind.PAYOUT_IN_TRANSIT], money[Kind.INCENTIVE_COMMITTED]) == (
        0,
        0,
        2_400_000,
    )
    assert transfers_of(owner_id=person)[-1].idempotency_key == f"returned:{reference}"
    before = state_of_the_house()
    again = settle(content)
    assert again.repeated and again.returned_count == 1 and state_of_the_house() == before
    second = exported()
    assert references(second.run_id) == [reference.replace("A01", "A02")]
    settled(second)
    assert balances_of(owner_ids=[person])[person][Kind.PAYOUT_SETTLED] == 600_000
    other_file = status_file([(reference, 600_000, "settled", "")], line_end="\r\n")
    assert settle(other_file).unchanged_count == 1, "it was paid, once"


def test_what_came_back_was_paid_before_in_whatever_order_the_files_come() -> None:
    (person,) = earners()
    run = exported()
    (reference,) = references(run.run_id)
    outcome = settle(came_back(reference))
    assert (outcome.settled_count, outcome.returned_count, troubles(outcome)) == (1, 1, [])
    assert settle(lines((reference, 600_000, "settled", ""))).unchanged_count == 1
    assert balances_of(owner_ids=[person])[person].get(Kind.PAYOUT_IN_TRANSIT, 0) == 0
    assert Payout.objects.get().ended_at is not None
    assert prove_ledger(connection).violations == ()


@pytest.mark.parametrize("said", [("returned", "AC06"), ("rejected", "AC04")])
def test_what_contradicts_a_return_is_an_exception(said: tuple[str, str]) -> None:
    earners()
    run = exported()
    (reference,) = references(run.run_id)
    settled(run)
    settle(came_back(reference))
    before = state_of_the_house()
    assert troubles(settle(lines((reference, 600_000, *said)))) == [("contradiction", reference)]
    assert state_of_the_house() == before


@pytest.mark.django_db(transaction=True)
def test_a_return_and_a_reversal_at_once_one_of_them_wins(race: Callable[..., list[Any]]) -> None:
    (person,) = earners()
    run = exported()
    (reference,) = references(run.run_id)
    settled(run)
    asker, other = officers()
    ask_to_reverse_payouts(references=[reference], reason_code="DUPL", officer_id=asker.pk, at=SETTLED_AT)
    returned, (reversal,) = race(
        lambda: settle(came_back(reference)),
        lambda: reverse_payouts(references=[reference], reason_code="DUPL", officer_id=other.pk, at=SETTLED_AT),
    )
    assert (troubles(returned) == []) != (reversal.refusal is None)
    assert balances_of(owner_ids=[person])[person][Kind.PAYOUT_SETTLED] == 0
    assert PayoutStatus.objects.filter(state__in=["returned", "reversed"]).count() == 1
