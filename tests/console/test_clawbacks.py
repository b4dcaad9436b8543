"""A clawback through the pages: decided, approved by another, paid back in parts, overdue, withdrawn."""

import csv
from collections.abc import Callable
from contextlib import AbstractContextManager
from io import StringIO

import pytest
from django.test import Client

from bekal.accounts.models import Role, User
from bekal.ledger.movements import Kind
from bekal.ledger.queries import balances_of
from bekal.lifecycle.clawbacks import clawback_detail
from bekal.lifecycle.models import Clawback, Repayment
from bekal.participants.models import Participation
from tests import factories
from tests.conftest import StoppedClock
from tests.factories.unchanged import nothing_changes
from tests.lifecycle import money_back

EXPLANATION = "Terdaftar sebagai pegawai negeri.\nSumber: daftar kepegawaian."


@pytest.fixture
def officers(clock: StoppedClock, db: None) -> tuple[Client, Client]:
    clock.set(2020, 5, 4)
    first, second = Client(), Client()
    first.force_login(factories.officer("petugas-satu"))
    second.force_login(factories.officer("petugas-dua"))
    return first, second


def said(office: Client, path: str, data: dict[str, object]) -> str:
    response = office.post(path, data, follow=True)
    assert response.status_code == 200, response.content.decode()
    return response.content.decode()


def decide(office: Client, person: int, cause: str = "ineligible") -> int:
    data = {"participation": person, "cause": cause, "explanation": EXPLANATION}
    response = office.post("/console/clawbacks/new/", data)
    assert response.status_code == 302, response.content.decode()
    return Clawback.objects.latest("pk").pk


def test_from_the_decision_to_the_last_repayment(officers: tuple[Client, Client], clock: StoppedClock) -> None:
    first, second = officers
    (person,) = money_back.paid()
    form = first.get(f"/console/clawbacks/new/?participation={person}").content.decode()
    assert "Rp600.000" in form, "what would be asked back is shown before"
    number = decide(first, person)
    path = f"/console/clawbacks/{number}/"
    assert "Petugas lain harus menyetujuinya" in first.get(path).content.decode()
    assert "petugas lain harus menyetujuinya" in said(first, f"{path}approve/", {})
    assert Clawback.objects.get().approved_at is None
    page = said(second, f"{path}approve/", {})
    assert "Rp600.000 harus dikembalikan, Rp2.650.000 langsung kembali ke kas negara" in page
    assert "Jatuh tempo 3 Juli 2020: sisa 60 hari" in page
    assert "sudah disetujui" in said(second, f"{path}approve/", {})
    clock.set(2020, 7, 10)
    assert "terlambat" in first.get(path).content.decode()
    receipt = {"reference": "ntpn-77", "amount": "250000", "received_on": "2020-07-09"}
    assert "Tercatat. Belum dikembalikan: Rp350.000." in said(first, f"{path}repay/", receipt)
    assert "sudah pernah dicatat" in said(first, f"{path}repay/", receipt)
    assert Repayment.objects.count() == 1
    last = {"reference": "NTPN-78", "amount": "350000", "received_on": "2020-07-10"}
    assert "Belum dikembalikan: Rp0." in said(first, f"{path}repay/", last)
    page = first.get(path).content.decode()
    assert "tidak terutang lagi" in page and "NTPN-77" in page
    assert "Catat pengembalian" not in page
    assert balances_of(owner_ids=[person])[person][Kind.INCENTIVE_RECEIVABLE] == 0


def test_an_appeal_that_was_right(officers: tuple[Client, Client]) -> None:
    first, second = officers
    (person,) = money_back.paid()
    number = decide(first, person)
    path = f"/console/clawbacks/{number}/"
    said(second, f"{path}approve/", {})
    said(first, f"{path}repay/", {"reference": "R1", "amount": "100000", "received_on": "2020-05-04"})
    page = said(second, f"{path}withdraw/", {"because": "Banding benar: bukan pegawai negeri."})
    assert "Rp500.000 tidak terutang lagi setelah petugas kedua setuju" in page
    assert "petugas-dua meminta penagihan ini dicabut" in page and "Petugas lain harus menyetujuinya" in page
    assert f"{path}withdraw/agree/" not in page, "who asked does not agree"
    assert Clawback.objects.get().withdrawn_at is None
    page = first.get(path).content.decode()
    seal = clawback_detail(clawback_id=number)
    assert seal is not None and seal[0].withdrawal_sha256 in page
    for seen in ("", "zz", "00" * 32, "\x00"):
        assert "bukan yang Anda lihat" in said(first, f"{path}withdraw/agree/", {"seen": seen})
    assert "petugas lain harus menyetujuinya" in said(
        second, f"{path}withdraw/agree/", {"seen": seal[0].withdrawal_sha256}
    )
    page = said(first, f"{path}withdraw/agree/", {"seen": seal[0].withdrawal_sha256})
    assert "Rp500.000 tidak terutang lagi; Rp100.000 sudah dikembalikan sebelumnya" in page
    assert "Banding benar" in page and Clawback.objects.get().withdrawn_because in page
    assert "Pencabutan diminta oleh petugas-dua" in page
    assert Participation.objects.get(pk=person).revoked_at is not None


def test_a_request_to_withdraw_can_be_dropped(officers: tuple[Client, Client]) -> None:
    first, second = officers
    (person,) = money_back.paid()
    number = decide(first, person)
    path = f"/console/clawbacks/{number}/"
    said(second, f"{path}approve/", {})
    said(first, f"{path}withdraw/", {"because": "Keliru."})
    page = said(second, f"{path}withdraw/drop/", {})
    assert "Permintaan dibatalkan, dan penagihan tetap berlaku" in page and f"{path}withdraw/" in page
    assert "Tidak ada lagi permintaan" in said(second, f"{path}withdraw/drop/", {})
    assert "Tidak ada lagi permintaan" in said(second, f"{path}withdraw/agree/", {})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("participation", ""),
        ("participation", "x"),
        ("participation", "4711"),
        ("participation", str(2**63)),
        ("participation", "-1"),
        ("cause", ""),
        ("cause", "whim"),
        ("explanation", "  "),
        ("explanation", "a\x00b"),
        ("explanation", "x" * 1001),
    ],
)
def test_a_decision_with_a_misstep_says_so(field: str, value: str, officers: tuple[Client, Client]) -> None:
    (person,) = money_back.paid()
    data = {"participation": str(person), "cause": "ineligible", "explanation": EXPLANATION, field: value}
    with nothing_changes():
        response = officers[0].post("/console/clawbacks/new/", data)
    assert response.status_code == 422
    assert 'id="errors"' in response.content.decode()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("amount", ""),
        ("amount", "0"),
        ("amount", "-5"),
        ("amount", "1.000"),
        ("amount", "600001"),
        ("amount", "9" * 30),
        ("reference", ""),
        ("reference", "=1+1"),
        ("received_on", "besok"),
        ("received_on", "2020-05-05"),
        ("received_on", "2020-05-03"),
        ("received_on", "2020-05-04\x00"),
    ],
)
def test_a_repayment_with_a_misstep_says_so(field: str, value: str, officers: tuple[Client, Client]) -> None:
    first, second = officers
    (person,) = money_back.paid()
    number = decide(first, person)
    said(second, f"/console/clawbacks/{number}/approve/", {})
    data = {"reference": "R1", "amount": "1", "received_on": "2020-05-04", field: value}
    with nothing_changes():
        response = first.post(f"/console/clawbacks/{number}/repay/", data)
    assert response.status_code == 422
    assert 'id="errors"' in response.content.decode()


def test_lists_filters_and_files(officers: tuple[Client, Client], clock: StoppedClock) -> None:
    first, second = officers
    one, two, three = money_back.paid(3)
    waiting, due, gone = (decide(first, person) for person in (one, two, three))
    said(second, f"/console/clawbacks/{due}/approve/", {})
    said(second, f"/console/clawbacks/{gone}/withdraw/", {"because": "Keliru."})
    clock.set(2020, 8, 1)
    everything = first.get("/console/clawbacks/")
    assert [each["line"].clawback_id for each in everything.context["lines"]] == [gone, due, waiting]
    assert everything.context["owed_rupiah"] == 600_000
    ((age, label),) = everything.context["ages"]
    assert (age.band, label) == (1, "terlambat 1 – 30 hari")
    for query, expected in (
        ("state=decided", [waiting]),
        ("state=overdue", [due]),
        ("state=withdrawn", [gone]),
        ("state=due", []),
        (f"age={age.band}", [due]),
        ("age=0", []),
        ("state=nonsense&age=99", [gone, due, waiting]),
        ("before=x", [gone, due, waiting]),
        (f"before={due}", [waiting]),
    ):
        page = first.get(f"/console/clawbacks/?{query}")
        assert [each["line"].clawback_id for each in page.context["lines"]] == expected, query
    content = b"".join(first.get("/console/clawbacks/?form=csv&state=overdue").streaming_content)  # type: ignore[attr-defined]
    rows = list(csv.reader(StringIO(content.decode("utf-8-sig"))))
    assert rows[1][:2] == [str(due), str(two)] and rows[1][8] == "600000"
    sheet = first.get("/console/clawbacks/?form=xlsx")
    assert b"".join(sheet.streaming_content).startswith(b"PK")  # type: ignore[attr-defined]


def test_an_auditor_reads_and_does_not_act(officers: tuple[Client, Client]) -> None:
    first, _second = officers
    (person,) = money_back.paid()
    number = decide(first, person)
    auditor = Client()
    auditor.force_login(User.objects.create_user("pemeriksa", "x", role=Role.AUDITOR, display_name="Pemeriksa"))
    page = auditor.get(f"/console/clawbacks/{number}/").content.decode()
    assert "approve/" not in page and "withdraw/" not in page
    assert "clawbacks/new/" not in auditor.get("/console/clawbacks/").content.decode()
    with nothing_changes():
        for action in ("approve", "repay", "withdraw", "withdraw/agree", "withdraw/drop"):
            assert auditor.post(f"/console/clawbacks/{number}/{action}/").status_code == 403
        assert auditor.get("/console/clawbacks/new/").status_code == 403


def test_there_is_no_such_clawback(officers: tuple[Client, Client]) -> None:
    office = officers[0]
    for number in (4711, 2**63 - 1, 10**30):
        assert office.get(f"/console/clawbacks/{number}/").status_code == 404
        for action in ("approve", "repay", "withdraw", "withdraw/agree", "withdraw/drop"):
            assert office.post(f"/console/clawbacks/{number}/{action}/").status_code == 404
    assert "Belum ada penagihan kembali" in office.get("/console/clawbacks/").content.decode()


def test_the_pages_are_few_statements(
    officers: tuple[Client, Client], assert_queries: Callable[[int], AbstractContextManager[None]]
) -> None:
    office = officers[0]
    numbers = [decide(office, person) for person in money_back.paid(3)]
    office.get("/console/clawbacks/")
    with assert_queries(5):
        office.get("/console/clawbacks/")
    with assert_queries(6):
        office.get(f"/console/clawbacks/{numbers[0]}/")


def test_the_way_there_begins_at_the_person(officers: tuple[Client, Client]) -> None:
    first, second = officers
    (person,) = money_back.paid()
    page = first.get(f"/console/people/{person}/").content.decode()
    assert f"/console/clawbacks/new/?participation={person}" in page
    number = decide(first, person)
    said(second, f"/console/clawbacks/{number}/approve/", {})
    page = first.get(f"/console/people/{person}/").content.decode()
    assert "uang ditagih kembali, 4 Mei 2020" in page and "clawbacks/new/" not in page
