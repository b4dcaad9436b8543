"""Values as people read them, in both languages."""

from datetime import UTC, date, datetime

import pytest
from django.utils.translation import override

from bekal.ui import display

INSTANT = datetime(2021, 3, 24, 17, 5, tzinfo=UTC)  # past midnight in Jakarta


@pytest.mark.parametrize(("amount", "shown"), [(3_550_000, "Rp3.550.000"), (0, "Rp0"), (-50, "-Rp50")])
@pytest.mark.parametrize("language", ["id", "en"])
def test_rupiah_are_whole_and_written_out(amount: int, shown: str, language: str) -> None:
    with override(language):
        assert display.rupiah(amount) == shown


@pytest.mark.parametrize(
    ("language", "day", "weekday", "month"),
    [
        ("id", "25 Maret 2021", "Kamis, 25 Maret 2021", "Maret 2021"),
        ("en", "25 March 2021", "Thursday, 25 March 2021", "March 2021"),
    ],
)
def test_days_are_written_in_full(language: str, day: str, weekday: str, month: str) -> None:
    with override(language):
        for value in (date(2021, 3, 25), INSTANT):
            assert (display.day(value), display.weekday(value), display.month(value)) == (day, weekday, month)


def test_an_instant_says_its_time_zone() -> None:
    with override("id"):
        assert display.clock(INSTANT) == "00.05 WIB"
        assert display.moment(INSTANT) == "25 Maret 2021, 00.05 WIB"


@pytest.mark.parametrize(("language", "count", "rating"), [("id", "1.204", "4,6"), ("en", "1,204", "4.6")])
def test_numbers_follow_the_language(language: str, count: str, rating: str) -> None:
    with override(language):
        assert display.count(1204) == count
        assert display.decimal_1(4.55) == rating


@pytest.mark.parametrize(("share", "shown"), [(0.905, "91%"), (0.914, "91%"), (0, "0%"), (1, "100%")])
def test_a_share_is_rounded_as_people_round(share: float, shown: str) -> None:
    assert display.percent(share) == shown


def test_days_have_a_plural_in_english_only() -> None:
    with override("en"):
        assert (display.days(1), display.days(26)) == ("1 day", "26 days")
    with override("id"):
        assert (display.days(1), display.days(26)) == ("1 hari", "26 hari")


@pytest.mark.parametrize(
    ("name", "letters"), [("Balai Latihan Mandiri", "BL"), ("Ánh", "Á"), ("42 “Satu”", "·"), ("", "·")]
)
def test_a_monogram_takes_two_letters(name: str, letters: str) -> None:
    assert display.monogram(name) == letters
