"""Settlements through the pages: what is owed and why it waits, the account that two officers agree on, the run."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client

from bekal.accounts.privacy import decrypt
from bekal.catalogue.models import Institution
from bekal.catalogue.stop_settlement import stop_settlement
from bekal.console.find import find_address
from bekal.incentives.models import InstitutionAccount, PayoutRun
from bekal.incentives.settle_payouts import settle_payouts
from bekal.proofs.check import prove_ledger, record
from tests import factories
from tests.conftest import StoppedClock
from tests.factories import settling
from tests.factories.settling import ANSWERED_AT, ORDERED_AT
from tests.incentives.partner import answers

PAGE = "/console/payout-runs/institutions/"


@pytest.fixture
def officers(db: None, clock: StoppedClock) -> tuple[Client, Client]:
    clock.set(2020, 5, 4, 9, 0)
    first, second = Client(), Client()
    first.force_login(factories.officer("petugas-satu"))
    second.force_login(factories.officer("petugas-dua"))
    return first, second


def page_of(institution: Institution) -> str:
    return f"/console/ledger/institutions/{institution.pk}/"


def said(office: Client, path: str, data: dict[str, object]) -> str:
    """Everything the page says after the redirect."""
    response = office.post(path, data, follow=True)
    assert response.status_code == 200
    return response.content.decode()


def html(client: Client, path: str) -> str:
    response = client.get(path)
    assert response.status_code == 200
    return response.content.decode()


def test_an_account_is_entered_agreed_to_and_shown_masked(officers: tuple[Client, Client]) -> None:
    first, second = officers
    institution = factories.institution(name="Lembaga " + "panjang " * 20)
    path = page_of(institution)
    account = {"partner": "bni", "number": "0123456789", "holder_name": "Yayasan Maju"}
    assert "Belum ada rekening" in html(first, path)
    assert "Dicatat." in said(first, f"{path}account/", account)
    assert "sudah tercatat" in said(first, f"{path}account/", account), "the second click"
    own = html(first, path)
    assert "menunggu petugas kedua" in own and "Setujui rekening ini" not in own and "0123456789" not in own
    seen = {"account_hash": bytes(InstitutionAccount.objects.get().account_hash).hex()}
    assert "Petugas lain yang harus menyetujuinya" in said(first, f"{path}account/agree/", seen)
    for hash_ in ("", "xx", "ab" * 32):
        assert "bukan yang Anda lihat" in said(second, f"{path}account/agree/", {"account_hash": hash_})
    assert "Setujui rekening ini" in html(second, path)
    assert "Disetujui. Lembaga" in said(second, f"{path}account/agree/", seen)
    staff = Client()
    staff.force_login(factories.institution_staff(institution))
    desk = html(staff, "/institution/statement/")
    assert "••••••6789" in desk and "Bukan milik Anda?" in desk and "Catat rekening ini" not in desk
    other = account | {"number": "0999999999"}
    said(first, f"{path}account/", other)
    assert "menunggu petugas kedua" in html(staff, "/institution/statement/"), "it reads of the change before it counts"
    assert "Dibatalkan. Rekening yang lama" in said(second, f"{path}account/drop/", {})
    assert "rekening" in said(first, f"{path}account/", other | {"number": "1"})
    assert InstitutionAccount.objects.filter(ended_at=None).count() == 1
    assert first.post("/console/ledger/institutions/999999999/account/", other).status_code == 404


def test_from_what_is_owed_to_what_is_paid_and_what_is_owed_again(officers: tuple[Client, Client]) -> None:
    first, second = officers
    assert "Tidak ada yang harus dibayar" in html(first, PAGE)
    good, bad, stopped, bare = (factories.institution() for _ in range(4))
    for institution in (good, bad, stopped):
        settling.account(institution)
    settling.ordered(good, bad, stopped, bare)
    stop_settlement(institution_id=stopped.pk, reason="Diperiksa.", at=ORDERED_AT)
    listed = html(first, PAGE)
    assert "pembayaran lembaga dihentikan" in listed and "belum ada rekening bank" in listed
    assert first.post(f"{PAGE}plan/", {"planned_for": "x"}).status_code == 422
    far = first.post(f"{PAGE}plan/", {"planned_for": "2020-12-01"})
    assert far.status_code == 422 and "terlalu jauh" in far.content.decode()
    shown = said(first, f"{PAGE}plan/", {"planned_for": "2020-05-04"})
    assert "Direncanakan: 2 pembayaran kepada lembaga" in shown and "1 pembayaran tidak diikutkan" in shown
    assert first.post(f"{PAGE}plan/", {"planned_for": "2020-05-04"}).status_code == 422, "the second click"
    run = PayoutRun.objects.get()
    path = f"/console/payout-runs/{run.pk}/"
    assert good.name in html(second, path) and "lembaga" in html(second, "/console/payout-runs/")
    said(second, f"{path}approve/", {"list_sha256": bytes(run.list_sha256).hex()})
    record(prove_ledger(connection))
    said(second, f"{path}export/", {})
    file = run.files.get()
    content = decrypt(bytes(file.content_encrypted)).encode()
    refused = f"BKS{bad.settlements.get().pk:014d}A01"
    settle_payouts(partner="bni", name="jawab.csv", content=answers(content, {refused: "AC04"}), at=ANSWERED_AT)
    done = html(first, path)
    assert "AC04" in done and "Minta penarikan kembali" not in done
    assert "Rekening sudah ditutup" in html(first, PAGE), "owed again, with its reason"
    staff = Client()
    staff.force_login(factories.institution_staff(bad))
    statement = html(staff, "/institution/statement/")
    assert "Rekening sudah ditutup" in statement and "Tetap menjadi hak lembaga" in statement
    assert "AC04" not in html(second, page_of(good))
    assert find_address(refused) == path
    assert second.get(f"/console/payouts/{refused}/")["Location"] == path


def test_pages_are_a_handful_of_queries(officers: tuple[Client, Client], assert_queries: object) -> None:
    first, _ = officers
    institutions = [factories.institution() for _ in range(6)]
    for institution in institutions:
        settling.account(institution, at=ORDERED_AT - timedelta(days=30))
    settling.ordered(*institutions)
    with assert_queries(4):  # type: ignore[operator]
        html(first, PAGE)
