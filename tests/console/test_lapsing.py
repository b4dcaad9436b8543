"""Balances that lapse: each number of the page opens into exactly its people, and the files hold the same."""

import csv
from collections.abc import Callable
from contextlib import AbstractContextManager
from io import StringIO

import pytest
from django.test import Client

from bekal.accounts.models import Role, User
from bekal.console import lapsing as module
from bekal.console.lapsing import days_label, left_label
from bekal.lifecycle.ageing import DAYS_BANDS, LEFT_BANDS
from tests import factories
from tests.conftest import StoppedClock

HOSTILE = ["", "0", "-1", "x", "1e9", "٣", "9" * 40, "\x00", "1;DROP TABLE", "%00", "None", "2020-02-31", "99999"]


@pytest.fixture
def office(client: Client, clock: StoppedClock, db: None) -> Client:
    clock.set(2020, 6, 1)
    client.force_login(factories.officer("petugas-saldo"))
    return client


@pytest.fixture
def people(db: None) -> tuple[int, ...]:
    java, bali = factories.accepted(2), factories.accepted(1, province=51, full_name="I Made Wirawan Putra Adnyana")
    factories.bought(java[1], factories.training(price_rupiah=999_950))
    return *java, *bali


def rows_of(response: object) -> list[list[str]]:
    content = b"".join(response.streaming_content).decode("utf-8-sig")  # type: ignore[attr-defined]
    return list(csv.reader(StringIO(content)))


def test_the_page_says_who_has_how_much_until_when(people: tuple[int, ...], office: Client) -> None:
    page = office.get("/console/lapsing/")
    assert (page.context["people_count"], page.context["left_rupiah"]) == (3, 2_000_050)
    (month,) = page.context["months"]
    assert (month.label, month.people_count, month.left_rupiah) == ("Desember 2020", 3, 2_000_050)
    provinces = [(each.label, each.left_rupiah) for each in page.context["provinces"]]
    assert provinces == [("Jawa Barat", 1_000_050), ("Bali", 1_000_000)], "one day: its provinces are shown at once"
    assert "15 Desember 2020" in page.content.decode()


def test_each_number_opens_into_its_people(people: tuple[int, ...], office: Client) -> None:
    page = office.get("/console/lapsing/")
    seen = 0
    for row in page.context["rows"]:
        for cell in row.cells:
            found = office.get(f"/console/lapsing/people/?left={cell.left_band}&days={cell.days_band}")
            assert len(found.context["lines"]) == cell.people_count
            seen += cell.people_count
    assert seen == 3
    bali = office.get("/console/lapsing/people/?on=2020-12-15&province=51")
    ((line, name),) = bali.context["lines"]
    assert (line.participation_id, line.left_rupiah, name) == (people[2], 1_000_000, "I A•••")
    assert "Wirawan" not in bali.content.decode()
    assert f"/console/people/{people[2]}/" in bali.content.decode()


def test_long_lists_are_paged(people: tuple[int, ...], office: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAGE_SIZE", 2)
    first = office.get("/console/lapsing/people/?on=2020-12-15")
    second = office.get("/console/lapsing/people/" + first.context["further"].following)
    ids = [line.participation_id for page in (first, second) for line, _name in page.context["lines"]]
    assert ids == list(people)
    further = second.context["further"]
    assert (further.following, further.first, further.looked_until) == ("", "?on=2020-12-15", None)


def test_the_files_hold_the_same(people: tuple[int, ...], office: Client) -> None:
    lapsing = rows_of(office.get("/console/lapsing/?form=csv"))
    assert [row[1:] for row in lapsing[1:]] == [["Jawa Barat", "2", "1000050"], ["Bali", "1", "1000000"]]
    ageing = rows_of(office.get("/console/lapsing/?form=csv&table=ageing"))
    assert sum(int(row[-1]) for row in ageing[1:]) == 2_000_050
    behind = rows_of(office.get("/console/lapsing/people/?form=csv&province=51"))
    assert behind[1:] == [[str(people[2]), "Bali", "2020-12-15", "1000000"]], "numbers, no names"
    for path in ("/console/lapsing/?form=xlsx", "/console/lapsing/people/?form=xlsx"):
        assert b"".join(office.get(path).streaming_content).startswith(b"PK")  # type: ignore[attr-defined]


@pytest.mark.parametrize("value", HOSTILE)
def test_whatever_the_address_says_there_is_an_answer(value: str, people: tuple[int, ...], office: Client) -> None:
    for path in ("/console/lapsing/", "/console/lapsing/people/"):
        for name in ("as_of", "on", "left", "days", "province", "after", "form", "table"):
            assert office.get(path, {name: value}).status_code == 200, (path, name)


def test_an_empty_programme_and_an_earlier_day(office: Client) -> None:
    assert "Tidak ada saldo aktif" in office.get("/console/lapsing/").content.decode()
    assert "Belum ada orang" not in office.get("/console/lapsing/people/").content.decode()
    factories.accepted(2)
    assert office.get("/console/lapsing/?as_of=2020-04-19").context["people_count"] == 0
    assert office.get("/console/lapsing/?as_of=2020-04-20").context["people_count"] == 2


def test_every_band_has_a_name_of_its_own() -> None:
    assert len({left_label(band) for band in range(len(LEFT_BANDS))}) == len(LEFT_BANDS)
    assert len({days_label(band) for band in range(len(DAYS_BANDS))}) == len(DAYS_BANDS)


def test_an_auditor_reads(people: tuple[int, ...], office: Client) -> None:
    office.force_login(User.objects.create_user("pemeriksa", "x", role=Role.AUDITOR, display_name="Pemeriksa"))
    assert office.get("/console/lapsing/").status_code == office.get("/console/lapsing/people/").status_code == 200


def test_the_pages_are_few_statements(
    people: tuple[int, ...], office: Client, assert_queries: Callable[[int], AbstractContextManager[None]]
) -> None:
    office.get("/console/lapsing/")
    with assert_queries(6):
        office.get("/console/lapsing/")
    with assert_queries(5):
        office.get("/console/lapsing/people/")
