"""Akun: where the reader is paid, what the bank or wallet says of it, and asking it again."""

from collections.abc import Callable

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
from tests.web.conftest import Visitor, text_of

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
