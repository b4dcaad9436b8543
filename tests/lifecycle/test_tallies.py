"""Figures that take seconds to count are asked for once, counted once, and kept with their instant."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bekal.lifecycle.models import Tally
from bekal.lifecycle.tallies import KEPT_FOR, Parameters, Waiting, ask, count_next, counted, waiting
from tests.factories import jakarta

pytestmark = pytest.mark.django_db
AT = jakarta(2020, 6, 1, 9)
THEN = jakarta(2020, 5, 1)


def count(*, at: datetime, as_of: datetime | None, parameters: Parameters) -> dict[str, Any]:
    return {"at": (as_of or at).astimezone(UTC).isoformat(), **parameters}


COUNTS = {"people": count}


def test_what_was_never_asked_for_is_neither_counted_nor_waiting() -> None:
    assert counted("people") is None and waiting("people") is None
    assert count_next(COUNTS, at=AT) is None


def test_asked_twice_it_is_one_request() -> None:
    for minutes in (0, 1):
        ask("people", at=AT + timedelta(minutes=minutes))
    assert waiting("people") == Waiting(AT, None)
    assert Tally.objects.count() == 1


def test_figures_have_their_instant_and_the_newest_are_kept() -> None:
    for hours in (0, 1):
        at = AT + timedelta(hours=hours)
        ask("people", at=at)
        assert count_next(COUNTS, at=at) == "people"
        found = counted("people")
        assert found is not None and found.figures == {"at": at.astimezone(UTC).isoformat()} and found.at == at
        assert waiting("people") is None
    assert Tally.objects.count() == 1


def test_other_instants_and_parameters_are_other_figures() -> None:
    ask("people", at=AT)
    ask("people", at=AT, as_of=THEN)
    ask("people", at=AT, parameters={"year": 2020})
    assert [count_next(COUNTS, at=AT) for _ in range(4)] == ["people"] * 3 + [None]
    found = [counted("people"), counted("people", as_of=THEN), counted("people", parameters={"year": 2020})]
    assert [each and each.figures for each in found] == [
        {"at": AT.astimezone(UTC).isoformat()},
        {"at": THEN.astimezone(UTC).isoformat()},
        {"at": AT.astimezone(UTC).isoformat(), "year": 2020},
    ]
    assert found[1] is not None and found[1].at == THEN
    assert counted("people", parameters={"year": 2021}) is None


def test_a_count_that_fails_stays_asked_for() -> None:
    def fail(*, at: datetime, as_of: datetime | None, parameters: Parameters) -> Any:
        raise RuntimeError

    ask("people", at=AT)
    with pytest.raises(RuntimeError):
        count_next({"people": fail}, at=AT)
    assert waiting("people") == Waiting(AT, AT) and counted("people") is None
    assert count_next(COUNTS, at=AT + timedelta(minutes=10)) == "people"


def test_what_nobody_counts_any_more_keeps_nothing_waiting() -> None:
    ask("of_another_version", at=AT)
    ask("people", at=AT)
    assert count_next(COUNTS, at=AT) == "people"


def test_those_of_past_instants_are_not_kept_for_ever() -> None:
    ask("people", at=AT, as_of=THEN)
    count_next(COUNTS, at=AT)
    ask("people", at=AT)
    count_next(COUNTS, at=AT + KEPT_FOR)
    assert counted("people", as_of=THEN) is not None
    ask("people", at=AT)
    count_next(COUNTS, at=AT + KEPT_FOR + timedelta(seconds=1))
    assert counted("people", as_of=THEN) is None and counted("people") is not None
