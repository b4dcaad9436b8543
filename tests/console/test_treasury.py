"""The treasury's page says what the ledger says, and how a printed sum came to be ten times too large."""

import csv
import html
import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import date
from decimal import Decimal
from io import StringIO

import pytest
from django.test import Client
from django.utils import translation

from bekal.accounts.models import Role, User
from bekal.console.treasury import PRINTED_RUPIAH, PUBLISHED_COUNTS, calculation, in_words, schemes
from bekal.core.money import format_rupiah
from bekal.core.rules import RULES
from bekal.ledger.movements import Kind
from bekal.ledger.queries import totals
from bekal.lifecycle.revoke import revoke
from bekal.participants.accept import accept
from tests import factories
from tests.factories import jakarta
from tests.incentives import journey
from tests.lifecycle import money_back

ASSERT_QUERIES = Callable[[int], AbstractContextManager[None]]


@pytest.fixture
def office(client: Client, db: None) -> Client:
    client.force_login(factories.officer("petugas-kas"))
    return client


@pytest.fixture
def world(db: None) -> int:
    """Two people who were paid, one who bought, three who lost their place; how many lost it."""
    journey.earners(2)
    journey.settled(journey.exported())
    (buyer,) = factories.accepted()
    factories.bought(buyer, factories.training())
    factories.accepted(2)
    factories.accepted(1)
    return revoke(at=jakarta(2020, 6, 1)).participation_count


def rows_of(response: object) -> list[list[str]]:
    content = b"".join(response.streaming_content).decode("utf-8-sig")  # type: ignore[attr-defined]
    return list(csv.reader(StringIO(content)))


def test_the_statement_closes_to_nothing(world: int, office: Client) -> None:
    page = office.get("/console/treasury/")
    statement = page.context["statement"]
    assert statement.difference_rupiah == 0 and statement.differing == ()
    assert statement.committed_rupiah == 6 * 3_550_000
    assert statement.committed_rupiah - statement.returned_rupiah == -totals()[1]
    assert "Selisih Rp0" in page.content.decode()


def test_a_year_and_an_instant(world: int, office: Client) -> None:
    before = office.get("/console/treasury/?as_of=2020-05-31&year=2020").context["statement"]
    after = office.get("/console/treasury/?as_of=2020-06-01&year=2020").context["statement"]
    assert (before.returned_rupiah, after.returned_rupiah) == (0, world * 3_550_000)
    assert office.get("/console/treasury/?year=2019").context["year"] is None, "no such year: all of them"


def test_each_wave_is_people_times_envelope(world: int, office: Client) -> None:
    page = office.get("/console/treasury/")
    returns = page.context["returns"]
    assert [(each.people_count, each.returned_rupiah, each.difference_rupiah) for each in returns] == [
        (2, 7_100_000, 0),
        (1, 3_550_000, 0),
    ]
    assert f"{world} orang x Rp3.550.000 = {format_rupiah(world * 3_550_000)}" in page.content.decode()


def test_the_people_behind_a_wave_are_those_it_counts(world: int, office: Client) -> None:
    """Now and then, without those whose place a clawback took, and apart where a wave has two envelopes."""
    bought, idle, late = factories.accepted(3, at=jakarta(2020, 4, 20))
    factories.bought(bought, factories.training())
    money_back.approved(bought, at=jakarta(2020, 5, 4))
    wave = factories.wave(opens_on=date(2022, 12, 22), closes_on=date(2022, 12, 27), quota_count=3)
    for at, number in ((jakarta(2022, 12, 31), 1), (jakarta(2023, 1, 2), 2)):
        accept(wave_id=wave.pk, participant_ids=factories.participants(number), at=at)
    revoke(at=jakarta(2020, 6, 2), participation_ids=[idle])
    revoke(at=jakarta(2020, 6, 4), participation_ids=[late])
    revoke(at=jakarta(2023, 3, 1))
    seen = []
    for as_of in ("", "2020-06-01", "2020-06-03", "2023-03-01"):
        page = office.get("/console/treasury/", {"as_of": as_of})
        links = re.findall(r'<a href="(/console/people/[^"]+)">([\d.]+)</a>', page.content.decode())
        assert len(links) == len(page.context["returns"])
        for (address, shown), each in zip(links, page.context["returns"], strict=True):
            people = office.get(html.unescape(address))
            assert len(people.context["lines"]) == each.people_count == int(shown), address
            assert people.context["envelope_rupiah"] == each.envelope_rupiah
            assert bought not in {row.pk for row, _name, _count in people.context["lines"]}
        seen.append([each.people_count for each in page.context["returns"]])
    assert seen == [[2, 1, 2], [2, 1], [2, 1, 1], [2, 1, 2, 1, 2]]
    assert "manfaat Rp3.550.000" in office.get(html.unescape(links[0][0])).content.decode()


def test_a_line_of_a_year_is_followed_to_the_movements_of_that_year(world: int, office: Client) -> None:
    factories.accepted(2, at=jakarta(2021, 3, 1))
    for year in (2020, 2021):
        page = office.get(f"/console/treasury/?year={year}&as_of=2021-03-02")
        text = page.content.decode()
        statement, kinds = page.context["statement"], dict.fromkeys(Kind, 0)
        for section in page.context["sections"]:
            for _label, line, kind in section.lines:
                assert f'href="/console/ledger/kinds/{kind}/?year={year}&amp;as_of=2021-03-02"' in text
                kinds[Kind(kind)] += line.ledger_rupiah
        held = {kind: office.get(f"/console/ledger/kinds/{kind}/?year={year}&as_of=2021-03-02") for kind in Kind}
        totals_of_year = {kind: shown.context["total"] for kind, shown in held.items()}
        treasury = totals_of_year.pop(Kind.TREASURY)
        assert (treasury.out_rupiah, treasury.into_rupiah) == (statement.committed_rupiah, statement.returned_rupiah)
        # What is promised and not sent is told by whether it is earned, not by what it is for.
        kinds[Kind.INCENTIVE_COMMITTED] -= totals_of_year.pop(Kind.SURVEY_COMMITTED).rupiah
        for kind, total in totals_of_year.items():
            assert total.rupiah == kinds[kind] == sum(line["rupiah"] for line in held[kind].context["lines"]), kind
        assert f"Peserta yang diterima tahun {year}" in held[Kind.TRAINING_BALANCE].content.decode()


def test_the_published_sums_follow_from_the_systems_own_figure(world: int, office: Client) -> None:
    """180,000 x what one person's revocation returned here; the printed sum is exactly ten times that."""
    page = office.get("/console/treasury/")
    own, (first, second) = page.context["own"], page.context["published"]
    returned_rupiah = page.context["returns_rupiah"]
    assert own.people_count == world and own.rupiah == returned_rupiah
    assert first.rupiah == returned_rupiah * PUBLISHED_COUNTS[0] // world == 639_000_000_000
    assert second.rupiah == returned_rupiah * PUBLISHED_COUNTS[1] // world == 672_497_800_000
    assert Decimal(page.context["printed_times"]) == PRINTED_RUPIAH / first.rupiah == 10
    text = page.content.decode()
    for shown in ("Rp639.000.000.000", "639 miliar rupiah", "672,4978 miliar rupiah", "6,39 triliun rupiah"):
        assert shown in text
    assert "Rp35.500.000" in text, "what the printed sum would make of one envelope"


def test_another_envelope_gives_another_product(office: Client) -> None:
    """Nothing on the page is written out: people accepted under other rules change it."""
    factories.accepted(2, at=jakarta(2023, 3, 1))
    revoke(at=jakarta(2023, 4, 20))
    page = office.get("/console/treasury/?as_of=2023-05-01")
    assert page.context["published"][0].rupiah == 180_000 * 4_200_000
    assert Decimal(page.context["printed_times"].replace(",", ".")) != 10


def test_before_anybody_is_revoked_the_rules_give_the_envelope(office: Client) -> None:
    page = office.get("/console/treasury/")
    assert page.context["own"] is None
    assert page.context["published"][0].rupiah == 639_000_000_000
    assert "belum ada yang dicabut" in page.content.decode()


@pytest.mark.parametrize(
    ("rupiah", "indonesian", "english"),
    [
        (639_000_000_000, "639 miliar rupiah", "639 billion rupiah"),
        (6_390_000_000_000, "6,39 triliun rupiah", "6.39 trillion rupiah"),
        (672_497_800_000, "672,4978 miliar rupiah", "672.4978 billion rupiah"),
        (3_550_000, "3,55 juta rupiah", "3.55 million rupiah"),
        (50, "50 rupiah", "50 rupiah"),
        (0, "0 rupiah", "0 rupiah"),
        (100_000_000_000, "100 miliar rupiah", "100 billion rupiah"),
    ],
)
def test_sums_in_words_are_exact(rupiah: int, indonesian: str, english: str) -> None:
    with translation.override("id"):
        assert in_words(rupiah) == indonesian
    with translation.override("en"):
        assert in_words(rupiah) == english


def test_the_calculator_cites_its_rules() -> None:
    newest = calculation("180.000", "2023-01-01")
    assert newest.product and newest.product.rupiah == 180_000 * 4_200_000
    assert [scheme.envelope_rupiah for scheme in schemes()] == [4_200_000, 3_550_000]
    oldest = schemes()[-1].accepted_on
    calculated = calculation("189436", oldest.isoformat())
    assert calculated.product and calculated.product.rupiah == 672_497_800_000
    assert [(cited.label, cited.value) for cited in calculated.cited[:3]] == [
        ("Saldo pelatihan satu orang", "Rp1.000.000"),
        ("Insentif, setiap angsuran", "Rp600.000"),
        ("Jumlah angsuran insentif", "4"),
    ]
    for cited in calculated.cited:
        assert cited.source in {RULES.cited(name, oldest).source for name in RULES}


@pytest.mark.parametrize("people", ["-1", "1e9", "1234567890", "٣", "\x00", "abc", "1 000"])
def test_what_is_no_number_of_people_is_named(people: str, office: Client) -> None:
    page = office.get("/console/treasury/", {"people": people})
    assert page.status_code == 200
    assert page.context["calculated"].product is None
    assert "paling banyak sembilan angka" in page.content.decode()


def test_files_say_what_the_page_says(world: int, office: Client) -> None:
    rows = rows_of(office.get("/console/treasury/?form=csv&as_of=2020-07-01"))
    assert rows[-1][:3] == ["Selisih", "", "0"]
    amounts = {row[0]: 0 for row in rows[1:-1]}
    for row in rows[1:-1]:
        amounts[row[0]] += int(row[2])
    committed, *rest = amounts.values()
    assert committed == sum(rest) == 6 * 3_550_000
    returns = rows_of(office.get("/console/treasury/?form=csv&table=returns&as_of=2020-07-01"))
    assert [row[1] for row in returns[1:]] == ["2", "1"]
    for table in ("", "returns"):
        sheet = office.get(f"/console/treasury/?form=xlsx&table={table}")
        assert b"".join(sheet.streaming_content).startswith(b"PK")  # type: ignore[attr-defined]


def test_an_auditor_reads_and_an_unreadable_instant_is_named(office: Client) -> None:
    auditor = User.objects.create_user("pemeriksa", "x", role=Role.AUDITOR, display_name="Pemeriksa")
    office.force_login(auditor)
    assert office.get("/console/treasury/").status_code == 200
    page = office.get("/console/treasury/?as_of=kemarin&form=csv")
    assert page.status_code == 200 and "kemarin" in page.content.decode()


def test_the_page_is_a_handful_of_statements(world: int, office: Client, assert_queries: ASSERT_QUERIES) -> None:
    office.get("/console/treasury/")
    with assert_queries(10):
        office.get("/console/treasury/")


def test_the_page_is_empty_before_the_first_wave(office: Client) -> None:
    page = office.get("/console/treasury/").content.decode()
    assert "Sampai saat ini tidak ada yang kehilangan kepesertaan" in page
