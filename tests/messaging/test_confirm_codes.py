"""`confirm_codes`: the right code once, five tries, ten minutes, and a budget of wrong tries for everybody together."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from bekal.core.refusal import Refusal
from bekal.messaging import confirm_codes as module
from bekal.messaging.confirm_codes import CodeAttempt, CodeOutcome, confirm_codes, were_used
from bekal.messaging.issue_codes import CodeRequest, IssuedCode, issue_codes
from bekal.messaging.models import Channel, OneTimeCode
from bekal.messaging.refusals import CodeRefusal
from tests.factories import jakarta
from tests.factories.unchanged import nothing_changes

AT = jakarta(2020, 4, 21)
SUBJECT = "buy:1:300000"


def issued(holder_id: int = 7, subject: str = SUBJECT, *, at: Any = AT) -> IssuedCode:
    (code,) = issue_codes(requests=[CodeRequest(holder_id, subject, Channel.SMS, "Barista Dasar")], at=at)
    assert isinstance(code, IssuedCode)
    return code


def attempt(code: str, holder_id: int = 7, subject: str = SUBJECT) -> CodeAttempt:
    return CodeAttempt(holder_id, subject, code)


def confirm(code: str, holder_id: int = 7, subject: str = SUBJECT, *, at: Any = AT) -> CodeOutcome:
    (outcome,) = confirm_codes(attempts=[attempt(code, holder_id, subject)], at=at)
    return outcome


def other_than(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06d}"


@pytest.mark.django_db
def test_the_right_code_is_taken_once() -> None:
    code = issued()
    at = AT + timedelta(minutes=3)
    assert confirm(code.code, at=at) == CodeOutcome(code.code_id, None, 5)
    assert OneTimeCode.objects.get().used_at == at
    with nothing_changes():
        assert confirm(code.code, at=at).refusal == Refusal(CodeRefusal.CODE_USED)


@pytest.mark.django_db
def test_the_last_second_counts_and_the_next_does_not() -> None:
    late, in_time = issued(7), issued(8)
    assert confirm(in_time.code, 8, at=AT + timedelta(minutes=10)).code_id == in_time.code_id
    with nothing_changes():
        outcome = confirm(late.code, at=AT + timedelta(minutes=10, microseconds=1))
    assert outcome.refusal == Refusal(CodeRefusal.CODE_EXPIRED)


@pytest.mark.django_db
def test_five_wrong_tries_block_the_code_even_for_the_right_digits() -> None:
    code = issued()
    for left in (4, 3, 2, 1, 0):
        outcome = confirm(other_than(code.code))
        assert outcome == CodeOutcome(None, Refusal(CodeRefusal.CODE_WRONG, {"attempts_left_count": left}), left)
        assert OneTimeCode.objects.get().attempts_left == left
    with nothing_changes():
        assert confirm(code.code) == CodeOutcome(None, Refusal(CodeRefusal.CODE_BLOCKED), 0)


@pytest.mark.django_db
def test_five_tries_in_one_call_are_five_tries() -> None:
    code = issued()
    wrong = [attempt(other_than(code.code))] * 6
    outcomes = confirm_codes(attempts=[*wrong, attempt(code.code)], at=AT)
    assert [outcome.refusal.code for outcome in outcomes if outcome.refusal] == [
        *[CodeRefusal.CODE_WRONG] * 5,
        *[CodeRefusal.CODE_BLOCKED] * 2,
    ]


@pytest.mark.django_db
def test_the_right_code_after_a_wrong_one_is_taken_once_in_one_call() -> None:
    code = issued()
    outcomes = confirm_codes(attempts=[attempt(other_than(code.code)), attempt(code.code), attempt(code.code)], at=AT)
    assert [outcome.code_id for outcome in outcomes] == [None, code.code_id, None]
    assert outcomes[2].refusal == Refusal(CodeRefusal.CODE_USED)


@pytest.mark.django_db
def test_a_new_code_takes_the_place_of_the_one_before() -> None:
    first = issued()
    second = issued(at=AT + timedelta(minutes=1))
    if first.code != second.code:
        assert confirm(first.code).refusal == Refusal(CodeRefusal.CODE_WRONG, {"attempts_left_count": 4})
    assert confirm(second.code).code_id == second.code_id


@pytest.mark.django_db
def test_a_code_is_bound_to_its_holder_and_its_subject() -> None:
    code = issued()
    with nothing_changes():
        for holder_id, subject in ((8, SUBJECT), (7, "buy:2:300000"), (7, "buy:1:250000"), (2**62, "x")):
            outcome = confirm(code.code, holder_id, subject)
            assert outcome == CodeOutcome(None, Refusal(CodeRefusal.CODE_NOT_ISSUED), 0)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "text", ["", "12345", "1234567", "12 345", "١٢٣٤٥٦", "12345\0", "\ud80012345", "-12345", "1e+005"]
)
def test_what_cannot_be_a_code_costs_no_try(text: str) -> None:
    issued()
    with nothing_changes():
        outcome = confirm(text)
    assert outcome == CodeOutcome(None, Refusal(CodeRefusal.CODE_MALFORMED), 5)


@pytest.mark.django_db
def test_after_the_budget_of_wrong_tries_no_code_is_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FAILURES_AN_HOUR", 7)
    codes = [issued(holder_id) for holder_id in range(3)]
    wrong = [attempt(other_than(codes[0].code), 0)] * 4 + [attempt(other_than(codes[1].code), 1)] * 4
    outcomes = confirm_codes(attempts=wrong, at=AT)
    paused = Refusal(CodeRefusal.CODES_PAUSED, {"wait_minutes": 60})
    assert [outcome.refusal == paused for outcome in outcomes] == [False] * 7 + [True]
    with nothing_changes():
        assert confirm(codes[2].code, 2).refusal == paused
    an_hour_later = AT + timedelta(minutes=60)
    fresh = issued(2, at=an_hour_later)
    assert confirm(fresh.code, 2, at=an_hour_later).code_id == fresh.code_id


@pytest.mark.django_db(transaction=True)
def test_of_rivals_with_the_right_code_one_gets_it(race: Callable[..., list[Any]]) -> None:
    code = issued()
    outcomes = race(*(lambda: confirm(code.code) for _ in range(6)))
    assert sorted(outcome.code_id is not None for outcome in outcomes) == [False] * 5 + [True]
    assert [outcome.refusal.code for outcome in outcomes if outcome.refusal] == [CodeRefusal.CODE_USED] * 5
    assert OneTimeCode.objects.get().attempts_left == 5


@pytest.mark.django_db(transaction=True)
def test_rivals_with_wrong_codes_have_five_tries_together(race: Callable[..., list[Any]]) -> None:
    code = issued()
    outcomes = race(*(lambda: confirm(other_than(code.code)) for _ in range(8)))
    found = [outcome.refusal.code for outcome in outcomes]
    assert sorted(found) == [CodeRefusal.CODE_BLOCKED] * 3 + [CodeRefusal.CODE_WRONG] * 5


@pytest.mark.django_db
def test_only_the_very_code_that_was_used_repeats() -> None:
    used, unused = issued(), issued(8)
    confirm(used.code)
    right = {used.code_id: attempt(used.code), unused.code_id: attempt(unused.code, 8)}
    assert were_used(attempts=right) == {used.code_id}
    for wrong in (
        attempt(other_than(used.code)),
        attempt(used.code, 8),
        attempt(used.code, 7, "x"),
        attempt("x\ud800"),
    ):
        with nothing_changes():
            assert were_used(attempts={used.code_id: wrong}) == frozenset()


@pytest.mark.django_db
def test_many_attempts_take_no_more_statements_than_two(assert_queries: Callable[[int], Any]) -> None:
    for first, count in ((0, 2), (100, 40)):
        codes = [issued(holder_id) for holder_id in range(first, first + count)]
        right = [attempt(code.code, code.holder_id) for code in codes[::2]]
        wrong = [attempt(other_than(code.code), code.holder_id) for code in codes[1::2]]
        with assert_queries(4):
            confirm_codes(attempts=[*right, *wrong], at=AT)
    with assert_queries(0):
        assert confirm_codes(attempts=[], at=AT) == ()
