"""The door: where each role is led, signing in and out, language, help, and what goes wrong."""

from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings
from django.test import Client, RequestFactory, override_settings
from django.urls import reverse

from bekal.accounts.models import Role, User
from bekal.web import errors
from tests import factories
from tests.web.conftest import Visitor, text_of

SignIn = Callable[[int | User], Visitor]
PASSWORD = "bekal-uji-2020"


def user(role: Role, name: str = "someone") -> User:
    return User.objects.create_user(name, PASSWORD, role=role, display_name="Some One")


@pytest.mark.parametrize(
    ("role", "front"),
    [
        (Role.PARTICIPANT, "/beranda/"),
        (Role.OFFICER, "/console/"),
        (Role.INSTITUTION, "/institution/"),
        (Role.AUDITOR, "/console/ledger/"),
    ],
)
def test_each_role_is_led_to_its_front_page(sign_in: SignIn, role: Role, front: str) -> None:
    visitor = sign_in(user(role))
    assert visitor.get("/").url == front  # type: ignore[attr-defined]
    assert visitor.get("/masuk/").url == front  # type: ignore[attr-defined]


def test_nobody_is_led_to_sign_in_and_back(visitor: Visitor) -> None:
    assert visitor.get("/").url == "/masuk/"  # type: ignore[attr-defined]
    assert visitor.get("/insentif/").url == "/masuk/?next=/insentif/"  # type: ignore[attr-defined]
    user(Role.PARTICIPANT)
    response = visitor.post("/masuk/", {"login_name": "someone", "password": PASSWORD, "next": "/insentif/"})
    assert response.url == "/insentif/"  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "next_page", ["https://evil.example/", "//evil.example", "javascript:alert(1)", "\\\\evil", ""]
)
def test_signing_in_leads_nowhere_else(visitor: Visitor, next_page: str) -> None:
    user(Role.PARTICIPANT)
    response = visitor.post("/masuk/", {"login_name": "someone", "password": PASSWORD, "next": next_page})
    assert response.url == "/beranda/"  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("login_name", "password", "sentence"),
    [
        ("someone", "wrong", "Nama pengguna dan kata sandi tidak cocok."),
        ("nobody", PASSWORD, "Nama pengguna dan kata sandi tidak cocok."),
        ("", "", "Ketik nama penggunamu."),
        ("x" * 151, "y", "150"),
        ("a\0b", "y", ""),
        ("someone", "y" * 129, "128"),
    ],
)
def test_a_wrong_sign_in_is_said_in_a_sentence(visitor: Visitor, login_name: str, password: str, sentence: str) -> None:
    user(Role.PARTICIPANT)
    page = visitor.send("sign_in", login_name=login_name, password=password, expect=422)
    assert sentence in text_of(page)
    assert 'id="errors"' in page and "autofocus" in page
    assert "_auth_user_id" not in visitor.session


def test_the_password_is_not_sent_back(visitor: Visitor) -> None:
    assert "s3cret-typed" not in visitor.send("sign_in", login_name="someone", password="s3cret-typed", expect=422)


def test_signing_out_ends_the_session_and_keeps_the_language(sign_in: SignIn) -> None:
    visitor = sign_in(user(Role.PARTICIPANT)).speak("en")
    page = visitor.send("sign_out")
    assert "Sign in" in text_of(page)
    assert "_auth_user_id" not in visitor.session
    assert visitor.get("/keluar/").status_code == 405


def test_indonesian_is_spoken_unless_english_is_chosen(visitor: Visitor) -> None:
    page = visitor.get("/masuk/", headers={"accept-language": "en-US,en;q=0.9"})
    assert '<html lang="id">' in page.content.decode()
    assert page.headers["Content-Language"] == "id"
    response = visitor.post("/bahasa/", {"language": "en", "next": "/bantuan/"})
    assert response.url == "/bantuan/"  # type: ignore[attr-defined]
    assert '<html lang="en">' in visitor.open("help")
    assert visitor.cookies[settings.LANGUAGE_COOKIE_NAME]["max-age"] > 0


def test_the_language_stays_with_the_person(sign_in: SignIn) -> None:
    someone = user(Role.PARTICIPANT)
    sign_in(someone).post("/bahasa/", {"language": "en"})
    someone.refresh_from_db()
    assert someone.language == "en"
    fresh = Client()
    fresh.post("/masuk/", {"login_name": "someone", "password": PASSWORD})
    assert fresh.cookies[settings.LANGUAGE_COOKIE_NAME].value == "en"


@pytest.mark.parametrize("fields", [{}, {"language": "xx"}, {"language": "en", "next": "https://evil.example/"}])
def test_a_strange_choice_of_language_leads_home(visitor: Visitor, fields: dict[str, Any]) -> None:
    assert visitor.post("/bahasa/", fields).url == "/"  # type: ignore[attr-defined]


def test_the_demo_alone_shows_its_sign_ins(visitor: Visitor) -> None:
    with override_settings(DEMO=False):
        assert "bekal-demo-2020" not in visitor.open("sign_in")
    with override_settings(DEMO=True):
        page = visitor.open("sign_in")
    assert "bekal-demo-2020" in page
    for login_name in ("peserta", "petugas1", "petugas2", "lembaga", "auditor"):
        assert f'value="{login_name}"' in page


def test_the_letter_box_exists_in_the_demo_alone_and_holds_ones_own_messages(sign_in: SignIn) -> None:
    training = factories.training()
    mine, theirs = factories.accepted(2)
    my_code, their_code = (factories.code_for(each, training) for each in (mine, theirs))
    visitor = sign_in(mine)
    with override_settings(DEMO=False):
        visitor.open("demo_outbox", expect=404)
    with override_settings(DEMO=True):
        page = text_of(visitor.open("demo_outbox"))
    assert my_code in page and their_code not in page


def test_a_missing_page_says_so(visitor: Visitor) -> None:
    response = visitor.get("/tidak-ada/")
    assert response.status_code == 404
    assert "Halaman ini tidak ada" in text_of(response.content.decode())
    visitor.speak("en")
    assert "This page does not exist" in text_of(visitor.get("/tidak-ada/").content.decode())


def test_another_roles_page_says_so(sign_in: SignIn) -> None:
    response = sign_in(user(Role.PARTICIPANT)).get("/console/")
    assert response.status_code == 403
    assert "Halaman ini bukan untukmu" in text_of(response.content.decode())


def test_a_form_without_its_token_is_refused_in_a_sentence() -> None:
    response = Client(enforce_csrf_checks=True).post("/masuk/", {"login_name": "a", "password": "b"})
    assert response.status_code == 403
    assert "Isian ini terlalu lama terbuka" in text_of(response.content.decode())


@pytest.mark.parametrize(("language", "words"), [("id", "Ada yang rusak di sisi kami"), ("en", "Something broke")])
def test_a_fault_of_ours_is_said_without_the_database(language: str, words: str) -> None:
    request = RequestFactory().get(reverse("web:home"))
    request.COOKIES[settings.LANGUAGE_COOKIE_NAME] = language
    response = errors.server_fault(request)
    assert response.status_code == 500
    assert words in text_of(response.content.decode())


def test_a_broken_address_is_said() -> None:
    response = errors.bad_request(RequestFactory().get("/"))
    assert response.status_code == 400
