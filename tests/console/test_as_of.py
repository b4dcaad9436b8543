"""An address names an instant; what is no instant is said at the field and never taken for now unseen."""

from datetime import datetime, timedelta

import pytest
from django.test import RequestFactory

from bekal.console.as_of import AsOf, as_of
from tests.factories import jakarta

END = timedelta(microseconds=999_999)


def asked(text: str) -> AsOf:
    return as_of(RequestFactory().get("/", {"as_of": text}))


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2020-07-27", jakarta(2020, 7, 27, 23, 59) + timedelta(seconds=59) + END),
        ("2020-07-27 15:30", jakarta(2020, 7, 27, 15, 30) + timedelta(seconds=59) + END),
        ("2020-07-27T15:30:07", jakarta(2020, 7, 27, 15, 30) + timedelta(seconds=7) + END),
        ("2020-07-27T15:30:07.25", jakarta(2020, 7, 27, 15, 30) + timedelta(seconds=7.25)),
        ("2020-07-27T08:30:07Z", jakarta(2020, 7, 27, 15, 30) + timedelta(seconds=7) + END),
        ("2020-07-27T17:30+09:00", jakarta(2020, 7, 27, 15, 30) + timedelta(seconds=59) + END),
    ],
)
def test_an_instant_is_up_to_the_end_of_what_is_written(text: str, at: datetime) -> None:
    found = asked(text)
    assert (found.at, found.problem) == (at, "")
    assert as_of(RequestFactory().get("/" + found.query)).at == at


def test_what_the_field_sends_back_is_the_same_instant() -> None:
    for text in ("2020-07-27", "2020-07-27 15:30", "2020-07-27T15:30:07"):
        assert asked(asked(text).field).at == asked(text).at


NO_DAYS = ["kemarin", "2020-13-01", "2020-02-30", "0000-01-01", "1899-12-31", "9999-12-31", "٢٠٢٠-٠٧-٢٧", "2020-W30"]
NO_TIMES = [
    "2020-07-27T25:00",
    "2020-07-27T15:30.5",
    "2020-07-27T15:30+99:99",
    "2020-07-27\n1",
    "9" * 400,
    "\x00",
    "-1",
]


@pytest.mark.parametrize("text", [*NO_DAYS, *NO_TIMES])
def test_anything_else_is_said_in_a_sentence(text: str) -> None:
    found = asked(text)
    assert (found.at, found.query, found.field) == (None, "", "")
    assert found.problem.endswith("bukan tanggal dan bukan waktu. Tulis seperti 2020-07-27 atau 2020-07-27 15:30.")
    assert len(found.problem) < 200 and "\x00" not in found.problem


def test_nothing_asked_is_now() -> None:
    assert asked("") == asked("   ") == AsOf(None, "")


def test_an_offset_the_database_does_not_know_is_told_on_the_clock_of_jakarta() -> None:
    at = asked("2020-07-27T10:00:00.5+23:59").at
    assert at == datetime.fromisoformat("2020-07-26T17:01:00.500000+07:00")
    assert at is not None and at.utcoffset() == timedelta(hours=7)
