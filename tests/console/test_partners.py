"""The programme office registers systems and ties them, gives out keys once, suspends and lifts; the auditor reads."""

import logging
import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.test import Client

from bekal.catalogue.models import Institution
from bekal.ledger.clock import machine_now
from bekal.partners.conformance import record_check
from bekal.partners.conformance_checks import checks_of
from bekal.partners.count_call import count_call
from bekal.partners.misses import MISS_LIMIT_COUNT, record_miss
from bekal.partners.models import (
    ConformanceRecord,
    Partner,
    PartnerKey,
    RedirectUri,
    WebhookDelivery,
    WebhookEndpoint,
    WebhookEvent,
)
from bekal.partners.scopes import ALL_SCOPES
from bekal.partners.webhook_events import ping
from tests import factories
from tests.conftest import PROGRAMME_INSTANT
from tests.factories.partners import key_of, live_partner, sandbox_partner

pytestmark = pytest.mark.django_db
HOME = "/console/partners/"


@pytest.fixture
def office(client: Client) -> Client:
    client.force_login(factories.officer())
    return client


def text_of(client: Client, path: str = HOME, data: dict[str, Any] | None = None, *, status: int = 200) -> str:
    response = client.get(path) if data is None else client.post(path, data, follow=True)
    assert response.status_code == status
    return response.content.decode()


def own(partner: Partner, act: str = "") -> str:
    return f"{HOME}{partner.pk}/{act}"


def test_from_registration_to_a_live_key_shown_once(
    office: Client, caplog: pytest.LogCaptureFixture, django_user_model: Any
) -> None:
    institution = factories.institution()
    assert "Belum ada mitra" in text_of(office)
    page = text_of(office, f"{HOME}register/", {"code": "lembaga-satu", "name": "Sistem Satu", "kind": "institution"})
    assert "Terdaftar" in page and "belum ditautkan" in page and "Belum ada kunci" in page
    partner = Partner.objects.get()
    wanted = {"generation": "1", "world": "live"}
    assert "belum ditautkan" in text_of(office, own(partner, "keys/"), wanted, status=422)
    assert "tidak ada" in text_of(office, own(partner, "tie/"), {"owner_code": "TIADA"}, status=422)
    assert institution.name in text_of(office, own(partner, "tie/"), {"owner_code": institution.code})
    with caplog.at_level(logging.DEBUG):
        answer = office.post(own(partner, "keys/"), wanted)
    page = answer.content.decode()
    (secret,) = re.findall(r"[0-9a-f]{64}", page)
    key = PartnerKey.objects.get()
    assert (answer.status_code, key.generation, key.is_sandbox, key.client_code in page) == (200, 1, False, True)
    assert "no-store" in answer["Cache-Control"]
    assert secret not in str(dict(answer.items())) and secret not in caplog.text
    assert all(secret not in str(session.get_decoded()) for session in Session.objects.order_by("pk"))
    assert secret not in text_of(office, own(partner)) and secret not in text_of(office)


def test_a_double_click_issues_one_key_and_shows_it(office: Client) -> None:
    """Of two answers a browser shows the second: it has to have the secret of the key that the first made."""
    partner = sandbox_partner("lembaga-dua")
    (after,) = re.findall(r'name="after" value="(\d+)"', text_of(office, own(partner)))
    wanted = {"generation": "2", "world": "sandbox", "scopes": ["redeem"], "after": after}
    first, second = (text_of(office, own(partner, "keys/"), wanted) for _ in range(2))
    assert re.findall(r"[0-9a-f]{64}", first) == re.findall(r"[0-9a-f]{64}", second) != []
    assert "sesudah formulir ini dibuka" in text_of(
        office, own(partner, "keys/"), wanted | {"scopes": ["keys"]}, status=422
    )
    assert PartnerKey.objects.count() == 1
    (after,) = re.findall(r'name="after" value="(\d+)"', text_of(office, own(partner)))
    text_of(office, own(partner, "keys/"), wanted | {"after": after})
    assert PartnerKey.objects.count() == 2


def test_scopes_of_v2_and_at_most_two_of_a_kind(office: Client) -> None:
    partner = sandbox_partner("lembaga-dua")
    wanted = {"generation": "2", "world": "sandbox", "scopes": ["redeem", "evidence"]}
    page = text_of(office, own(partner))
    assert len(re.findall(r'<input type="checkbox" name="scopes" [^>]* checked>', page)) == len(ALL_SCOPES)
    for _ in range(2):
        assert "Rahasia" in text_of(office, own(partner, "keys/"), wanted)
    assert [key.scopes for key in PartnerKey.objects.order_by("pk")] == [["redeem", "evidence"]] * 2
    assert "Cabut dulu kunci" in text_of(office, own(partner, "keys/"), wanted, status=422)
    assert "Centang" in text_of(office, own(partner, "keys/"), wanted | {"scopes": []}, status=422)
    for wrong in ({"scopes": ["all"]}, {"generation": "3"}, {"world": "moon"}):
        text_of(office, own(partner, "keys/"), wanted | wrong, status=422)
    assert PartnerKey.objects.count() == 2


def test_a_key_is_lifted_after_its_misses_suspended_and_revoked(office: Client) -> None:
    partner = live_partner(factories.institution())
    key, other = key_of(partner, is_sandbox=False), key_of(sandbox_partner("lain"))
    for _ in range(MISS_LIMIT_COUNT):
        record_miss(key_id=key.pk, at=PROGRAMME_INSTANT)
    assert "karena salah tanya" in text_of(office, own(partner))
    assert "1 kunci ditangguhkan" in text_of(office)
    assert "jatah salah tanya yang utuh" in text_of(office, own(partner, "keys/lift/"), {"key": key.pk})
    key.refresh_from_db()
    assert (key.suspended_at, key.miss_count) == (None, 0)
    text_of(office, own(partner, "keys/suspend/"), {"key": key.pk})
    key.refresh_from_db()
    assert key.suspended_at is not None
    for act in ("lift", "suspend", "revoke"):
        for number in (other.pk, 0, "x", 10**18, 10**30):
            assert "Kunci ini tidak ada" in text_of(office, own(partner, f"keys/{act}/"), {"key": number})
    assert "sudah dicabut" in text_of(office, own(partner, "keys/revoke/"), {"key": key.pk})
    assert "dicabut pada" in text_of(office, own(partner, "keys/lift/"), {"key": key.pk})
    other.refresh_from_db()
    key.refresh_from_db()
    assert key.revoked_at is not None and (other.revoked_at, other.suspended_at) == (None, None)


def test_a_partner_is_suspended_for_a_reason_and_lifted(office: Client) -> None:
    partner = sandbox_partner("lembaga-tiga")
    for wrong in ("", "x" * 301, "a\0b"):
        text_of(office, own(partner, "suspend/"), {"reason": wrong}, status=422)
    assert "Kunci <bocor>" not in text_of(office, own(partner, "suspend/"), {"reason": "Kunci <bocor>"})
    partner.refresh_from_db()
    assert (partner.suspended_at is not None, partner.suspension_reason) == (True, "Kunci <bocor>")
    assert partner.name in text_of(office, f"{HOME}?only=suspended")
    text_of(office, own(partner, "lift/"), {})
    partner.refresh_from_db()
    assert (partner.suspended_at, partner.suspension_reason) == (None, "")


def test_addresses_to_come_back_to(office: Client) -> None:
    partner, uri = sandbox_partner("lembaga-empat"), "https://lembaga.id/kembali?a=1&b=2"
    assert "kehadiran lewat pengalihan ditolak" in text_of(office, own(partner))
    for _ in range(2):
        assert "lembaga.id/kembali?a=1&amp;b=2" in text_of(
            office, own(partner, "redirects/"), {"uri": uri, "world": "live"}
        )
    row = RedirectUri.objects.get()
    assert (row.uri, row.is_sandbox) == (uri, False)
    for wrong in ("http://lembaga.id/", "javascript:alert(1)", "https://lembaga.id/#x"):
        text_of(office, own(partner, "redirects/"), {"uri": wrong, "world": "live"}, status=422)
    assert "tidak terdaftar" in text_of(office, own(partner, "redirects/remove/"), {"redirect": row.pk + 1})
    text_of(office, own(partner, "redirects/remove/"), {"redirect": row.pk})
    assert not RedirectUri.objects.exists()


def test_counters_and_failing_deliveries(office: Client) -> None:
    partner = sandbox_partner("lembaga-lima")
    key = key_of(partner)
    assert "Tidak ada panggilan" in text_of(office, own(partner))
    for at, outcome in ((machine_now(), "signature_wrong"), (machine_now() - timedelta(days=20), "code_not_found")):
        count_call(key_id=key.pk, operation="payment/redeem-code/status", outcome=outcome, at=at)
    endpoint = WebhookEndpoint.objects.create(
        partner=partner,
        is_sandbox=True,
        url="https://lembaga.id/kabar",
        secret_encrypted=b"x",
        registered_at=PROGRAMME_INSTANT,
        told_from_at=PROGRAMME_INSTANT,
    )
    assert "tiba pada percobaan pertama" in text_of(office, own(partner))
    ping(endpoint=endpoint, at=PROGRAMME_INSTANT, now=machine_now())
    WebhookDelivery.objects.update(attempt_count=3, failed_at=machine_now(), fault="status", answer_status=500)
    page = text_of(office, own(partner))
    assert "signature_wrong" in page and "code_not_found" not in page
    assert "https://lembaga.id/kabar" in page and "dijawab dengan 500" in page
    assert WebhookEvent.objects.get().kind in page


def test_the_list_finds_and_says_when_it_finds_nothing(office: Client) -> None:
    tied, untied = live_partner(factories.institution()), sandbox_partner("zz-" + "panjang" * 5)
    Partner.objects.filter(pk=untied.pk).update(name="Sistem " + "x" * 190)
    assert "x" * 190 in text_of(office)
    for query, found in (
        ("q=zz-", [untied]),
        ("only=untied", [untied]),
        (f"q={tied.name}", [tied]),
        ("kind=platform", []),
        ("kind=institution&only=nothing", [tied, untied]),
        ("only=suspended", []),
        ("q=%00&page=x", [tied, untied]),
    ):
        page = text_of(office, f"{HOME}?{query}")
        assert [each for each in (tied, untied) if f'href="{own(each)}"' in page] == found, query
        assert found or "Tidak ada mitra seperti ini" in page
    for number in (untied.pk + 1, 10**18, 10**40):
        assert office.get(f"{HOME}{number}/").status_code == 404


def test_an_auditor_reads_and_acts_in_nothing(client: Client, institution: Institution) -> None:
    partner = live_partner(institution)
    key = key_of(partner, is_sandbox=False)
    client.force_login(factories.auditor())
    for page in (text_of(client), text_of(client, own(partner))):
        assert partner.name in page and 'method="post" action="/console/' not in page
    for act in ("keys/", "keys/revoke/", "keys/suspend/", "keys/lift/", "suspend/", "lift/", "tie/", "redirects/"):
        assert client.post(own(partner, act), {"key": key.pk, "reason": "x"}).status_code == 403


@pytest.fixture
def institution() -> Institution:
    return factories.institution()


def test_the_pages_are_a_handful_of_queries(office: Client, assert_queries) -> None:  # type: ignore[no-untyped-def]
    partner = live_partner(factories.institution())
    for generation in (1, 2):
        key_of(partner, is_sandbox=False, generation=generation)
    for number in range(3):
        key_of(sandbox_partner(f"lain-{number}"))
    with assert_queries(4):
        office.get(HOME)
    with assert_queries(11):
        office.get(own(partner))


def test_the_office_sees_what_a_system_has_shown_before_it_gives_a_live_key(office: Client) -> None:
    partner = sandbox_partner("platform-satu", kind="platform")
    asked = checks_of("platform")
    page = text_of(office, own(partner))
    assert f"0 dari {len(asked)} pemeriksaan hijau" in page and "Kunci produksi untuk sistem" in page
    page = text_of(office, own(partner, "conformance/"))
    assert "v2.sell_training" in page and "v1.commit" not in page and "v2.redeem_code" not in page
    assert f"{len({check.any_of or check.code for check in asked})} masih diminta" in page
    key = key_of(partner, generation=2)
    for check in asked:
        record_check(partner_id=partner.pk, check_code=check.code, at=PROGRAMME_INSTANT)
        if check.is_unsigned:
            count_call(key_id=key.pk, operation="", outcome=check.outcomes[0], at=machine_now())
    page = text_of(office, own(partner, "conformance/"))
    assert "Semuanya hijau." in page and "masih diminta" not in page
    ConformanceRecord.objects.filter(check_code="v2.register_course").delete()
    page = text_of(office, own(partner, "conformance/"))
    assert "Lengkap." in page and "Semuanya hijau." not in page and "cara lainnya sudah hijau" in page
    assert "sudah ditunjukkan" in text_of(office, own(partner))
    text_of(office, f"{HOME}999999/conformance/", status=404)
