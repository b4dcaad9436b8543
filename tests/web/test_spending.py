"""Rencana belanja saldo: three plans, the front as a chart and a table, limits by the address."""

import csv
import re
from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest

from bekal.catalogue.models import Training
from bekal.web import spending
from tests import factories
from tests.factories import jakarta
from tests.factories.serving import serving_model
from tests.web.conftest import Visitor, text_of

SignIn = Callable[..., Visitor]
ROW = re.compile(r'<th scope="row"><span class="num">Rp([\d.]+)</span></th><td class="num">Rp([\d.]+)</td>')
SET = re.compile(r"<details><summary>.*?</details>", re.DOTALL)


def rows(page: str) -> list[tuple[int, int]]:
    return [(int(used.replace(".", "")), int(left.replace(".", ""))) for used, left in ROW.findall(page)]


@pytest.fixture
def person(db: None) -> int:
    """Rp300,000 left; trainings of one to twelve hours, and one that does not say how long it is."""
    trainings = [
        factories.training(price_rupiah=35_000 + 11_950 * n, title=f"Kelas nomor {n}", hours=n or None)
        for n in range(13)
    ]
    for place, other in enumerate(factories.accepted(8)):
        factories.reviewed(other, trainings[place % 5])
    (person,) = factories.accepted()
    factories.reconciled(person, factories.training(price_rupiah=700_000))
    serving_model(at=jakarta(2020, 11, 18))
    return person


def test_every_row_adds_up_and_opens_to_its_set(person: int, sign_in: SignIn) -> None:
    page = sign_in(person).open("spending")
    found = rows(page)
    assert found and all(used + left == 300_000 for used, left in found)
    assert [used for used, _left in found] == sorted((used for used, _left in found), reverse=True)
    opened = SET.findall(page)
    assert len(opened) == len(found)
    for (used, _left), told in zip(found, opened, strict=True):
        costs = re.findall(r'</a><span class="num">Rp([\d.]+)</span>', told)
        assert sum(int(cost.replace(".", "")) for cost in costs) == used


def test_the_chart_says_in_words_what_it_shows(person: int, sign_in: SignIn) -> None:
    page = sign_in(person).open("spending")
    chart = re.search(r'<svg class="chart front"[^>]*role="img" aria-label="([^"]+)"', page)
    assert chart and "Rp300.000" in chart[1]
    assert page.count('class="point"') == page.count('class="card plan')
    assert "style=" not in page


def test_pages_lead_to_the_last_one_and_no_further(
    person: int, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spending, "ON_A_PAGE", 2)
    visitor = sign_in(person)
    seen: list[tuple[int, int]] = []
    for number in range(1, 100):
        page = visitor.open("spending", query=f"?page={number}")
        seen += rows(page)
        if 'rel="next"' not in page:
            break
    assert len(seen) == len(set(seen)) > 4
    last = visitor.open("spending", query="?page=9999")
    assert rows(last) == rows(page) and len(SET.findall(last)) == len(rows(last))
    lines = list(csv.reader(StringIO(visitor.get("/rencana/?form=csv").getvalue().decode("utf-8-sig"))))
    assert [(int(used), int(left)) for used, left, _share in lines[1:]] == seen
    assert visitor.get("/rencana/?form=xlsx").getvalue().startswith(b"PK")


def test_limits_come_with_the_address_and_stay_on_the_next_page(person: int, sign_in: SignIn) -> None:
    visitor = sign_in(person)
    page = visitor.open("spending", query="?count=1")
    assert all(told.count("<li") == 1 for told in SET.findall(page))
    assert 'href="?count=1&amp;form=csv"' in page or 'href="?count=1&form=csv"' in page
    hours = {f"Kelas nomor {n}": n for n in range(13)}
    page = visitor.open("spending", query="?hours=6")
    assert SET.findall(page)
    for told in SET.findall(page):
        names = re.findall(r"Kelas nomor \d+", told)
        assert "Kelas nomor 0" not in names, "a training of unknown length"
        assert sum(hours[name] for name in names) <= 6


@pytest.mark.parametrize(
    ("query", "name", "most"),
    [
        ("?count=0", "Paling banyak pelatihan", 8),
        ("?count=9", "Paling banyak pelatihan", 8),
        ("?count=dua", "Paling banyak pelatihan", 8),
        ("?hours=-1", "Paling banyak jam", 999),
        ("?hours=1.5", "Paling banyak jam", 999),
        ("?hours=%00%F0", "Paling banyak jam", 999),
        ("?hours=99999999999999999999999", "Paling banyak jam", 999),
    ],
)
def test_a_limit_that_is_none_is_named(person: int, sign_in: SignIn, query: str, name: str, most: int) -> None:
    page = sign_in(person).open("spending", query=query, expect=422)
    assert re.search(rf"{name}: “[^”]+” bukan batas. Tulis bilangan bulat dari 1 sampai {most}", text_of(page))
    assert rows(page), "the plans without that limit are shown"


def test_where_nothing_fits_the_page_says_what_to_do(person: int, sign_in: SignIn) -> None:
    (poor,) = factories.accepted()
    factories.reconciled(poor, factories.training(price_rupiah=999_950))
    page = text_of(sign_in(poor).open("spending"))
    assert "Tidak ada yang muat di saldo ini" in page or "Rp50" in page
    assert "Tidak ada yang sesuai batas ini" not in page


def test_limits_that_nothing_keeps_are_told(person: int, sign_in: SignIn) -> None:
    (new,) = factories.accepted(at=jakarta(2020, 11, 10))
    visitor = sign_in(new)
    Training.objects.update(hours=40)
    page = text_of(visitor.open("spending", query="?hours=3"))
    assert "Tidak ada yang sesuai batas ini" in page


def test_every_state_has_its_page(sign_in: SignIn, clock: Any) -> None:
    (person,) = factories.accepted(at=jakarta(2020, 11, 1))
    factories.training()
    visitor = sign_in(person)
    assert "Saran untukmu sedang disiapkan" in text_of(visitor.open("spending"))
    visitor.send("personalisation", on="0")
    assert "Kamu mematikan saran" in text_of(visitor.open("spending"))
    clock.set(2021, 1, 15)
    assert "Tidak ada yang perlu direncanakan" in text_of(visitor.open("spending"))


def test_the_number_of_statements_is_pinned(person: int, sign_in: SignIn, assert_queries: Callable[..., Any]) -> None:
    visitor = sign_in(person)
    visitor.open("spending")
    with assert_queries(14):
        visitor.open("spending")
