"""Mass runs through the pages: seen before they happen, approved by a second officer, watched; a misstep says why."""

import csv
import hashlib
import io
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any

import pytest
from django.test import Client

from bekal.accounts.models import Role, User
from bekal.ledger.clock import programme_now
from bekal.lifecycle import mass_runs as engine
from bekal.lifecycle import mass_work
from bekal.lifecycle.models import MassRun
from bekal.lifecycle.operations import OPERATIONS, Done
from bekal.lifecycle.revoke import revoke
from bekal.participants.models import Participation
from tests import factories
from tests.conftest import StoppedClock

LIST = "/console/mass-runs/"
PLAN_REVOKE = f"{LIST}plan/revoke/"


@pytest.fixture
def officers(db: None, clock: StoppedClock) -> tuple[Client, Client]:
    """After the deadline of those accepted on 20 April 2020."""
    clock.set(2020, 5, 21)
    first, second = Client(), Client()
    first.force_login(factories.officer("petugas-satu"))
    second.force_login(factories.officer("petugas-dua"))
    return first, second


def planned(office: Client, path: str = PLAN_REVOKE, **data: object) -> MassRun:
    response = office.post(f"{path}confirm/", data)
    assert response.status_code == 302, response.content.decode()
    return MassRun.objects.latest("pk")


def said(office: Client, path: str, data: dict[str, object] | None = None) -> str:
    """Everything the page says after the redirect of a form."""
    response = office.post(path, data or {}, follow=True)
    assert response.status_code == 200
    return response.content.decode()


def read(office: Client, path: str) -> str:
    response = office.get(path)
    assert response.status_code == 200
    return response.content.decode()


def approve(office: Client, run: MassRun) -> str:
    return said(office, f"{LIST}{run.pk}/approve/", {"list_sha256": bytes(run.list_sha256).hex()})


def work() -> None:
    engine.work(at=programme_now())


def test_from_what_is_due_to_done(officers: tuple[Client, Client]) -> None:
    first, second = officers
    factories.accepted(3)
    assert PLAN_REVOKE in read(first, LIST)
    dry = read(first, PLAN_REVOKE)
    assert "3 orang kehilangan kepesertaan, dan Rp10.650.000 kembali ke kas negara" in dry
    assert "Siti R•••" in dry and "Siti Rahayu" not in dry
    assert not MassRun.objects.exists(), "looking plans nothing"
    run = planned(first)
    page = read(second, f"{LIST}{run.pk}/")
    assert bytes(run.list_sha256).hex() in page and "Rp10.650.000" in page
    assert 'name="look-again"' not in page, "nobody is disturbed while reading what to approve"
    assert "Disetujui." in approve(second, run)
    at_work = read(first, f"{LIST}{run.pk}/")
    assert 'name="look-again" content="5"' in at_work and "0 dari 1 bagian selesai" in at_work
    assert 'name="look-again"' not in read(first, f"{LIST}{run.pk}/?still")
    work()
    done = read(first, f"{LIST}{run.pk}/")
    assert "1 dari 1 bagian selesai" in done and 'name="look-again"' not in done
    assert "Di mana berbeda" not in done
    assert Participation.objects.filter(revoked_at__isnull=False).count() == 3
    assert "selesai" in read(first, LIST)


def test_nobody_approves_their_own_run(officers: tuple[Client, Client]) -> None:
    first, second = officers
    factories.accepted(1)
    run = planned(first)
    assert "petugas lain harus menyetujuinya" in approve(first, run)
    work()
    assert not Participation.objects.filter(revoked_at__isnull=False).exists()
    approve(second, run)
    assert "sudah disetujui" in approve(second, run), "a second click changes nothing"


@pytest.mark.parametrize("sha256", ["", "zz", "00" * 32, "\x00", "a" * 999])
def test_an_approval_of_another_list_is_refused(sha256: str, officers: tuple[Client, Client]) -> None:
    first, second = officers
    factories.accepted(1)
    run = planned(first)
    assert "bukan yang Anda lihat" in said(second, f"{LIST}{run.pk}/approve/", {"list_sha256": sha256})
    run.refresh_from_db()
    assert run.approved_at is None


def test_a_second_click_finds_the_run_of_the_first(officers: tuple[Client, Client]) -> None:
    first, _second = officers
    factories.accepted(1)
    run = planned(first)
    response = first.post(f"{PLAN_REVOKE}confirm/")
    assert response.url == f"{LIST}{run.pk}/"  # type: ignore[attr-defined]
    assert MassRun.objects.count() == 1
    assert f'href="{LIST}{run.pk}/"' in read(first, PLAN_REVOKE)
    assert "Rencanakan pekerjaan ini" not in read(first, PLAN_REVOKE)


def test_a_cancelled_run_can_be_planned_again(officers: tuple[Client, Client]) -> None:
    first, second = officers
    factories.accepted(1)
    run = planned(first)
    assert "Dibatalkan." in said(second, f"{LIST}{run.pk}/cancel/")
    assert "petugas-dua" in read(first, f"{LIST}{run.pk}/")
    assert "sudah dibatalkan" in approve(second, run)
    assert planned(first).pk != run.pk


def test_nothing_due_is_said_in_words(officers: tuple[Client, Client]) -> None:
    first, _second = officers
    assert "Tidak ada yang jatuh tempo" in read(first, PLAN_REVOKE)
    response = first.post(f"{PLAN_REVOKE}confirm/")
    assert response.status_code == 422
    assert "tidak ada yang direncanakan" in response.content.decode()


def test_a_wave_is_chosen_and_accepted_without_a_second_officer(officers: tuple[Client, Client]) -> None:
    first, _second = officers
    factories.participants(3)
    wave = factories.wave(number=12, quota_count=2)
    path = f"{LIST}plan/accept_wave/"
    assert "Yang mana?" in read(first, path)
    assert "2 orang mendapat tempat, dan Rp7.100.000 disisihkan" in read(first, f"{path}?wave={wave.pk}")
    run = planned(first, path, wave=wave.pk)
    page = read(first, f"{LIST}{run.pk}/")
    assert "gelombang 12" in page and "petugas kedua" not in page and "Hentikan pekerjaan" in page
    work()
    assert Participation.objects.count() == 2
    assert "selesai" in read(first, f"{LIST}{run.pk}/?list")
    full = read(first, f"{path}?wave={wave.pk}")
    assert "Rencanakan pekerjaan ini" not in full and "sudah terisi" in full


@pytest.mark.parametrize("value", ["", "x", "0", "-1", "9" * 30, "1\x00", "2019", "2021"])
@pytest.mark.parametrize(("operation", "name"), [("accept_wave", "wave"), ("close_year", "year")])
def test_a_choice_that_makes_no_sense_is_named(
    operation: str, name: str, value: str, officers: tuple[Client, Client]
) -> None:
    first, _second = officers
    path = f"{LIST}plan/{operation}/"
    response = first.post(f"{path}confirm/", {name: value})
    assert response.status_code == 422
    assert f"id_{name}" in response.content.decode()
    assert f"id_{name}" in read(first, f"{path}?{name}={value}".replace("\x00", "%00"))
    assert first.get(f"{path}list.csv", {name: value}).status_code == 404
    assert not MassRun.objects.exists()


@pytest.mark.parametrize("operation", [*MassRun.Operation.values])
def test_every_operation_has_its_page(operation: str, officers: tuple[Client, Client]) -> None:
    first, _second = officers
    factories.accepted(1)
    factories.wave()
    assert operation in read(first, LIST)
    page = read(first, f"{LIST}plan/{operation}/")
    first.post("/bahasa/", {"language": "en"})
    assert page != read(first, f"{LIST}plan/{operation}/")


def test_what_was_left_out_is_said_with_its_reason(officers: tuple[Client, Client]) -> None:
    first, second = officers
    people = factories.accepted(3)
    run = planned(first)
    revoke(at=programme_now().replace(hour=9), participation_ids=[people[0]])
    approve(second, run)
    work()
    page = read(first, f"{LIST}{run.pk}/")
    assert "Di mana berbeda dari rencana" in page
    assert "sudah kehilangan kepesertaan sebelumnya" in page
    assert f"/console/people/{people[0]}/" in page and f"/console/people/{people[1]}/" not in page
    assert "Selisih: Rp3.550.000" in page


def test_a_part_that_failed_is_an_open_item(officers: tuple[Client, Client], monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = officers
    people = factories.accepted(1)
    run = planned(first)
    approve(second, run)
    operation = OPERATIONS["revoke"]

    def broken(ids: Sequence[int], at: datetime, parameters: Any) -> Done:
        raise RuntimeError("Siti Rahayu")

    changed = {**OPERATIONS, "revoke": type(operation)(operation.subject, True, operation.listing, broken)}
    with monkeypatch.context() as patch:
        patch.setattr(mass_work, "OPERATIONS", changed)
        work()
    page = read(first, f"{LIST}{run.pk}/")
    assert "Terbuka: bagian yang gagal" in page and "RuntimeError" in page and "Siti Rahayu" not in page
    assert f"{people[0]}–{people[0]}" in page
    assert "1 bagian gagal" in read(first, LIST)


def test_an_approved_run_is_stopped_by_two_officers(officers: tuple[Client, Client]) -> None:
    first, second = officers
    factories.accepted(2)
    run = planned(first)
    approve(second, run)
    path = f"{LIST}{run.pk}/"
    assert f"{path}stop/" in read(first, path)
    form = read(first, f"{path}stop/")
    assert "0 dari 1 bagian sudah selesai" in form and "Rp7.100.000" in form
    assert 'name="look-again"' not in form, "nobody is disturbed while writing"
    assert "Permintaan dicatat." in said(first, f"{path}stop/", {"because": "Daftar keliru.\nLihat surat 12."})
    own, other = read(first, path), read(second, path)
    assert "Petugas lain harus menyetujuinya" in own and f"{path}stop/agree/" not in own
    assert "petugas-satu meminta pekerjaan ini dihentikan" in other and "Lihat surat 12." in other
    assert f"{path}stop/agree/" in other and f'href="{path}stop/"' not in other
    reason = MassRun.objects.get().stop_because
    assert "bukan yang Anda lihat" in said(second, f"{path}stop/agree/", {"because": "x"})
    assert "petugas lain harus menyetujuinya" in said(first, f"{path}stop/agree/", {"because": reason})
    page = said(second, f"{path}stop/agree/", {"because": reason.replace("\n", "\r\n")})
    assert "Dihentikan." in page and "petugas-satu meminta dihentikan, petugas-dua menyetujui" in page
    assert "Tidak dikerjakan: 2 dalam daftar, Rp7.100.000" in page
    assert 'name="look-again"' not in page and "/stop/" not in page
    work()
    assert not Participation.objects.filter(revoked_at__isnull=False).exists()
    assert "dihentikan" in read(first, LIST)
    assert planned(first).pk != run.pk, "the next run can be planned"
    assert "sudah dihentikan" in said(first, f"{path}stop/drop/")


def test_a_request_to_stop_can_be_dropped(officers: tuple[Client, Client]) -> None:
    first, second = officers
    factories.accepted(1)
    run = planned(first)
    approve(second, run)
    path = f"{LIST}{run.pk}/"
    said(first, f"{path}stop/", {"because": "Keliru."})
    assert "Permintaan dibatalkan" in said(second, f"{path}stop/drop/")
    assert "Tidak ada lagi permintaan" in said(second, f"{path}stop/agree/", {"because": "Keliru."})
    work()
    assert Participation.objects.filter(revoked_at__isnull=False).count() == 1


@pytest.mark.parametrize("because", ["", "  ", "x" * 1001, "a\x00b"])
def test_a_stop_without_a_reason_that_can_be_read_says_so(because: str, officers: tuple[Client, Client]) -> None:
    first, second = officers
    factories.accepted(1)
    run = planned(first)
    approve(second, run)
    response = first.post(f"{LIST}{run.pk}/stop/", {"because": because})
    assert response.status_code == 422 and 'id="errors"' in response.content.decode()
    run.refresh_from_db()
    assert run.stop_asked_at is None


def test_the_whole_list_as_a_file_makes_the_hash_again(officers: tuple[Client, Client]) -> None:
    first, _second = officers
    people = factories.accepted(60, full_name="=Siti Rahayu")
    dry = first.get(f"{PLAN_REVOKE}list.csv")
    run = planned(first)
    sealed = first.get(f"{LIST}{run.pk}/list.csv")
    assert sealed["Content-Disposition"] == f'attachment; filename="bekal-run-{run.pk}.csv"'
    content = b"".join(sealed.streaming_content)  # type: ignore[attr-defined]
    assert content == b"".join(dry.streaming_content)  # type: ignore[attr-defined]
    rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig"))))
    assert [int(row[0]) for row in rows[1:]] == list(people)
    assert rows[1][3].startswith("'=Siti"), "nothing runs as a formula, and no full name leaves"
    lines = "".join(f"{row[0]},{row[1]}\n" for row in rows[1:])
    assert hashlib.sha256(lines.encode()).digest() == bytes(run.list_sha256)
    for path in (f"{LIST}{run.pk}/list.xlsx", f"{PLAN_REVOKE}list.xlsx"):
        workbook = first.get(path)
        assert b"".join(workbook.streaming_content)[:2] == b"PK"  # type: ignore[attr-defined]
        for closer in workbook._resource_closers:  # type: ignore[attr-defined]
            closer()  # closing the response would close the database's connection, too
    assert first.get(f"{LIST}{run.pk}/list.pdf").status_code == 404
    assert read(first, f"{LIST}{run.pk}/").count("/console/people/") == 1 + 50, "the page shows the first fifty"


def test_what_does_not_exist(officers: tuple[Client, Client]) -> None:
    first, _second = officers
    for number in (4711, 2**63, 10**40):
        assert first.get(f"{LIST}{number}/").status_code == 404
        assert first.post(f"{LIST}{number}/approve/").status_code == 404
        for action in ("cancel", "stop", "stop/agree", "stop/drop"):
            assert first.post(f"{LIST}{number}/{action}/").status_code == 404
        assert first.get(f"{LIST}{number}/list.csv").status_code == 404
    assert first.get(f"{LIST}plan/pay_everybody/").status_code == 404
    assert first.post(f"{LIST}plan/pay_everybody/confirm/").status_code == 404
    assert first.get(LIST, {"before": "x"}).status_code == 200


def test_an_auditor_reads_and_does_not_act(officers: tuple[Client, Client]) -> None:
    first, _second = officers
    factories.accepted(1)
    run = planned(first)
    auditor = Client()
    auditor.force_login(User.objects.create_user("auditor", "x", role=Role.AUDITOR, display_name="Auditor"))
    for path in (LIST, PLAN_REVOKE, f"{LIST}{run.pk}/"):
        assert '<form method="post" action="/console/' not in read(auditor, path)
    assert auditor.get(f"{LIST}{run.pk}/list.csv").status_code == 200
    acts = ("approve", "cancel", "stop", "stop/agree", "stop/drop")
    for path in (f"{PLAN_REVOKE}confirm/", *(f"{LIST}{run.pk}/{act}/" for act in acts)):
        assert auditor.post(path).status_code == 403


def test_older_runs_are_a_page_away(officers: tuple[Client, Client], monkeypatch: pytest.MonkeyPatch) -> None:
    first, _second = officers
    monkeypatch.setattr("bekal.console.mass_runs.PAGE_SIZE", 2)
    factories.accepted(1)
    for _ in range(3):
        said(first, f"{LIST}{planned(first).pk}/cancel/")
    page = first.get(LIST).context
    assert len(page["runs"]) == 2
    assert len(first.get(LIST, {"before": page["next_before"]}).context["runs"]) == 1


@pytest.mark.parametrize("number_of_people", [1, 40])
def test_pages_ask_the_same_for_one_and_for_many(
    number_of_people: int,
    officers: tuple[Client, Client],
    assert_queries: Callable[[int], AbstractContextManager[None]],
) -> None:
    first, _second = officers
    factories.accepted(number_of_people)
    with assert_queries(5):
        first.get(PLAN_REVOKE)
    run = planned(first)
    with assert_queries(3):
        first.get(LIST)
    with assert_queries(4):
        first.get(f"{LIST}{run.pk}/")
