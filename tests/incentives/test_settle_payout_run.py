from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import Any

import pytest

from bekal.incentives.export_payout_run import Exported
from bekal.incentives.models import Payout, PayoutFile, PayoutStatus
from bekal.incentives.partners.csv_rail import MAX_FAULTS
from bekal.incentives.queries import file_content
from bekal.incentives.refusals import PayoutRefusal
from bekal.incentives.reverse_payouts import ask_to_reverse_payouts, reverse_payouts
from bekal.incentives.settle_payout_run import Settled, settle_payout_run
from bekal.ledger.movements import Kind, Movement
from bekal.ledger.post import IdempotencyConflict, Posting, post
from bekal.ledger.queries import balances_of, totals, transfers_of
from tests.incentives.journey import (
    EXPORTED_AT,
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


def settle(run: Exported, content: bytes, *, partner: str = "bni", run_id: int | None = -1) -> Settled:
    chosen = run.run_id if run_id == -1 else run_id
    return settle_payout_run(run_id=chosen, partner=partner, name="jawab.csv", content=content, at=SETTLED_AT)


def lines(*rows: tuple[str, int, str, str]) -> bytes:
    return status_file(rows)


def state_of_the_house() -> tuple[Any, ...]:
    """Everything a settlement may change."""
    statuses = PayoutStatus.objects.order_by("id").values_list("payout__reference", "state", "reason_code")
    ended = Payout.objects.order_by("reference").values_list("reference", "ended_at")
    return list(statuses), list(ended), PayoutFile.objects.count(), totals()


def codes(outcome: Settled) -> list[str]:
    return [fault.code for fault in outcome.exceptions]


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
    outcome = settle_payout_run(run_id=run.run_id, partner="bni", name="a/b\nc" * 60, content=content, at=SETTLED_AT)
    stored = file_content(run_id=run.run_id, file_id=outcome.file_id or 0)
    assert stored is not None and stored.content == content
    assert stored.name.isprintable() and len(stored.name) == 120
    assert file_content(run_id=run.run_id + 1, file_id=outcome.file_id or 0) is None


def test_the_same_file_twice_changes_nothing_and_says_what_the_first_did() -> None:
    earners(2)
    run = exported()
    content = answers(run.files[0].content, {references(run.run_id)[0]: "BE01"})
    first = settle(run, content)
    before = state_of_the_house()
    again = settle(run, content)
    assert again.repeated and (again.file_id, again.settled_count, again.rejected_count) == (first.file_id, 1, 1)
    assert state_of_the_house() == before


def test_a_rejected_payout_is_paid_by_its_next_attempt_and_the_old_file_still_changes_nothing() -> None:
    (person,) = earners()
    run = exported()
    (reference,) = references(run.run_id)
    content = answers(run.files[0].content, {reference: "AM14"})
    settle(run, content)
    again = exported()
    settled(again)
    before = state_of_the_house()
    assert settle(run, content).repeated
    assert state_of_the_house() == before
    assert balances_of(owner_ids=[person])[person][Kind.PAYOUT_SETTLED] == 600_000


def test_a_file_may_answer_a_part_and_repeat_what_was_said() -> None:
    earners(3)
    run = exported()
    a, b, c = references(run.run_id)
    first = settle(run, lines((a, 600_000, "settled", "")))
    assert (first.settled_count, first.unchanged_count) == (1, 0)
    second = settle(
        run, lines((a, 600_000, "settled", ""), (b, 600_000, "rejected", "AC06"), (c, 600_000, "settled", ""))
    )
    assert (second.settled_count, second.rejected_count, second.unchanged_count) == (1, 1, 1)
    third = settle(run, lines((c, 600_000, "settled", "")))
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
def test_an_answer_that_contradicts_an_earlier_one_refuses_the_file(
    known: tuple[str, str], said: tuple[str, str]
) -> None:
    earners(2)
    run = exported()
    a, b = references(run.run_id)
    settle(run, lines((a, 600_000, *known)))
    before = state_of_the_house()
    outcome = settle(run, lines((b, 600_000, "settled", ""), (a, 600_000, *said)))
    assert codes(outcome) == [PayoutRefusal.CONTRADICTION]
    assert outcome.refusal is not None and outcome.refusal.values == {
        "line": 3,
        "column": "state",
        "reference": a,
        "value": " ".join(said).strip(),
        "expected": " ".join(known).strip(),
    }
    assert state_of_the_house() == before


def test_a_file_that_does_not_fit_what_was_sent_is_refused_whole() -> None:
    _, other = earners(2)
    set_account(other, "ovo", "081234567890")
    run = exported()
    bni, ovo = run.files
    (a,) = (row.split(",")[0] for row in bni.content.decode().splitlines()[1:-1])
    (b,) = (row.split(",")[0] for row in ovo.content.decode().splitlines()[1:-1])
    good = (a, 600_000, "settled", "")
    before = state_of_the_house()
    cases: Iterable[tuple[bytes, PayoutRefusal, dict[str, object]]] = [
        (lines(good, ("BKL9", 5, "settled", "")), PayoutRefusal.UNKNOWN_REFERENCE, {"line": 3, "value": "BKL9"}),
        (lines((a.replace("A01", "A02"), 600_000, "settled", "")), PayoutRefusal.UNKNOWN_REFERENCE, {"line": 2}),
        (lines((a, 600_001, "settled", "")), PayoutRefusal.AMOUNT_MISMATCH, {"value": 600_001, "expected": 600_000}),
        (lines(good, (b, 600_000, "settled", "")), PayoutRefusal.OTHER_PARTNER, {"partner": "bni", "expected": "ovo"}),
        (lines(good).replace(b"settled", b"SETTLED"), PayoutRefusal.FILE_STATE, {"line": 2, "column": "state"}),
        (lines(good)[:-30], PayoutRefusal.FILE_TRAILER, {"column": "sha256"}),
        (b"", PayoutRefusal.FILE_NO_TRAILER, {"line": 1}),
    ]
    for content, code, values in cases:
        for run_id in (run.run_id, None):
            outcome = settle(run, content, run_id=run_id)
            assert outcome.refusal is not None and outcome.refusal == outcome.exceptions[0]
            assert outcome.refusal.code == code
            assert values.items() <= dict(outcome.refusal.values).items()
            assert state_of_the_house() == before


def test_every_fault_of_a_file_is_told_up_to_a_hundred() -> None:
    earners()
    run = exported()
    wrong = [(f"BKL{number}", 5, "settled", "") for number in range(MAX_FAULTS + 50)]
    assert codes(settle(run, lines(*wrong[:3]))) == [PayoutRefusal.UNKNOWN_REFERENCE] * 3
    assert len(settle(run, lines(*wrong)).exceptions) == MAX_FAULTS


def test_without_a_number_the_run_is_that_of_the_first_reference() -> None:
    earners()
    run = exported()
    outcome = settle(run, answers(run.files[0].content), run_id=None)
    assert (outcome.run_id, outcome.settled_count) == (run.run_id, 1)


def test_a_run_takes_only_answers_to_its_own_list() -> None:
    (first,) = earners()
    one = exported()
    earners()
    other = exported()
    assert codes(settle(one, answers(other.files[0].content))) == [PayoutRefusal.UNKNOWN_REFERENCE]
    settle(other, answers(other.files[0].content))
    assert codes(settle(one, answers(other.files[0].content))) == [PayoutRefusal.UNKNOWN_REFERENCE]
    assert balances_of(owner_ids=[first])[first][Kind.PAYOUT_IN_TRANSIT] == 600_000


def test_what_was_not_sent_cannot_be_answered() -> None:
    earners()
    run_id = planned().run_id or 0
    (reference,) = references(run_id)
    content = lines((reference, 600_000, "settled", ""))
    run = Exported(run_id, ())
    assert codes(settle(run, content)) == [PayoutRefusal.RUN_NOT_EXPORTED]
    assert codes(settle(run, content, run_id=10**9)) == [PayoutRefusal.RUN_NOT_FOUND]


def test_many_answers_are_a_handful_of_statements(
    assert_queries: Callable[[int], AbstractContextManager[None]],
) -> None:
    earners(30)
    run = exported()
    content = answers(run.files[0].content, {references(run.run_id)[0]: "AC04"})
    with assert_queries(8):
        assert settle(run, content).settled_count == 29


@pytest.mark.django_db(transaction=True)
def test_contradicting_files_at_once_one_of_them_wins(race: Callable[..., list[Any]]) -> None:
    (person,) = earners()
    run = exported()
    (reference,) = references(run.run_id)
    results = race(
        lambda: settle(run, lines((reference, 600_000, "settled", ""))),
        lambda: settle(run, lines((reference, 600_000, "rejected", "AC04"))),
    )
    assert sorted(codes(one) for one in results) == [[], [PayoutRefusal.CONTRADICTION]]
    balances = balances_of(owner_ids=[person])[person]
    assert balances[Kind.PAYOUT_IN_TRANSIT] == 0
    assert PayoutStatus.objects.exclude(state="sent").count() == 1


@pytest.mark.django_db(transaction=True)
def test_the_same_file_at_once_is_taken_once(race: Callable[..., list[Any]]) -> None:
    earners(5)
    run = exported()
    content = answers(run.files[0].content)
    results = race(*[lambda: settle(run, content)] * 3)
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
        settle(run, answers(run.files[0].content))
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
    outcome = settle(run, content)
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
    again = settle(run, content)
    assert again.repeated and again.returned_count == 1 and state_of_the_house() == before
    second = exported()
    assert references(second.run_id) == [reference.replace("A01", "A02")]
    settled(second)
    assert balances_of(owner_ids=[person])[person][Kind.PAYOUT_SETTLED] == 600_000
    other_file = status_file([(reference, 600_000, "settled", "")], line_end="\r\n")
    assert settle(run, other_file).unchanged_count == 1, "it was paid, once"


def test_a_return_of_what_was_never_paid_refuses_the_file() -> None:
    earners()
    run = exported()
    (reference,) = references(run.run_id)
    before = state_of_the_house()
    assert codes(settle(run, came_back(reference))) == [PayoutRefusal.RETURNED_BEFORE_PAID]
    assert state_of_the_house() == before


@pytest.mark.parametrize("said", [("returned", "AC06"), ("rejected", "AC04")])
def test_what_contradicts_a_return_refuses_the_file(said: tuple[str, str]) -> None:
    earners()
    run = exported()
    (reference,) = references(run.run_id)
    settled(run)
    settle(run, came_back(reference))
    before = state_of_the_house()
    outcome = settle(run, lines((reference, 600_000, *said)))
    assert codes(outcome) == [PayoutRefusal.CONTRADICTION]
    assert outcome.refusal is not None and outcome.refusal.values["expected"] == "returned AC04"
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
        lambda: settle(run, came_back(reference)),
        lambda: reverse_payouts(references=[reference], reason_code="DUPL", officer_id=other.pk, at=SETTLED_AT),
    )
    assert (returned.refusal is None) != (reversal.refusal is None)
    assert balances_of(owner_ids=[person])[person][Kind.PAYOUT_SETTLED] == 0
    assert PayoutStatus.objects.filter(state__in=["returned", "reversed"]).count() == 1
