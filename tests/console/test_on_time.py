"""Paid on time, measured beside said: filters, small groups, files, and what front loading would have changed."""

import csv
from collections.abc import Callable
from contextlib import AbstractContextManager
from io import StringIO

import pytest
from django.test import Client
from django.utils import translation

from bekal.console import on_time as module
from bekal.engagement.models import SurveyResponse
from bekal.participants.models import District, Participant
from tests import factories
from tests.conftest import StoppedClock
from tests.factories import jakarta
from tests.incentives import journey

PATH, REPLAY = "/console/on-time/", "/console/on-time/front-loading/"
HOSTILE = ["", "0", "-1", "x", "1e9", "٣", "9" * 40, "-" * 9, "\x00", "1;DROP TABLE", "%00", "2020-13", "2020-4", "-99"]


@pytest.fixture
def office(db: None, client: Client, clock: StoppedClock) -> Client:
    clock.set(2020, 5, 1)
    client.force_login(factories.officer("petugas-tepat-waktu"))
    return client


@pytest.fixture
def paid(office: Client) -> tuple[int, ...]:
    """Thirty people with one promised day behind them: 27 paid on it, three rejected; twelve have answered."""
    people = journey.earners(30)
    run = journey.exported()
    rejected = dict.fromkeys(journey.references(run.run_id)[:3], "AC04")
    journey.settled(run, rejected)
    SurveyResponse.objects.bulk_create(
        SurveyResponse(
            participation_id=person,
            survey_number=3,
            channel="dashboard",
            answered_at=jakarta(2020, 4, 30),
            answers={"on_time": "agree" if place > 2 else "disagree", "second": "yes"},
        )
        for place, person in enumerate(people[:12])
    )
    return people


def rows_of(response: object) -> list[list[str]]:
    content = b"".join(response.streaming_content).decode("utf-8-sig")  # type: ignore[attr-defined]
    return list(csv.reader(StringIO(content)))


def shown(client: Client, query: str = "", path: str = PATH) -> str:
    response = client.get(path + query)
    assert response.status_code == 200
    return response.content.decode()


def test_nothing_due_yet_is_said_beside_what_was_published(office: Client) -> None:
    page = shown(office)
    assert "Belum ada yang jatuh tempo" in page and "83,6%" in page and "16,4%" in page
    assert "Tidak ada yang dihitung ulang" in shown(office, path=REPLAY)


def test_measured_stands_beside_said(paid: tuple[int, ...], office: Client) -> None:
    page = office.get(PATH)
    measured, said, published = ([cell.shown for cell in row] for row in page.context["tables"]["beside"].rows)
    assert measured == ["Yang diukur", "90,0%", "10,0%", "30"]
    assert said == ["Kata orang yang sama", "75,0%", "25,0%", "12"]
    assert published == ["Diterbitkan 20 Mei 2021", "83,6%", "16,4%", "–"]
    (april,) = page.context["tables"]["month"].rows
    assert [cell.shown for cell in april] == ["April 2020", "30", "30", "90,0%", "0", "3", "4,0", "25,0%", "12"]
    with translation.override("en"):
        office.cookies["django_language"] = "en"
    assert "Measured and said" in shown(office) and "Cara menghitungnya" not in shown(office)


def test_a_choice_narrows_and_nonsense_is_no_choice(paid: tuple[int, ...], office: Client) -> None:
    place = -Participant.objects.order_by("id")[0].province
    whole = office.get(PATH).context["everything"]
    for query in ("?month=2020-04", "?partner=bni", f"?place={place}", "?kind=both", f"?month=2020-04&place={place}"):
        assert office.get(PATH + query).context["everything"] == whole, query
    assert "kabupaten/kota tidak diketahui" in shown(office, f"?place={place}")
    for query in ("?kind=survey", "?month=2020-05", "?partner=ovo", "?partner=none"):
        assert "Belum ada yang jatuh tempo" in shown(office, query), query
    for text in HOSTILE:
        for name in ("kind", "month", "partner", "place"):
            assert office.get(PATH, {name: text, "page": text}).context["everything"] == whole, (name, text)
        for name in ("year", "table", "form"):
            assert office.get(REPLAY, {name: text}).status_code == office.get(PATH, {name: text}).status_code == 200


def test_small_groups_are_told_only_together(paid: tuple[int, ...], office: Client) -> None:
    """Districts of 4, 11 and 15 people: the smallest follows from the sum unless the next is hidden with it."""
    numbers = (3201, 3202, 3203)
    for number in numbers:
        District.objects.create(id=number, name=f"Kabupaten yang namanya panjang sekali {number}", province=32)
    for place, person in enumerate(Participant.objects.order_by("id")):
        Participant.objects.filter(pk=person.pk).update(district=numbers[0 if place < 4 else 1 if place < 15 else 2])
    page = office.get(PATH)
    names = [(row[0].shown, row[1].shown) for row in page.context["tables"]["place"].rows]
    assert names == [
        ("Kabupaten yang namanya panjang sekali 3203 · Jawa Barat", "15"),
        ("2 kelompok kecil bersama-sama", "15"),
    ]
    written = page.content.decode()
    assert "3201 ·" not in written and "3202 ·" not in written
    assert [row[-1].shown for row in page.context["tables"]["place"].rows] == ["0", "12"]
    alone = office.get(PATH, {"place": "3201"})
    assert alone.context["is_small"] and "Kurang dari sepuluh orang" in alone.content.decode()
    assert len(alone.context["tables"]["beside"].rows) == 1 and not alone.context["tables"]["month"].rows


def test_places_are_pages(paid: tuple[int, ...], office: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAGE_SIZE", 1)
    Participant.objects.filter(pk__in=Participant.objects.order_by("id")[:15].values("pk")).update(province=51)
    first, second = office.get(PATH), office.get(PATH + "?page=2")
    names = [page.context["place_table"].rows[0][0].shown for page in (first, second)]
    assert len(set(names)) == 2 and 'rel="next"' in first.content.decode()
    assert len(rows_of(office.get(PATH + "?table=place&form=csv"))) == 3, "the file has all of them"


def test_the_files_hold_what_the_page_shows(paid: tuple[int, ...], office: Client) -> None:
    header, april = rows_of(office.get(PATH + "?table=month&form=csv"))
    assert header[:4] == ["Bulan hari yang dijanjikan", "Orang", "Angsuran", "Tepat waktu"]
    assert april == ["April 2020", "30", "30", "0.9", "0", "3", "4.0", "0.25", "12"]
    for query in ("?table=beside&form=xlsx", "?table=partner&form=xlsx"):
        assert b"".join(office.get(PATH + query))[:2] == b"PK"  # type: ignore[call-overload]


def test_the_replay_is_shown_by_days_month_and_day(paid: tuple[int, ...], office: Client) -> None:
    page = office.get(REPLAY)
    written = page.content.decode()
    assert "17,8 hari" in written and "22 hari" in written and "2020-12-31" not in written
    days = [[cell.shown for cell in row] for row in page.context["tables"]["earlier"].rows]
    assert days == [["0", "30", "25,0%"], ["22", "30", "25,0%"], ["23", "30", "25,0%"], ["26", "30", "25,0%"]]
    _, *rows = rows_of(office.get(REPLAY + "?year=2020&table=day&form=csv"))
    assert rows[1] == ["2020-05-04", "0", "18000000", "18000000"]
    assert sum(int(row[1]) for row in rows) == sum(int(row[2]) for row in rows) == 120 * 600_000
    assert page.context["curves"].own.startswith("M6 174H6.0V") and page.context["curves"].own.endswith("V6.0")
    assert page.context["curves"].other.endswith("V6.0")


def test_the_number_of_statements_is_pinned(
    paid: tuple[int, ...], office: Client, assert_queries: Callable[[int], AbstractContextManager[None]]
) -> None:
    for path, number in ((PATH, 6), (REPLAY, 6)):
        shown(office, path=path)
        with assert_queries(number):
            shown(office, path=path)
