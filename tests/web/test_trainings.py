"""Pelatihan: searching, filtering by address, and one training with what others say of it."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.http import QueryDict

from bekal.catalogue.models import Category, Training
from bekal.catalogue.search import Sort
from bekal.lifecycle.revoke import revoke
from bekal.web.trainings import MAX_PAGE, address_with, wanted_of
from tests import factories
from tests.factories import jakarta
from tests.web.conftest import Visitor, text_of

SignIn = Callable[..., Visitor]
TITLE = re.compile(r'<h3><a href="/pelatihan/\d+/">([^<]+)</a></h3>')


@pytest.fixture
def person(db: None) -> int:
    """A participation with Rp300.000 left."""
    (person,) = factories.accepted()
    factories.reconciled(person, factories.training(price_rupiah=700_000, title="Yang pertama"))
    return person


def titles(page: str) -> list[str]:
    return TITLE.findall(page)


def test_only_what_fits_the_balance_is_shown_at_first(person: int, sign_in: SignIn) -> None:
    for price in (0, 300_000, 300_001, 900_000):
        factories.training(price_rupiah=price, title=f"Harga {price}")
    visitor = sign_in(person)
    assert set(titles(visitor.open("trainings"))) == {"Harga 0", "Harga 300000"}
    everything = visitor.open("trainings", query="?all=1")
    assert set(titles(everything)) == {"Harga 0", "Harga 300000", "Harga 300001", "Harga 900000", "Yang pertama"}
    assert text_of(everything).count("Di atas saldomu") == 2
    assert text_of(everything).count("Sudah dibeli") == 1
    assert "Gratis" in text_of(everything)


def test_a_typing_error_is_helped(person: int, sign_in: SignIn) -> None:
    factories.training(price_rupiah=100_000, title="Membuat Kopi Enak")
    page = sign_in(person).open("trainings", query="?q=koppi")
    assert titles(page) == []
    assert "Apakah maksudmu" in text_of(page)
    assert 'href="?q=kopi"' in page


def test_filters_are_addresses_that_keep_each_other(person: int, sign_in: SignIn) -> None:
    other = Category.objects.create(slug="kuliner", name_id="Kuliner", name_en="Food")
    factories.training(price_rupiah=1, title="Dapur daring", category=other)
    factories.training(price_rupiah=1, title="Dapur tatap muka", category=other, mode="on_site", province=33)
    factories.training(price_rupiah=1, title="Bukan dapur", mode="on_site", province=32)
    visitor = sign_in(person)
    page = visitor.open("trainings", query="?q=dapur")
    assert 'href="?q=dapur&amp;category=kuliner"' in page
    assert titles(visitor.open("trainings", query="?q=dapur&category=kuliner&mode=on_site")) == ["Dapur tatap muka"]
    assert set(titles(visitor.open("trainings", query="?province=32"))) == {"Dapur daring", "Bukan dapur"}
    assert 'href="?q=dapur&amp;mode=on_site"' in visitor.open(
        "trainings", query="?q=dapur&category=kuliner&mode=on_site"
    )


def test_pages_divide_the_list_without_losing_any(person: int, sign_in: SignIn) -> None:
    for number in range(30):
        factories.training(price_rupiah=1000 + number, title=f"Nomor {number}")
    visitor = sign_in(person)
    shown = [title for page in (1, 2, 3) for title in titles(visitor.open("trainings", query=f"?page={page}"))]
    assert len(shown) == 30 and len(set(shown)) == 30
    assert "Halaman 3 dari 3" in text_of(visitor.open("trainings", query="?page=3"))
    assert titles(visitor.open("trainings", query="?page=4")) == []


def test_nothing_found_says_what_to_do(person: int, sign_in: SignIn) -> None:
    visitor = sign_in(person)
    assert "Tidak ada yang muat di saldomu" in text_of(visitor.open("trainings", query="?q=zzz"))
    assert "Tidak ditemukan" in text_of(visitor.open("trainings", query="?q=zzz&all=1"))


def test_a_text_that_is_too_long_is_said(person: int, sign_in: SignIn) -> None:
    page = sign_in(person).open("trainings", query="?q=" + "a" * 101, expect=422)
    assert "Pencariannya 101 huruf; paling banyak 100." in text_of(page)


@pytest.mark.parametrize(
    "query",
    [
        "page=-1",
        "page=0",
        "page=99999999999999999999",
        "page=x&page[]=2",
        "province=abc",
        "province=-5",
        "province=999999999999",
        "mode=%00",
        "category=%F0%9F%92%A9%00",
        "sort=;drop",
        "q=%00%00",
        "q=%FF%FE",
        "q=%ED%A0%80",
        "q=%25_%5C%27%22",
        "all=2&all=1",
        "q[]=a&q[]=b",
        "&&&===",
        "category=" + "x" * 5000,
    ],
)
def test_any_address_gives_a_page(person: int, sign_in: SignIn, query: str) -> None:
    response = sign_in(person).get("/pelatihan/?" + query)
    assert response.status_code == 200


def test_an_address_is_read_within_bounds() -> None:
    wanted = wanted_of(QueryDict("q=%00a&page=999999&mode=x&sort=x&province=1&category="), may_spend=True)
    assert (wanted.text, wanted.page, wanted.mode, wanted.sort) == ("a", MAX_PAGE, None, Sort.RELEVANCE)
    assert (wanted.province, wanted.category, wanted.fits, wanted.is_filtered) == (None, None, True, False)
    assert not wanted_of(QueryDict("all=1"), may_spend=True).fits
    assert not wanted_of(QueryDict(""), may_spend=False).fits


def test_an_address_with_changes_goes_back_to_the_first_page() -> None:
    query = QueryDict("q=a&page=3&mode=webinar")
    assert address_with(query, mode=None, category="x") == "?q=a&category=x"
    assert query["page"] == "3"


def test_a_training_shows_its_reviews_and_their_spread(person: int, sign_in: SignIn) -> None:
    training = factories.training(
        price_rupiah=100_000, title="Barista", description="Baris satu.\n<script>alert(1)</script>"
    )
    for other, rating in zip(factories.accepted(3), (5, 5, 3), strict=True):
        factories.reviewed(other, training, rating=rating)
    page = sign_in(person).open("training", training.pk)
    assert "<script>alert" not in page and "Baris satu." in page
    assert text_of(page).count("Materinya jelas dan langsung bisa dipakai.") == 3
    assert "Beli dengan saldo" in text_of(page)
    bars = re.findall(r'aria-label="(\d)"><rect width="(\d+)"', page)
    assert bars == [("2", "667"), ("0", "0"), ("1", "333"), ("0", "0"), ("0", "0")]


def test_reviews_come_in_pages(person: int, sign_in: SignIn) -> None:
    training = factories.training(price_rupiah=100_000)
    for other in factories.accepted(11):
        factories.reviewed(other, training)
    visitor = sign_in(person)
    assert visitor.open("training", training.pk).count("Materinya jelas") == 10
    assert visitor.open("training", training.pk, query="?page=2").count("Materinya jelas") == 1
    assert visitor.open("training", training.pk, query="?page=-7").count("Materinya jelas") == 10


@pytest.mark.parametrize(
    ("price_rupiah", "on_sale", "words"),
    [
        (300_001, True, "Harga pelatihan ini Rp300.001 dan saldomu Rp300.000."),
        (100_000, False, "Pelatihan ini tidak dijual."),
    ],
)
def test_a_training_says_why_it_cannot_be_bought(
    person: int, sign_in: SignIn, price_rupiah: int, on_sale: bool, words: str
) -> None:
    training = factories.training(price_rupiah=price_rupiah, on_sale=on_sale)
    page = text_of(sign_in(person).open("training", training.pk))
    assert words in page and "Beli dengan saldo" not in page


def test_a_training_that_was_bought_leads_to_the_purchase(person: int, sign_in: SignIn) -> None:
    training = Training.objects.get(title="Yang pertama")
    page = text_of(sign_in(person).open("training", training.pk))
    assert "Lihat pembelianku" in page and "Beli dengan saldo" not in page


def test_who_was_revoked_reads_why(sign_in: SignIn) -> None:
    (person,) = factories.accepted(at=jakarta(2020, 9, 1))
    revoke(at=jakarta(2020, 11, 2))
    page = text_of(sign_in(person).open("training", factories.training().pk))
    assert "Kepesertaanmu sudah dicabut" in page


@pytest.mark.parametrize("number", ["0", "9" * 18, "9" * 30, "9" * 5000])
def test_a_training_that_does_not_exist_is_not_found(person: int, sign_in: SignIn, number: str) -> None:
    visitor = sign_in(person)
    for path in ("", "beli/", "beli/kode/"):
        assert visitor.get(f"/pelatihan/{number}/{path}").status_code == 404


def test_the_number_of_statements_does_not_grow_with_the_list(
    person: int, sign_in: SignIn, assert_queries: Callable[..., Any]
) -> None:
    visitor = sign_in(person)
    factories.training(price_rupiah=1)
    visitor.open("trainings")
    for _ in range(9):
        factories.training(price_rupiah=1)
    with assert_queries(11):
        visitor.open("trainings")
    training = factories.training(price_rupiah=1)
    for other in factories.accepted(3):
        factories.reviewed(other, training)
    with assert_queries(13):
        visitor.open("training", training.pk)
