"""What institutions are owed, hold and were paid, to the rupiah of the ledger; the switch; each sees only its own."""

import csv
from collections.abc import Callable
from io import StringIO

import pytest
from django.test import Client

from bekal.catalogue.models import Institution, Training
from bekal.catalogue.stop_settlement import stop_settlement
from bekal.console.institutions import institution_dues
from bekal.ledger.movements import Kind
from bekal.ledger.queries import totals
from bekal.purchases.settle_institutions import settle_institutions
from tests import factories
from tests.console.test_ledger import HOSTILE
from tests.factories import jakarta

SETTLED_AT = jakarta(2020, 5, 20)


@pytest.fixture
def office(client: Client, db: None) -> Client:
    client.force_login(factories.officer("petugas-lembaga"))
    return client


@pytest.fixture
def auditor(db: None) -> Client:
    client = Client()
    client.force_login(factories.auditor())
    return client


@pytest.fixture
def trainings(db: None) -> list[Training]:
    """Two institutions: one was paid for a purchase, is owed another and has one unproven; one is owed, in its hold."""
    first, second = factories.training(price_rupiah=300_000), factories.training(price_rupiah=70_000)
    early, late, new = factories.accepted(3)
    paid = factories.reconciled(early, first)
    settle_institutions(purchase_ids=[paid], at=SETTLED_AT)
    factories.reconciled(late, first, at=jakarta(2020, 5, 10))
    factories.bought(new, first)
    factories.reconciled(new, second, at=jakarta(2020, 11, 13))
    return [first, second]


def test_what_institutions_are_owed_is_the_ledgers(trainings: list[Training]) -> None:
    dues = institution_dues(at=jakarta(2020, 11, 19))
    by_name = {each.institution_id: each for each in dues}
    first, second = (by_name[training.institution_id] for training in trainings)
    assert (first.purchase_count, first.escrow_rupiah, first.owed_rupiah) == (3, 300_000, 300_000)
    assert (first.held_rupiah, first.paid_rupiah, first.due_rupiah) == (0, 300_000, 300_000)
    assert (second.owed_rupiah, second.held_rupiah, second.due_rupiah) == (70_000, 70_000, 0)
    held = totals()
    assert sum(each.escrow_rupiah for each in dues) == held[Kind.ESCROW]
    assert sum(each.owed_rupiah for each in dues) == held[Kind.INSTITUTION_PAYABLE]
    assert sum(each.paid_rupiah for each in dues) == held[Kind.INSTITUTION_SETTLED]


def test_the_hold_ends_by_the_day(trainings: list[Training]) -> None:
    # Proven on 17 November: seven days later it is due.
    second = trainings[1].institution_id
    held = [
        next(each.held_rupiah for each in institution_dues(at=jakarta(2020, 11, day)) if each.institution_id == second)
        for day in (23, 24)
    ]
    assert held == [70_000, 0]


def test_the_list_leads_to_statements_and_files(trainings: list[Training], auditor: Client) -> None:
    html = auditor.get("/console/ledger/institutions/").content.decode()
    for training in trainings:
        assert f"/console/ledger/institutions/{training.institution_id}/" in html
    response = auditor.get("/console/ledger/institutions/?form=csv")
    text = b"".join(response.streaming_content).decode()  # type: ignore[attr-defined]
    header, *rows = list(csv.reader(StringIO(text.removeprefix("\ufeff"), newline="")))
    assert header[4] == "Terutang" and sum(int(row[4]) for row in rows) == 370_000
    workbook = auditor.get("/console/ledger/institutions/?form=xlsx")
    assert b"".join(workbook.streaming_content)[:2] == b"PK"  # type: ignore[attr-defined]


@pytest.mark.parametrize("as_of", ["2020-04-21", "2020-04-26", "2020-05-01", "2020-05-14", "2020-05-20", "2020-11-14"])
def test_the_list_is_that_of_the_instant(as_of: str, trainings: list[Training], auditor: Client) -> None:
    """Each institution has the sums of its own statement, and the ledger's in all."""
    page = auditor.get("/console/ledger/institutions/", {"as_of": as_of})
    dues = page.context["page_obj"].object_list
    held = totals(as_of=page.context["asked"].at)
    assert sum(each.escrow_rupiah for each in dues) == held.get(Kind.ESCROW, 0)
    assert sum(each.owed_rupiah for each in dues) == held.get(Kind.INSTITUTION_PAYABLE, 0)
    assert sum(each.paid_rupiah for each in dues) == held.get(Kind.INSTITUTION_SETTLED, 0)
    bought_from = {trainings[0].institution_id} | ({trainings[1].institution_id} if as_of > "2020-11-13" else set())
    assert {each.institution_id for each in dues} == bought_from
    for each in dues:
        address = f"/console/ledger/institutions/{each.institution_id}/?as_of={as_of}"
        assert f'href="{address}"' in page.content.decode()
        then = auditor.get(address).context["statement"].totals
        assert (each.purchase_count, each.escrow_rupiah) == (then.purchase_count, then.escrow_rupiah)
        assert (each.owed_rupiah, each.paid_rupiah) == (then.owed_rupiah, then.paid_rupiah)
    response = auditor.get("/console/ledger/institutions/", {"as_of": as_of, "form": "csv"})
    text = b"".join(response.streaming_content).decode("utf-8-sig")  # type: ignore[attr-defined]
    rows = list(csv.reader(StringIO(text, newline="")))[1:]
    assert [[int(row[3]), int(row[4])] for row in rows] == [[each.escrow_rupiah, each.owed_rupiah] for each in dues]
    assert f'href="?as_of={as_of}&amp;form=csv"' in page.content.decode()


def test_the_hold_and_the_stop_are_those_of_the_instant(trainings: list[Training], auditor: Client) -> None:
    path, number = "/console/ledger/institutions/", trainings[0].institution_id
    stop_settlement(institution_id=number, reason="Sertifikat diragukan.", at=jakarta(2020, 5, 15))
    seen = {}
    for as_of in ("2020-05-01", "2020-05-14", "2020-05-15", "2020-05-22"):
        (each,) = auditor.get(path, {"as_of": as_of}).context["page_obj"].object_list
        seen[as_of] = (each.held_rupiah, each.owed_rupiah, each.stop_reason)
    assert seen == {
        "2020-05-01": (300_000, 300_000, ""),
        "2020-05-14": (300_000, 600_000, ""),
        "2020-05-15": (300_000, 600_000, "Sertifikat diragukan."),
        "2020-05-22": (0, 300_000, "Sertifikat diragukan."),
    }
    assert "hanya yang masih berlaku" in auditor.get(path, {"as_of": "2020-05-14"}).content.decode()
    empty = auditor.get(path, {"as_of": "2020-04-20"}).content.decode()
    assert "Tidak ada pembelian sampai saat ini" in empty and "Belum ada lembaga" not in empty
    wrong = auditor.get(path, {"as_of": "kemarin", "form": "csv"})
    assert (wrong.status_code, wrong["Location"]) == (302, f"{path}?as_of=kemarin")


def test_a_statement_now_and_then(trainings: list[Training], auditor: Client) -> None:
    path = f"/console/ledger/institutions/{trainings[0].institution_id}/"
    now = auditor.get(path).context["statement"].totals
    assert (now.escrow_rupiah, now.owed_rupiah, now.paid_rupiah) == (300_000, 300_000, 300_000)
    then = auditor.get(path, {"as_of": "2020-05-01"}).context["statement"].totals
    assert (then.escrow_rupiah, then.owed_rupiah, then.paid_rupiah) == (300_000, 300_000, 0)
    html = auditor.get(path, {"as_of": "kemarin"}).content.decode()
    assert "“kemarin” bukan tanggal" in html
    assert auditor.get(path, {"as_of": "kemarin", "form": "csv"}).status_code == 302


def test_a_long_statement_goes_on_and_its_file_is_whole(
    trainings: list[Training], auditor: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bekal.console.institutions.PAGE_SIZE", 1)
    monkeypatch.setattr("bekal.console.institutions.FILE_LINES", 2)
    path = f"/console/ledger/institutions/{trainings[0].institution_id}/"
    seen, following = [], "?as_of=2020-11-19"
    while following:
        page = auditor.get(path + following)
        seen += [line.purchase_id for line, _ending in page.context["lines"]]
        following = page.context["next"]
        assert not following or following.startswith("?as_of=2020-11-19&after=")
    response = auditor.get(path + "?form=csv")
    text = b"".join(response.streaming_content).decode()  # type: ignore[attr-defined]
    _, *rows = list(csv.reader(StringIO(text.removeprefix("\ufeff"), newline="")))
    assert [int(row[0]) for row in rows] == seen and len(seen) == 3
    assert sum(int(row[9]) + int(row[10]) for row in rows) == 600_000


@pytest.mark.parametrize("value", HOSTILE)
def test_no_address_makes_the_pages_fail(value: str, trainings: list[Training], auditor: Client) -> None:
    for path in ("/console/ledger/institutions/", f"/console/ledger/institutions/{trainings[0].institution_id}/"):
        for name in ("as_of", "page", "form", "after"):
            assert auditor.get(path, {name: value}).status_code in (200, 302)
    assert auditor.get("/console/ledger/institutions/99999999999999999999/").status_code == 404


def test_an_officer_stops_an_institution_with_a_reason_and_lets_it_go_on(
    trainings: list[Training], office: Client
) -> None:
    number = trainings[0].institution_id
    path = f"/console/ledger/institutions/{number}/"
    empty = office.post(path + "stop/", {"reason": ""})
    assert empty.status_code == 422 and "id_reason-error" in empty.content.decode()
    assert office.post(path + "stop/", {"reason": "x" * 301}).status_code == 422
    assert office.post(path + "stop/", {"reason": "Sertifikat diragukan."}).status_code == 302
    assert Institution.objects.get(pk=number).settlement_stop_reason == "Sertifikat diragukan."
    html = office.get(path).content.decode()
    assert "Sertifikat diragukan." in html and "Lanjutkan pembayaran" in html
    assert institution_dues(at=SETTLED_AT)[0].institution_id == number
    again = office.post(path + "stop/", {"reason": "Alasan lain."})
    assert again.status_code == 422
    assert office.post(path + "resume/").status_code == 302
    assert Institution.objects.get(pk=number).settlement_stopped_at is None
    for verb in ("stop", "resume"):
        assert office.post(f"/console/ledger/institutions/{10**30}/{verb}/", {"reason": "x"}).status_code == 404


def test_an_auditor_reads_and_changes_nothing(trainings: list[Training], auditor: Client) -> None:
    path = f"/console/ledger/institutions/{trainings[0].institution_id}/"
    html = auditor.get(path).content.decode()
    assert "Hentikan pembayaran" not in html and '<form method="post" action="/console/ledger' not in html
    assert auditor.post(path + "stop/", {"reason": "x"}).status_code == 403
    assert auditor.post(path + "resume/").status_code == 403


def test_an_institution_reads_its_own_statement_without_people(trainings: list[Training]) -> None:
    client = Client()
    client.force_login(factories.institution_staff(trainings[0].institution))
    page = client.get("/institution/statement/")
    assert page.context["statement"].institution_id == trainings[0].institution_id
    html = page.content.decode()
    assert "/console/ledger/people/" not in html and "Hentikan pembayaran" not in html
    response = client.get("/institution/statement/?form=csv")
    text = b"".join(response.streaming_content).decode()  # type: ignore[attr-defined]
    header, *rows = list(csv.reader(StringIO(text.removeprefix("\ufeff"), newline="")))
    assert "Kepesertaan" not in header and len(rows) == 3
    for training in trainings:
        assert client.get(f"/console/ledger/institutions/{training.institution_id}/").status_code == 403


def test_the_pages_keep_their_number_of_queries(
    trainings: list[Training], auditor: Client, assert_queries: Callable[[int], object]
) -> None:
    statement = f"/console/ledger/institutions/{trainings[0].institution_id}/"
    for path, number in (("/console/ledger/institutions/", 5), (statement, 8)):
        auditor.get(path)
        with assert_queries(number):  # type: ignore[attr-defined]
            assert auditor.get(path).status_code == 200
