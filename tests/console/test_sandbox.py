"""An institution's staff see their own system's sandbox: keys once, codes, the clock, the calls and conformance."""

import re

import pytest
from django.test import Client

from bekal.catalogue.models import Institution
from bekal.ledger.models import Transfer
from bekal.partners.conformance import record_exchange
from bekal.partners.conformance_checks import Exchange
from bekal.partners.models import Partner, PartnerKey
from bekal.partners.open_sandbox import sandbox_of
from tests import factories
from tests.conftest import StoppedClock
from tests.databases import TestDatabase
from tests.factories.partners import key_of, sandbox_partner

HOME = "/institution/sandbox/"


@pytest.fixture
def institution(db: None, sandbox: TestDatabase, clock: StoppedClock) -> Institution:
    clock.set(2020, 11, 2)
    return factories.institution()


@pytest.fixture
def desk(client: Client, institution: Institution) -> Client:
    client.force_login(factories.institution_staff(institution))
    return client


def said(desk: Client, path: str = HOME, **data: str) -> str:
    response = desk.post(path, data, follow=True) if data or path != HOME else desk.get(path)
    assert response.status_code == 200
    return response.content.decode()


def test_open_take_codes_move_the_clock_begin_anew(desk: Client, institution: Institution) -> None:
    assert "belum dibuka" in said(desk)
    assert "Lingkungan uji coba Anda terbuka" in said(desk, f"{HOME}open/")
    partner = Partner.objects.get(institution=institution)
    said(desk, f"{HOME}open/")
    assert Partner.objects.count() == 1
    before = sandbox_of(partner)
    assert before is not None
    page = said(desk, f"{HOME}codes/", purpose="webinar")
    assert "5 kode lagi" in page
    after = sandbox_of(partner)
    assert after is not None
    assert len(after.codes) == len(before.codes) + 5
    assert all(code.redeem_code in page for code in after.codes if code.purpose == "webinar")
    assert "25 November 2020" in said(desk, f"{HOME}clock/", to="25th")
    page = said(desk, f"{HOME}clock/", to="year_end")
    assert "1 Januari 2021" in page
    assert "Rp7.100.000" in page  # two places without a purchase
    assert "mulai dari awal" in said(desk, f"{HOME}anew/")
    assert not Transfer.objects.exists()


def test_a_secret_is_shown_once(desk: Client, institution: Institution) -> None:
    said(desk, f"{HOME}open/")
    page = desk.post(f"{HOME}keys/", {"generation": "1"}).content.decode()
    key = PartnerKey.objects.get(partner__institution=institution)
    assert key.is_sandbox
    (secret,) = re.findall(r"[0-9a-f]{64}", page)
    assert key.client_code in page
    assert secret not in said(desk)
    desk.post(f"{HOME}keys/", {"generation": "1"})
    assert "Cabut dulu kunci" in said(desk, f"{HOME}keys/", generation="1")
    assert PartnerKey.objects.count() == 2
    assert "sudah dicabut" in said(desk, f"{HOME}keys/revoke/", client_code=key.client_code)
    key.refresh_from_db()
    assert key.revoked_at is not None


def test_nobody_revokes_a_live_key_or_anothers_here(desk: Client, institution: Institution) -> None:
    said(desk, f"{HOME}open/")
    live = key_of(Partner.objects.get(institution=institution), is_sandbox=False)
    others = key_of(sandbox_partner("LAIN"))
    for key in (live, others):
        said(desk, f"{HOME}keys/revoke/", client_code=key.client_code)
        key.refresh_from_db()
        assert key.revoked_at is None


def test_a_key_that_no_database_can_hold_is_nobodys(desk: Client, institution: Institution) -> None:
    said(desk, f"{HOME}open/")
    own = key_of(Partner.objects.get(institution=institution))
    assert "sudah dicabut" not in said(desk, f"{HOME}keys/revoke/", client_code="a\0b")
    own.refresh_from_db()
    assert own.revoked_at is None


def test_calls_and_conformance(desk: Client, institution: Institution) -> None:
    said(desk, f"{HOME}open/")
    assert "Belum ada panggilan" in said(desk)
    key = key_of(Partner.objects.get(institution=institution))
    other = key_of(sandbox_partner("LAIN"))
    path = "payment/redeem-code/status"
    record_exchange(key=key, exchange=Exchange(1, path, "POST", 404, "code_not_found"), at=factories.BOUGHT_AT)
    record_exchange(key=key, exchange=Exchange(1, path, "POST", 422, "field_missing"), at=factories.BOUGHT_AT)
    record_exchange(key=other, exchange=Exchange(1, "tpm/submission", "POST", 200, "answered"), at=factories.BOUGHT_AT)
    page = said(desk)
    assert "code_not_found" in page
    assert "tpm/submission" not in page
    page = desk.get(f"{HOME}conformance/").content.decode()
    assert page.count('<span class="chip good">') == 1
    assert page.count('<span class="chip bad">') == 1
    assert "field_missing" in page
    assert "dilupakan" in said(desk, f"{HOME}conformance/anew/")
    assert '<span class="chip good">' not in desk.get(f"{HOME}conformance/").content.decode()


def test_what_was_not_offered_does_nothing(desk: Client, institution: Institution, clock: StoppedClock) -> None:
    for path, name in (
        ("codes", "purpose"),
        ("clock", "to"),
        ("keys", "generation"),
        ("anew", "x"),
        ("keys/revoke", "x"),
    ):
        said(desk, f"{HOME}{path}/", **{name: "1"})
    assert not Partner.objects.exists()
    assert "Belum ada" in desk.get(f"{HOME}conformance/").content.decode()
    said(desk, f"{HOME}open/")
    for path, name in (("codes", "purpose"), ("clock", "to"), ("keys", "generation")):
        said(desk, f"{HOME}{path}/", **{name: "999999999999999999999"})
    assert not PartnerKey.objects.exists()
    seen = sandbox_of(Partner.objects.get())
    assert seen is not None
    assert seen.at == clock.now()


def test_a_system_that_nobody_tied_keeps_its_code(desk: Client, institution: Institution) -> None:
    stranger = sandbox_partner(institution.code)
    said(desk, f"{HOME}open/")
    own = Partner.objects.get(institution=institution)
    assert own.pk != stranger.pk
    assert own.code != stranger.code


def test_the_page_is_a_handful_of_queries(desk: Client, institution: Institution, assert_queries) -> None:  # type: ignore[no-untyped-def]
    said(desk, f"{HOME}open/")
    with assert_queries(11):
        desk.get(HOME)
    with assert_queries(7):
        desk.get(f"{HOME}conformance/")
