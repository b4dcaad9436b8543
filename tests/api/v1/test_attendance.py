"""The attendance redirect from the institution's call to the status it polls, and everybody it is not meant for."""

from datetime import timedelta
from urllib.parse import parse_qsl, urlsplit

import pytest
from django.test import Client
from django.urls import reverse

from bekal.partners.models import AttendanceRequest, PartnerKey
from bekal.partners.register import register_redirect, remove_redirect
from bekal.purchases.models import Evidence, Purchase
from tests import factories
from tests.api.v1.calls import Told, call
from tests.api.v1.conftest import Registered, registered
from tests.conftest import PROGRAMME_INSTANT, StoppedClock

pytestmark = pytest.mark.django_db
STATUS, COMMIT, URL = "payment/redeem-code/status", "payment/redeem-code/commit", "oauth/url-generate"
BACK = "https://lembaga.id/kembali?kelas=7"


@pytest.fixture
def who() -> Registered:
    who = registered(session_count=2)
    register_redirect(partner_id=who.partner.pk, uri=BACK, is_sandbox=False, at=PROGRAMME_INSTANT)
    return who


def begun(who: Registered) -> tuple[int, str]:
    purchase_id, redeem_code = who.bought()
    assert call(who, COMMIT, {"redeem_code": redeem_code}).status == 200
    return purchase_id, redeem_code


def generated(who: Registered, redeem_code: str, *, redirect_uri: str = BACK, sequence: int = 2) -> Told:
    fields = {"redeem_code": redeem_code, "sequence": sequence, "redirect_uri": redirect_uri, "email": "a@contoh.id"}
    return call(who, URL, fields)


def page_of(told: Told) -> str:
    return urlsplit(told.data["url"]).path


def buyer(purchase_id: int) -> Client:
    client = Client()
    participation_id = Purchase.objects.get(pk=purchase_id).participation_id
    client.force_login(factories.signed_in_participant(participation_id))
    return client


def test_the_participant_confirms_and_comes_back_and_the_institution_sees_it(who: Registered) -> None:
    purchase_id, redeem_code = begun(who)
    told = generated(who, redeem_code)
    assert set(told.data) == {"url", "state", "course"}
    assert told.data["course"] == {"type": 1, "learning_method": "online"}
    page = page_of(told)
    nobody = Client().get(page)
    assert (nobody.status_code, urlsplit(nobody["Location"]).path) == (302, reverse("web:sign_in"))
    client = buyer(purchase_id)
    shown = client.get(page)
    assert shown.status_code == 200
    assert who.training.title in shown.content.decode() and "lembaga.id" in shown.content.decode()
    # The browser is let follow the form back to the institution, and nowhere else.
    assert "form-action 'self' https://lembaga.id;" in shown["Content-Security-Policy"] + ";"
    assert call(who, STATUS, {"redeem_code": redeem_code, "sequence": 2}).data["attendance_status"] == 0
    for _ in range(2):
        back = client.post(page)
        assert back.status_code == 302
        parts = urlsplit(back["Location"])
        assert (parts.netloc, parts.path) == ("lembaga.id", "/kembali")
        assert dict(parse_qsl(parts.query)) == {"kelas": "7", "state": told.data["state"]}
    assert client.get(page).status_code == 200
    pieces = Evidence.objects.filter(purchase=purchase_id, piece="attendance").order_by("pk")
    assert {piece.sequence for piece in pieces} == {2}
    assert call(who, STATUS, {"redeem_code": redeem_code, "sequence": 2}).data["attendance_status"] == 1
    assert call(who, STATUS, {"redeem_code": redeem_code, "sequence": 1}).data["attendance_status"] == 0
    assert "form-action 'self' https" not in client.get(reverse("web:home"))["Content-Security-Policy"]


def test_only_the_buyer_confirms_and_nobody_else_learns_what(who: Registered) -> None:
    purchase_id, redeem_code = begun(who)
    page = page_of(generated(who, redeem_code))
    stranger_id, _ = begun(who)
    for client in (buyer(stranger_id), Client()):
        if client.cookies:
            for answer in (client.get(page), client.post(page)):
                assert answer.status_code == 403
                assert who.training.title not in answer.content.decode()
        else:
            assert client.post(page).status_code == 302
    officer = Client()
    officer.force_login(factories.officer())
    assert officer.post(page).status_code == 403
    assert not Evidence.objects.filter(purchase=purchase_id).exists()


def test_a_link_lasts_an_hour_and_is_made_up_by_nobody(who: Registered, clock: StoppedClock) -> None:
    purchase_id, redeem_code = begun(who)
    page = page_of(generated(who, redeem_code))
    client = buyer(purchase_id)
    clock.forward(hours=1, seconds=1)
    assert client.get(page).status_code == client.post(page).status_code == 410
    for made_up in (
        "x",
        "1",
        "1-",
        f"{who.key_id}-x",
        f"{10**18}-x",
        "-1-x",
        "²-x",
        f"{who.key_id + 1}-{page.split('-', 1)[1]}",
    ):
        assert client.get(reverse("web:attendance", args=[made_up.rstrip("/")])).status_code == 404
    assert not Evidence.objects.filter(purchase=purchase_id).exists()
    request = AttendanceRequest.objects.get()
    assert request.expires_at - request.asked_at == timedelta(hours=1)
    assert page.rstrip("/").split("/")[-1].encode() not in bytes(request.state_hash)


@pytest.mark.parametrize(
    "redirect_uri",
    [
        "https://lembaga.id/kembali",
        f"{BACK}&lagi=1",
        f"{BACK}#",
        "https://lembaga.id/kembali?kelas=7/../",
        "https://lembaga.id.jahat.id/kembali?kelas=7",
        "http://lembaga.id/kembali?kelas=7",
        "HTTPS://lembaga.id/kembali?kelas=7",
        "//lembaga.id/kembali?kelas=7",
        "javascript:alert(1)",
        "/beranda/",
    ],
)
def test_nobody_is_sent_where_nobody_registered(who: Registered, redirect_uri: str) -> None:
    _, redeem_code = begun(who)
    assert generated(who, redeem_code, redirect_uri=redirect_uri).refusal == "redirect_uri_not_registered"


def test_the_redirect_of_another_partner_or_of_the_sandbox_does_not_count(who: Registered) -> None:
    other = registered(code="lembaga-lain")
    register_redirect(partner_id=other.partner.pk, uri="https://lain.id/", is_sandbox=False, at=PROGRAMME_INSTANT)
    register_redirect(partner_id=who.partner.pk, uri="https://uji.id/", is_sandbox=True, at=PROGRAMME_INSTANT)
    _, redeem_code = begun(who)
    for redirect_uri in ("https://lain.id/", "https://uji.id/"):
        assert generated(who, redeem_code, redirect_uri=redirect_uri).refusal == "redirect_uri_not_registered"


def test_what_ended_meanwhile_is_confirmed_no_more(who: Registered) -> None:
    purchase_id, redeem_code = begun(who)
    page, client = page_of(generated(who, redeem_code)), buyer(purchase_id)
    redirect = who.partner.redirect_uris.get()
    remove_redirect(partner_id=who.partner.pk, redirect_id=redirect.pk)
    assert client.get(page).status_code == client.post(page).status_code == 410
    register_redirect(partner_id=who.partner.pk, uri=BACK, is_sandbox=False, at=PROGRAMME_INSTANT)
    PartnerKey.objects.filter(pk=who.key_id).update(revoked_at=PROGRAMME_INSTANT)
    assert client.post(page).status_code == 410
    assert not Evidence.objects.filter(purchase=purchase_id).exists()


def test_a_session_the_training_does_not_have(who: Registered) -> None:
    _, redeem_code = begun(who)
    for sequence in (0, 3):
        assert generated(who, redeem_code, sequence=sequence).refusal == "sequence_out_of_range"
