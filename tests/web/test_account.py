"""Akun: where the reader is paid, what the bank or wallet says of it, and asking it again."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from bekal.incentives.models import AccountCheck
from bekal.incentives.partners.rails import Rail
from bekal.incentives.partners.snap_bi import SnapAccess
from bekal.participants.models import PayoutAccount
from bekal.web import account as account_page
from tests import factories
from tests.conftest import StoppedClock
from tests.incentives import journey
from tests.simulation.bank.clients import key
from tests.web.conftest import Visitor, newest_code, text_of

SignIn = Callable[..., Visitor]


def test_the_page_of_the_account_says_what_the_wallet_says_and_asks_again(
    sign_in: SignIn, clock: StoppedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    (person,) = journey.earners()
    account = PayoutAccount.objects.get()
    visitor = sign_in(person)
    assert "BNI pada pembayaran pertama" in text_of(visitor.open("account"))
    snap = SnapAccess("http://127.0.0.1:9", "bekal", key(), "95221", "bni")
    monkeypatch.setattr(account_page, "house_rails", lambda: {"bni": Rail("bni", snap=snap)})
    assert "belum diperiksa" in text_of(visitor.open("account"))
    assert "Tidak ada masalah yang diketahui" in text_of(visitor.send("check_account"))
    heard(account, "failed", "AM14")
    page = text_of(visitor.open("account"))
    assert "tidak dapat dibayar" in page and "Dompetmu penuh" in page and "Tanya lagi" in page
    assert "rekeningmu tidak bisa dibayar" in text_of(visitor.open("incentives"))
    page = text_of(visitor.send("check_account"))
    assert "Kami sedang bertanya lagi kepada BNI" in page and "Tanya lagi" not in page
    assert "Tidak ada masalah yang diketahui" in text_of(visitor.send("check_account")), "a second click"
    heard(account, "passed", "")
    page = text_of(visitor.open("account"))
    assert "sudah diperiksa" in page and "Tanya lagi" not in page
    office = Client()
    office.force_login(factories.auditor())
    page = text_of(office.get(reverse("console:person", args=[person])).content.decode())
    assert "atas nama orangnya" in page and "AM14" in page and "4031623" in page and "diminta oleh pemiliknya" in page


def heard(account: PayoutAccount, outcome: str, reason_code: str) -> None:
    AccountCheck.objects.create(
        account=account,
        account_hash=account.payoutaccountdirectory.account_hash,
        outcome=outcome,
        reason_code=reason_code,
        partner_code="4031623",
        needed_rupiah=600_000,
        recorded_at=journey.PLANNED_AT,
        noted_at=journey.PLANNED_AT,
    )


def test_a_second_account_is_named_with_a_code_shown_and_removed(sign_in: SignIn) -> None:
    (person,) = factories.accepted(full_name="Siti Rahayu")
    visitor = sign_in(person)
    page = text_of(visitor.open("account"))
    assert "Rekening kedua" in page and "Tambah rekening kedua" in page and "Hapus" not in page
    fields: dict[str, Any] = {"partner": "ovo", "number": "0812 3456 7890", "holder_name": "Siti Rahayu"}
    page = text_of(visitor.send("second_account", **fields))
    assert "kode 6 angka" in page and "Jadikan rekening kedua" in page
    assert "Kode ini salah" in text_of(visitor.send("second_account", expect=422, code="000000", **fields))
    page = text_of(visitor.send("second_account", code=newest_code(person), **fields))
    assert "OVO" in page and "dipakai mulai" in page and "Ganti rekening keduaku" in page
    assert "sekarang rekening keduamu" in text_of(visitor.open("messages"))
    office = Client()
    office.force_login(factories.auditor())
    page = text_of(office.get(reverse("console:person", args=[person])).content.decode())
    assert "Rekening kedua: OVO" in page and "081234567890" not in page
    page = text_of(visitor.send("remove_second_account"))
    assert "sudah dihapus" in page and "Tambah rekening kedua" in page
    visitor.send("remove_second_account")


def test_a_second_account_needs_a_first(sign_in: SignIn) -> None:
    (person,) = factories.accepted(with_accounts=False, full_name="Siti Rahayu")
    visitor = sign_in(person)
    assert "Rekening kedua" not in text_of(visitor.open("account"))
    page = visitor.send("second_account", expect=422, partner="ovo", number="081234567890", holder_name="Siti Rahayu")
    assert "Isi rekening pertamamu" in text_of(page)
