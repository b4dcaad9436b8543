"""`open_wave`: a wave with sensible days and places, each number once."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from bekal.participants.models import Wave
from bekal.participants.open_wave import WaveError, open_wave
from tests.factories import jakarta
from tests.factories.unchanged import nothing_changes

AT = jakarta(2020, 4, 10)
GOOD: dict[str, Any] = {
    "number": 1,
    "opens_on": date(2020, 4, 11),
    "closes_on": date(2020, 4, 16),
    "quota_count": 200_000,
}


@pytest.mark.django_db
def test_a_wave_is_opened() -> None:
    wave = open_wave(**GOOD, at=AT)
    assert Wave.objects.values_list("number", "opens_on", "closes_on", "quota_count").get(pk=wave.pk) == tuple(
        GOOD.values()
    )


@pytest.mark.django_db
def test_a_wave_of_one_day_may_close_today() -> None:
    open_wave(**GOOD | {"opens_on": date(2020, 4, 10), "closes_on": date(2020, 4, 10)}, at=AT)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"number": 0}, r"number is 0: write a whole number from 1"),
        ({"number": 2**31}, r"number is 2147483648: write"),
        ({"quota_count": 0}, r"quota_count is 0: write"),
        ({"quota_count": -5}, r"quota_count is -5: write"),
        ({"quota_count": 2**70}, r"quota_count is \d+: write"),
        ({"closes_on": date(2020, 4, 10)}, r"closes_on is 2020-04-10, before opens_on 2020-04-11: choose"),
        ({"opens_on": date(2020, 4, 1), "closes_on": date(2020, 4, 9)}, r"closes_on is 2020-04-09, which has passed"),
    ],
)
def test_bad_input_is_refused_with_field_value_and_mend(changes: dict[str, Any], sentence: str) -> None:
    with nothing_changes(), pytest.raises(WaveError, match=sentence):
        open_wave(**GOOD | changes, at=AT)


@pytest.mark.django_db
def test_a_number_is_opened_once() -> None:
    open_wave(**GOOD, at=AT)
    with nothing_changes(), pytest.raises(WaveError, match="number is 1, and that wave is open already"):
        open_wave(**GOOD, at=AT)


@pytest.mark.django_db(transaction=True)
def test_of_two_rivals_one_opens_it(race: Callable[..., list[Any]]) -> None:
    results = race(lambda: open_wave(**GOOD, at=AT), lambda: open_wave(**GOOD, at=AT))
    assert sorted(type(result).__name__ for result in results) == ["Wave", "WaveError"]
    assert Wave.objects.count() == 1
