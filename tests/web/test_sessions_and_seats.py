"""Pelatihan: when the sessions take place, how many seats are left, and where to look when there is none."""

import gzip
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from bekal.catalogue.schedule_sessions import NewSession, schedule_sessions
from bekal.purchases.models import Purchase
from tests import factories
from tests.factories import jakarta
from tests.web.conftest import Visitor, newest_code, text_of
from tests.web.test_pages import HTML_BUDGET

SignIn = Callable[..., Visitor]
AT = jakarta(2020, 11, 19)


@pytest.fixture
def person(db: None) -> int:
    """A participation with the whole balance."""
    (person,) = factories.accepted(at=jakarta(2020, 11, 2))
    return person


def dated(code: str, *sessions: dict[str, Any]) -> None:
    rows = [NewSession(**{"training_code": code, "sequence": n} | each) for n, each in enumerate(sessions, start=1)]
    schedule_sessions(sessions=rows, at=AT)


def test_sessions_have_their_day_hours_and_place(person: int, sign_in: SignIn) -> None:
    training = factories.training(code="kopi", session_count=4)
    dated(
        "kopi",
        {"starts_at": jakarta(2020, 11, 18, 19), "ends_at": jakarta(2020, 11, 18, 21), "place": "Ruang daring"},
        {"starts_at": jakarta(2020, 11, 28, 9)},
        {"starts_at": jakarta(2020, 12, 5, 22), "ends_at": jakarta(2020, 12, 6, 1)},
    )
    visitor = sign_in(person)
    page = text_of(visitor.open("training", training.pk))
    assert "Sesi 1 sudah lewat Rabu, 18 November 2020, 19.00 WIB sampai 21.00 WIB Ruang daring" in page
    assert "Sesi 2 Sabtu, 28 November 2020, 09.00 WIB Sesi 3" in page
    assert "Sesi 3 Sabtu, 5 Desember 2020, 22.00 WIB sampai 6 Desember 2020, 01.00 WIB" in page
    assert "1 sesi lain belum ada tanggalnya." in page and "Semua tanggal ini sudah lewat" not in page
    english = text_of(visitor.speak("en").open("training", training.pk))
    assert "Session 1 over Wednesday, 18 November 2020, 19.00 WIB to 21.00 WIB" in english
    assert "1 more session has no date yet." in english


def test_dates_that_have_all_passed_are_said_and_a_training_without_dates_says_nothing(
    person: int, sign_in: SignIn
) -> None:
    training = factories.training(code="kopi")
    visitor = sign_in(person)
    assert "Jadwal sesi" not in text_of(visitor.open("training", training.pk))
    dated("kopi", {"starts_at": jakarta(2020, 11, 19, 8)})
    assert "Semua tanggal ini sudah lewat." in text_of(visitor.open("training", training.pk))


def test_seats_count_down_until_the_training_is_full(person: int, sign_in: SignIn) -> None:
    training = factories.training(price_rupiah=100_000, seat_count=2, title="Kursi terbatas")
    visitor = sign_in(person)
    for sold, words in ((0, "2 tempat tersisa"), (1, "1 tempat tersisa")):
        assert words in text_of(visitor.open("training", training.pk)), sold
        for other in factories.accepted():
            factories.bought(other, training)
    page = visitor.open("training", training.pk)
    assert "Penuh" in text_of(page) and "Beli dengan saldo" not in page and "tempat tersisa" not in page
    assert 'href="/pelatihan/?category=keterampilan"' in page and "Lihat yang lain di Keterampilan" in text_of(page)
    assert "Penuh" in text_of(visitor.open("trainings"))
    english = text_of(visitor.speak("en").open("training", training.pk))
    assert "Full" in english and "Others in Skills" in english


def test_a_full_training_is_refused_on_the_check_page_and_buys_nothing(person: int, sign_in: SignIn) -> None:
    training = factories.training(price_rupiah=100_000, seat_count=1)
    (other,) = factories.accepted()
    factories.bought(other, training)
    visitor = sign_in(person)
    page = visitor.open("buy", training.pk)
    refused = visitor.send("buy", training.pk, price_rupiah="100000", expect=422)
    for each in (page, refused):
        assert "Semua tempat di pelatihan ini sudah terisi." in text_of(each)
        assert "Lihat yang lain di Keterampilan" in text_of(each) and 'name="price_rupiah"' not in each
    assert Purchase.objects.count() == 1


def test_the_last_seat_goes_to_who_types_the_code_first(person: int, sign_in: SignIn) -> None:
    training = factories.training(price_rupiah=100_000, seat_count=1)
    visitor = sign_in(person)
    visitor.send("buy", training.pk, price_rupiah="100000")
    code = newest_code(person)
    (other,) = factories.accepted()
    factories.bought(other, training)
    page = visitor.send("buy_code", training.pk, code=code, expect=422)
    assert "Semua tempat di pelatihan ini sudah terisi." in text_of(page)
    assert "Lihat yang lain di Keterampilan" in text_of(visitor.open("buy", training.pk))
    assert Purchase.objects.count() == 1


def test_who_has_bought_a_full_training_sees_the_purchase(person: int, sign_in: SignIn) -> None:
    training = factories.training(price_rupiah=100_000, seat_count=1)
    factories.bought(person, training, at=jakarta(2020, 11, 3))
    visitor = sign_in(person)
    assert "Lihat pembelianku" in text_of(visitor.open("training", training.pk))
    listed = text_of(visitor.open("trainings"))
    assert "Sudah dibeli" in listed and "Penuh" not in listed


def test_dates_cost_no_further_statement(person: int, sign_in: SignIn, assert_queries: Callable[..., Any]) -> None:
    training = factories.training(code="kopi", price_rupiah=1, session_count=3, seat_count=5)
    visitor = sign_in(person)
    visitor.open("training", training.pk)
    dated("kopi", *({"starts_at": jakarta(2020, 12, day, 9)} for day in (1, 2, 3)))
    with assert_queries(12):
        visitor.open("training", training.pk)


def test_thirty_sessions_keep_the_page_small(person: int, sign_in: SignIn) -> None:
    training = factories.training(code="kopi", session_count=30)
    starts = [jakarta(2020, 12, 1, 9) + timedelta(days=number) for number in range(30)]
    places = [f"Gedung Serbaguna lantai {number}, Jalan Merdeka {number * 7}, Bandung" for number in range(30)]
    hours = timedelta(hours=2)
    dated(
        "kopi",
        *({"starts_at": at, "ends_at": at + hours, "place": place} for at, place in zip(starts, places, strict=True)),
    )
    page = sign_in(person).open("training", training.pk)
    assert "Sesi 30" in text_of(page) and len(gzip.compress(page.encode())) <= HTML_BUDGET
