"""One movement of the ledger: its days, the transfers of one of them, and the same as files."""

import csv
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import date
from io import StringIO

import pytest
from django.test import Client

from bekal.console import movements as page
from bekal.ledger.movements import Movement
from bekal.ledger.queries import transfers_of
from bekal.participants.models import Participation
from tests import factories
from tests.factories import jakarta

ACCEPTED = "/console/ledger/movements/1-1-2/"
DAY = f"{ACCEPTED}?day=2020-04-20"
HOSTILE = ["", "0", "-1", "x", "1e9", "٣", "9" * 40, "\x00", "1;DROP TABLE", "0001-01-01", "9999-12-31", "2020-02-31"]


@pytest.fixture
def auditor(client: Client, db: None) -> Client:
    client.force_login(factories.auditor())
    return client


@pytest.fixture
def people(db: None) -> tuple[int, ...]:
    """Three accepted on one day, one on the next."""
    return *factories.accepted(3), *factories.accepted(at=jakarta(2020, 4, 21))


def rows_of(response: object) -> list[list[str]]:
    text = b"".join(response.streaming_content).decode("utf-8-sig")  # type: ignore[attr-defined]
    return list(csv.reader(StringIO(text, newline="")))


def test_the_days_add_up_to_the_movement(people: tuple[int, ...], auditor: Client) -> None:
    context = auditor.get(ACCEPTED).context
    assert (context["rupiah"], context["transfer_count"]) == (4_000_000, 4)
    days = [(day.on, day.transfer_count, day.rupiah) for day in context["page_obj"].object_list]
    assert days == [(date(2020, 4, 21), 1, 1_000_000), (date(2020, 4, 20), 3, 3_000_000)]
    assert auditor.get(ACCEPTED, {"as_of": "2020-04-20"}).context["rupiah"] == 3_000_000
    assert rows_of(auditor.get(f"{ACCEPTED}?form=csv"))[1:] == [
        ["2020-04-21", "1", "1000000"],
        ["2020-04-20", "3", "3000000"],
    ]


def test_a_day_opens_into_its_transfers(
    people: tuple[int, ...], auditor: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page, "PAGE_SIZE", 2)
    first = auditor.get(DAY)
    assert [line.owner_id for line in first.context["lines"]] == list(people[:2])
    following = first.context["next_id"]
    second = auditor.get(f"{DAY}&after={following}")
    assert [line.owner_id for line in second.context["lines"]] == [people[2]]
    assert second.context["next_id"] is None and 'href="?day=2020-04-20"' in second.content.decode()
    for line in (*first.context["lines"], *second.context["lines"]):
        assert line.transfer in transfers_of(owner_id=line.owner_id)
        address = f"/console/ledger/people/{line.owner_id}/{line.transfer.id}/"
        assert address in first.content.decode() + second.content.decode()


def test_a_day_ends_where_it_is_asked_to(people: tuple[int, ...], auditor: Client) -> None:
    assert len(auditor.get(f"{DAY}&as_of=2020-04-20").context["lines"]) == 3
    assert auditor.get(f"{DAY}&as_of=2020-04-20 08:59").context["lines"] == []
    assert "Tidak ada yang berpindah" in auditor.get(f"{DAY}&as_of=2020-04-19").content.decode()


def test_the_files_have_every_transfer(
    people: tuple[int, ...], auditor: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page, "PAGE_SIZE", 1)
    rows = rows_of(auditor.get(f"{DAY}&form=csv"))[1:]
    assert [row[0] for row in rows] == [str(person) for person in people[:3]]
    assert {tuple(row[3:]) for row in rows} == {("1000000", "commit:training")}
    for address in (f"{ACCEPTED}?form=xlsx", f"{DAY}&form=xlsx"):
        assert b"".join(auditor.get(address).streaming_content).startswith(b"PK")  # type: ignore[attr-defined]
    wrong = auditor.get(f"{DAY}&form=csv&as_of=kemarin")
    assert (wrong.status_code, wrong["Location"]) == (302, f"{ACCEPTED}?as_of=kemarin")


def test_the_movements_of_a_year_are_those_of_its_people(
    people: tuple[int, ...], auditor: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two years move on one day; the days, the transfers and the files are of one alone."""
    monkeypatch.setattr(page, "PAGE_SIZE", 1)
    monkeypatch.setattr("bekal.console.year.ROWS_AT_ONCE", 2)
    later = factories.accepted(2, at=jakarta(2021, 4, 20))
    trainings = factories.training(price_rupiah=70_000), factories.training(price_rupiah=30_000)
    at = jakarta(2021, 4, 21)
    for person in (*later, *factories.accepted(at=jakarta(2021, 4, 20))):
        factories.bought(person, trainings[0], at=at)
    Participation.objects.filter(pk=later[0]).update(accepted_on=date(2020, 4, 20))
    bought = "/console/ledger/movements/2-2-3/"
    amounts = {}
    for year in ("", "2020", "2021", "1999"):
        context = auditor.get(bought, {"year": year}).context
        amounts[year] = (context["rupiah"], context["transfer_count"], context["year"])
    assert amounts == {
        "": (210_000, 3, None),
        "2020": (70_000, 1, 2020),
        "2021": (140_000, 2, 2021),
        "1999": (210_000, 3, None),
    }
    first = auditor.get(bought, {"year": "2021", "as_of": "2021-05-01"})
    text = first.content.decode()
    day = "?year=2021&as_of=2021-05-01&day=2021-04-21"
    assert day in text.replace("&amp;", "&") and "Peserta yang diterima tahun 2021" in text
    assert 'href="/console/ledger/kinds/2/?year=2021&amp;as_of=2021-05-01"' in text
    assert 'href="?year=2021&amp;as_of=2021-05-01&amp;form=csv"' in text
    seen, following = [], day
    while following:
        shown = auditor.get(bought + following)
        seen += [line.owner_id for line in shown.context["lines"]]
        next_id = shown.context["next_id"]
        following = next_id and f"{day}&after={next_id}"
    assert len(seen) == 2 and later[0] not in seen and later[1] in seen
    assert 'href="/console/ledger/movements/2-2-3/?year=2021&amp;as_of=2021-05-01"' in shown.content.decode()
    assert [int(row[0]) for row in rows_of(auditor.get(f"{bought}{day}&form=csv"))[1:]] == seen
    assert rows_of(auditor.get(f"{bought}?year=2021&form=csv"))[1:] == [["2021-04-21", "2", "140000"]]


def test_only_what_money_may_do_has_a_page(people: tuple[int, ...], auditor: Client) -> None:
    for movement in Movement:
        codes = "-".join(str(code.value) for code in movement.value)
        assert auditor.get(f"/console/ledger/movements/{codes}/").status_code == 200
    for codes in ("2-2-8", "1-2-1", "0-0-0", "99999999999999999999-1-2"):
        assert auditor.get(f"/console/ledger/movements/{codes}/").status_code == 404


@pytest.mark.parametrize("value", HOSTILE)
def test_no_address_makes_it_fail(value: str, people: tuple[int, ...], auditor: Client) -> None:
    for address in (ACCEPTED, DAY):
        for name in ("as_of", "page", "after", "form", "day", "year"):
            assert auditor.get(address, {name: value}, follow=True).status_code == 200


def test_the_pages_keep_their_number_of_queries(
    people: tuple[int, ...], auditor: Client, assert_queries: Callable[[int], AbstractContextManager[None]]
) -> None:
    for address, number in ((ACCEPTED, 5), (DAY, 4)):
        auditor.get(address)
        with assert_queries(number):
            auditor.get(address)
