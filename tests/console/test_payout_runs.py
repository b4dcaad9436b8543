"""A payout run through the pages: planned, approved by another officer, sent, answered; a misstep says why."""

import re
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from bekal.console import payout_runs
from bekal.incentives.export_payout_run import export_payout_run
from bekal.incentives.hand_over_files import hand_over_files
from bekal.incentives.models import PayoutFile, PayoutRun, PayoutStatus
from bekal.incentives.partners.rails import Rail
from bekal.ledger.clock import machine_now
from bekal.proofs.check import prove_ledger, record
from tests import factories
from tests.conftest import StoppedClock
from tests.factories.holding import held
from tests.incentives import journey
from tests.incentives.banks import know_everybody, rails_to
from tests.incentives.partner import answers, status_file
from tests.simulation.bank.clients import running_bank


@pytest.fixture
def officers(db: None, clock: StoppedClock) -> tuple[Client, Client]:
    clock.set(2020, 4, 27, 8, 0)
    first, second = Client(), Client()
    first.force_login(factories.officer("petugas-satu"))
    second.force_login(factories.officer("petugas-dua"))
    return first, second


def plan(office: Client, day: str = "2020-04-27") -> PayoutRun:
    response = office.post("/console/payout-runs/plan/", {"planned_for": day})
    assert response.status_code == 302, response.content.decode()
    return PayoutRun.objects.latest("pk")


def approve(office: Client, run: PayoutRun) -> str:
    sha256 = bytes(run.list_sha256).hex()
    return said(office, f"/console/payout-runs/{run.pk}/approve/", {"list_sha256": sha256})


def said(office: Client, path: str, data: dict[str, object]) -> str:
    """Everything the page says after the redirect."""
    response = office.post(path, data, follow=True)
    assert response.status_code == 200
    return response.content.decode()


def test_from_plan_to_every_payout_answered(officers: tuple[Client, Client]) -> None:
    first, second = officers
    journey.earners(3)
    run = plan(first)
    assert "Disetujui. Berkas sekarang bisa dibuat." in approve(second, run)
    path = f"/console/payout-runs/{run.pk}/"
    assert "Buku besar belum dibuktikan dalam 48 jam terakhir" in said(first, f"{path}export/", {})
    record(prove_ledger(connection))
    assert "Berkas sudah siap" in said(first, f"{path}export/", {})
    (sent,) = PayoutFile.objects.filter(run=run)
    download = first.get(f"{path}files/{sent.pk}/")
    assert download["Cache-Control"] == "no-store"
    assert sent.name in download["Content-Disposition"]
    file = SimpleUploadedFile("jawaban.csv", answers(download.content))
    page = said(first, f"{path}status-file/", {"partner": sent.partner, "file": file})
    assert "Terbaca: 3 dibayar, 0 ditolak, 0 dikembalikan." in page
    assert "semua terjawab" in page
    assert PayoutStatus.objects.filter(state="settled").count() == 3
    again = SimpleUploadedFile("jawaban.csv", answers(download.content))
    assert "sudah pernah dibaca" in said(first, f"{path}status-file/", {"partner": sent.partner, "file": again})
    assert PayoutStatus.objects.filter(state="settled").count() == 3


def test_what_an_alarm_holds_is_shown_before_and_kept_back_after_the_files_are_made(
    officers: tuple[Client, Client],
) -> None:
    first, second = officers
    _, waiting = journey.earners(2)
    run = plan(first)
    held(waiting)
    path = f"/console/payout-runs/{run.pk}/"
    assert "1 pembayaran dari daftar ini ditahan alarm atau masih dipertanyakan." in second.get(path).content.decode()
    approve(second, run)
    record(prove_ledger(connection))
    page = said(first, f"{path}export/", {})
    assert "1 pembayaran yang ditahan alarm atau masih dipertanyakan tidak ikut dikirim" in page
    assert "dari daftar ini ditahan alarm" not in page and '<span class="chip sun">tidak dikirim</span>' in page


def test_what_comes_back_is_shown_and_an_officer_takes_back_what_was_paid_wrongly(
    officers: tuple[Client, Client],
) -> None:
    first, second = officers
    journey.earners(2)
    run = journey.exported()
    journey.settled(run)
    one, other = journey.references(run.run_id)
    path = f"/console/payout-runs/{run.run_id}/"
    returned = SimpleUploadedFile("retur.csv", status_file([(one, 600_000, "returned", "AC06")]))
    page = said(first, f"{path}status-file/", {"partner": "bni", "file": returned})
    assert "Terbaca: 0 dibayar, 0 ditolak, 1 dikembalikan." in page and "dikembalikan AC06" in page
    assert f'value="{other}"' in page and f'value="{one}"' not in page, "only what is paid can be taken back"
    wrong = said(first, f"{path}reverse/", {"reference": other, "reason_code": ""})
    assert "bukan 1 sampai 8 huruf besar dan angka" in wrong
    asked = {"reference": other, "reason_code": " dupl "}
    page = said(first, f"{path}reverse/", asked)
    assert f"Permintaan dicatat: {other}, Rp600.000." in page and "meminta ditarik kembali: DUPL" in page
    assert f"{path}reverse/agree/" not in page, "who asked does not agree"
    waiting = second.get("/console/payout-runs/").content.decode()
    assert "Pembayaran yang diminta seorang petugas untuk ditarik kembali" in waiting and "DUPL" in waiting
    (address,) = re.findall(rf'<a href="({path}[^"]+)">{other}</a>', waiting)
    assert second.get(address).context["lines"][0].reference == other, "its line comes first"
    assert "sudah pernah ditarik kembali" in said(first, f"{path}reverse/", asked)
    assert "petugas lain harus menyetujuinya" in said(first, f"{path}reverse/agree/", asked)
    assert "kini DUPL, bukan yang Anda lihat" in said(second, f"{path}reverse/agree/", {**asked, "reason_code": "X"})
    assert PayoutStatus.objects.filter(state="reversed").count() == 0
    assert f"{path}reverse/agree/" in second.get(path).content.decode()
    page = said(second, f"{path}reverse/agree/", asked)
    assert f"{other} ditarik kembali: Rp600.000." in page and "ditarik kembali DUPL" in page
    assert "semua terjawab" in page
    assert other not in second.get("/console/payout-runs/").content.decode()
    assert "sudah pernah ditarik kembali" in said(second, f"{path}reverse/agree/", asked)
    assert "sudah kembali" in said(first, f"{path}reverse/", {"reference": one, "reason_code": "DUPL"})
    assert PayoutStatus.objects.filter(state="reversed").count() == 1


def test_a_request_to_take_back_can_be_dropped(officers: tuple[Client, Client]) -> None:
    first, second = officers
    journey.earners()
    run = journey.exported()
    journey.settled(run)
    (one,) = journey.references(run.run_id)
    path, asked = f"/console/payout-runs/{run.run_id}/", {"reference": one, "reason_code": "DUPL"}
    said(first, f"{path}reverse/", asked)
    assert f"Permintaan dibatalkan: {one} tetap dibayar." in said(second, f"{path}reverse/drop/", asked)
    assert "Tidak ada yang meminta" in said(second, f"{path}reverse/drop/", asked)
    assert "Tidak ada yang meminta" in said(second, f"{path}reverse/agree/", asked)


@pytest.mark.parametrize("reference", ["", "BKL9", "\x00", "x" * 999, "' OR 1=1"])
def test_a_payout_that_is_none_is_not_taken_back(reference: str, officers: tuple[Client, Client]) -> None:
    first, _ = officers
    journey.earners()
    run = journey.exported()
    page = said(first, f"/console/payout-runs/{run.run_id}/reverse/", {"reference": reference, "reason_code": "DUPL"})
    assert "Tidak ada pencairan dengan nomor rujukan" in page


def test_nobody_approves_their_own_run(officers: tuple[Client, Client]) -> None:
    first, _second = officers
    journey.earners()
    run = plan(first)
    page = approve(first, run)
    assert "Disetujui. Berkas" not in page
    run.refresh_from_db()
    assert run.approved_at is None
    assert said(first, f"/console/payout-runs/{run.pk}/export/", {})
    assert not PayoutFile.objects.exists()


@pytest.mark.parametrize("sha256", ["", "zz", "00" * 32, "\x00", "a" * 999])
def test_an_approval_of_another_list_is_refused(sha256: str, officers: tuple[Client, Client]) -> None:
    first, second = officers
    journey.earners()
    run = plan(first)
    said(second, f"/console/payout-runs/{run.pk}/approve/", {"list_sha256": sha256})
    run.refresh_from_db()
    assert run.approved_at is None


def test_a_cancelled_run_frees_its_instalments(officers: tuple[Client, Client]) -> None:
    first, second = officers
    journey.earners()
    run = plan(first)
    assert "Dibatalkan." in said(second, f"/console/payout-runs/{run.pk}/cancel/", {})
    assert plan(first).pk != run.pk


@pytest.mark.parametrize(
    "day", ["", "besok", "2020-02-30", "25-04-2020x", "9999-12-31", "0001-01-01", "2020-04-27\x00"]
)
def test_a_day_that_makes_no_sense_is_named(day: str, officers: tuple[Client, Client]) -> None:
    first, _second = officers
    journey.earners()
    response = first.post("/console/payout-runs/plan/", {"planned_for": day})
    assert response.status_code == 422
    assert "id_planned_for" in response.content.decode()
    assert not PayoutRun.objects.exists()


def test_nothing_due_is_said_in_words(officers: tuple[Client, Client], clock: StoppedClock) -> None:
    first, _second = officers
    clock.forward(days=1)
    response = first.post("/console/payout-runs/plan/", {"planned_for": "2020-04-28"})
    assert response.status_code == 422
    assert "Belum ada pencairan" in response.content.decode()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00",
        b"\xff\xfe",
        b"reference,amount_rupiah,state,reason_code\n",
        b"<?xml version='1.0'?>",
        b"," * 10_000,
    ],
)
def test_a_file_that_is_not_a_status_file_changes_nothing(content: bytes, officers: tuple[Client, Client]) -> None:
    first, _second = officers
    journey.earners()
    run = journey.exported()
    file = SimpleUploadedFile("apa saja.csv", content)
    response = first.post(
        f"/console/payout-runs/{run.run_id}/status-file/", {"partner": run.files[0].partner, "file": file}
    )
    assert response.status_code == 422
    assert "id_file" in response.content.decode()
    assert not PayoutStatus.objects.exclude(state="sent").exists()
    assert not PayoutFile.objects.filter(direction="back").exists()


def test_what_is_left_out_is_said(officers: tuple[Client, Client]) -> None:
    first, _second = officers
    journey.earners()
    journey.earners(2, with_accounts=False)
    page = said(first, "/console/payout-runs/plan/", {"planned_for": "2020-04-27"})
    assert "2 jatuh tempo, tidak diikutkan: belum ada rekening." in page


def test_runs_that_do_not_exist(officers: tuple[Client, Client]) -> None:
    first, _second = officers
    for number in (4711, 2**63, 10**40):
        assert first.get(f"/console/payout-runs/{number}/").status_code == 404
        assert first.post(f"/console/payout-runs/{number}/approve/").status_code == 404
        assert first.get(f"/console/payout-runs/{number}/files/{number}/").status_code == 404
    assert first.get("/console/payout-runs/", {"before": "x"}).status_code == 200


def test_pages_of_lines(officers: tuple[Client, Client]) -> None:
    first, _second = officers
    journey.earners(60)
    run = plan(first)
    page = first.get(f"/console/payout-runs/{run.pk}/").context
    assert len(page["lines"]) == 50
    following = first.get(f"/console/payout-runs/{run.pk}/", {"after": page["next_after"]}).context
    assert len(following["lines"]) == 10
    assert following["next_after"] == ""


def test_an_auditor_sees_a_run_without_its_buttons_and_files(db: None, client: Client) -> None:
    journey.earners()
    run = journey.exported()
    client.force_login(factories.auditor())
    for path in ("/console/payout-runs/", f"/console/payout-runs/{run.run_id}/"):
        html = client.get(path).content.decode()
        assert 'action="/console/payout-runs' not in html and "/files/" not in html
    assert run.files[0].name in html
    for verb in ("approve", "cancel", "export", "status-file"):
        assert client.post(f"/console/payout-runs/{run.run_id}/{verb}/").status_code == 403
    assert client.post("/console/payout-runs/plan/").status_code == 403


REFRESHES = '<meta http-equiv="refresh" content="10">'


def test_a_run_that_goes_by_itself_is_watched_to_its_end(
    transactional_db: None, clock: StoppedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock.set(2020, 4, 27, 10, 0)
    office = Client()
    office.force_login(factories.officer("petugas-satu"))
    journey.earners(3)
    with running_bank() as bank:
        rails = rails_to(bank)
        monkeypatch.setattr(payout_runs, "house_rails", lambda: rails)
        know_everybody(bank)
        run_id = journey.approved()
        path = f"/console/payout-runs/{run_id}/"
        assert REFRESHES not in office.get(path).content.decode()
        assert export_payout_run(run_id=run_id, at=clock.now(), proof_limit=None, rails=rails).refusal is None
        assert REFRESHES in office.get(path).content.decode()
        still = office.get(f"{path}?still=1").content.decode()
        assert REFRESHES not in still and 'href="?still=1">Muat ulang' in still
        wrong = office.post(f"{path}status-file/", {"partner": "bni"}).content.decode()
        assert REFRESHES not in wrong, "what an officer is told stays"
        bank.fail("timeout_after_acceptance", partner="bni")
        hand_over_files(rails=rails, at=clock.now(), now=machine_now)
        page = office.get(path).content.decode()
        assert REFRESHES in page and "Belum diketahui apakah 3 pembayaran sudah dibayar" in page
        later = machine_now() + timedelta(minutes=10)
        bank.fail("wrong_amount", partner="bni", value="1")
        bank.service.work()
        for _ in range(2):
            hand_over_files(rails=rails, at=clock.now(), now=lambda: later)
        page = office.get(path).content.decode()
        assert "1 pengecualian dari pencairan ini menunggu ditangani" in page
        assert REFRESHES in page, "one is not answered yet"
        first = journey.references(run_id)[0]
        file = SimpleUploadedFile("jawaban.csv", status_file([(first, 600_000, "settled", "")]))
        office.post(f"{path}status-file/", {"partner": "bni", "file": file})
        page = office.get(path).content.decode()
        assert "semua terjawab" in page and REFRESHES not in page


def test_a_run_that_goes_by_hand_or_is_paused_stays_still(
    officers: tuple[Client, Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, _ = officers
    journey.earners(2)
    run_id = journey.exported().run_id
    path = f"/console/payout-runs/{run_id}/"
    assert REFRESHES not in first.get(path).content.decode()
    monkeypatch.setattr(payout_runs, "house_rails", lambda: {"bni": Rail("bni")})
    assert REFRESHES in first.get(path).content.decode()
    assert REFRESHES not in said(first, f"{path}pause/", {})


def test_a_page_of_a_run_asks_as_often_however_many_payouts_it_has(
    officers: tuple[Client, Client],
) -> None:
    first, _ = officers
    journey.earners(1)
    one = journey.exported().run_id
    first.get(f"/console/payout-runs/{one}/")
    with CaptureQueriesContext(connection) as asked:
        first.get(f"/console/payout-runs/{one}/")
    journey.earners(5)
    many = journey.exported().run_id
    with CaptureQueriesContext(connection) as asked_again:
        first.get(f"/console/payout-runs/{many}/")
    assert len(asked_again) == len(asked)
