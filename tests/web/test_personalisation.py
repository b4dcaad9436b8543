"""Akun: the switch for recommendations, without JavaScript, twice, and with what nobody asked for."""

from collections.abc import Callable

import pytest
from django.test import Client

from bekal.accounts.models import Role, User
from bekal.participants.models import Participation
from bekal.recommender.models import Personalisation
from bekal.recommender.switch_personalisation import personalisation_of
from tests import factories
from tests.web.conftest import Visitor, text_of

SignIn = Callable[..., Visitor]


@pytest.fixture
def person(db: None) -> int:
    return factories.accepted()[0]


def is_on(person: int) -> bool:
    participant_id = Participation.objects.get(pk=person).participant_id
    return personalisation_of([participant_id])[participant_id]


def test_the_account_says_what_is_used_and_switches(person: int, sign_in: SignIn) -> None:
    visitor = sign_in(person)
    page = visitor.open("account")
    assert "Saran untukmu" in text_of(page) and "Matikan saran" in text_of(page)
    assert "jenis kelamin, umur, pendidikan, pekerjaan, provinsi" in text_of(page)
    assert "Tidak pernah dipakai: nama, nomor telepon, dan rekeningmu." in text_of(page)
    page = visitor.send("personalisation", on="0")
    assert "Saran sudah dimatikan" in text_of(page) and "Nyalakan saran" in text_of(page)
    assert not is_on(person)
    page = visitor.send("personalisation", on="1")
    assert "Saran sudah menyala" in text_of(page) and "Matikan saran" in text_of(page)
    assert is_on(person)


def test_a_second_click_is_harmless(person: int, sign_in: SignIn) -> None:
    visitor = sign_in(person)
    for _ in range(2):
        assert "Saran sudah dimatikan" in text_of(visitor.send("personalisation", on="0"))
    assert Personalisation.objects.count() == 1 and not is_on(person)


@pytest.mark.parametrize("fields", [{}, {"on": ""}, {"on": "2"}, {"on": "\x00"}, {"off": "1"}])
def test_what_is_no_answer_switches_nothing(person: int, sign_in: SignIn, fields: dict[str, str]) -> None:
    page = text_of(sign_in(person).send("personalisation", **fields))
    assert "Tidak ada yang diubah" in page
    assert not Personalisation.objects.exists()


def test_the_switch_is_a_form_with_its_token(person: int, sign_in: SignIn) -> None:
    user = factories.signed_in_participant(person)
    assert sign_in(user).get("/akun/saran/").status_code == 405
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(user)
    assert strict.post("/akun/saran/", {"on": "0"}).status_code == 403
    assert is_on(person)


def test_who_is_no_participant_yet_has_nothing_to_switch(sign_in: SignIn) -> None:
    user = User.objects.create_user("baru", factories.PASSWORD, role=Role.PARTICIPANT, display_name="Baru")
    visitor = sign_in(user)
    assert "Saran untukmu" not in text_of(visitor.send("personalisation", on="0"))
    assert not Personalisation.objects.exists()
