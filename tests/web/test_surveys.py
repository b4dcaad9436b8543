"""Survei: what waits, the form that works without scripts, and what an answer pays."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse

from bekal.engagement.models import SurveyResponse
from bekal.incentives.models import Entitlement
from bekal.lifecycle.revoke import revoke
from bekal.participants.give_sign_in import give_sign_in
from tests import factories
from tests.engagement.journey import ANSWERS, BALANCE_ENDED_AT, answer, pay_instalments
from tests.factories import jakarta
from tests.incentives.journey import earners
from tests.web.conftest import Visitor, text_of

SignIn = Callable[..., Visitor]
EARLIER = jakarta(2020, 10, 1)
FIRST = ANSWERS[1]
THIRD = ANSWERS[3]


@pytest.fixture
def person(db: None) -> int:
    """Accepted on 1 October, has bought: the first survey is open since 31 October."""
    (person,) = factories.accepted(at=EARLIER)
    factories.bought(person, factories.training(), at=EARLIER + timedelta(days=1))
    return person


@pytest.fixture
def finisher(db: None, clock: Any) -> int:
    """Has received every instalment; the balance is over: all three are open."""
    (person,) = earners()
    pay_instalments(1, 2, 3, 4)
    clock.at = BALANCE_ENDED_AT
    return person


def fields_of(page: str) -> list[str]:
    """The anchor of every question on the page."""
    return re.findall(r'<fieldset class="field[^"]*" id="(\w+)"', page)


def checked(page: str) -> set[str]:
    """The values that are chosen."""
    chosen = (tag for tag in re.findall(r"<input [^>]+>", page) if " checked" in tag)
    return {match[1] for tag in chosen if (match := re.search(r'value="(\w+)"', tag))}


def test_the_list_says_what_waits_what_it_pays_and_when(person: int, sign_in: SignIn) -> None:
    page = sign_in(person).open("surveys")
    assert re.findall(r'<h3><a href="(/survei/\d/)">([^<]+)</a>', page) == [
        ("/survei/1/", "Pekerjaanmu dan pelatihanmu")
    ]
    text = text_of(page)
    for words in (
        "Rp50.000",
        "2 pertanyaan",
        "Kalau dijawab hari ini, hari bayarnya 25 November 2020.",
        "Dibuka setelah insentif ke‑2 kamu terima.",
        "Dibuka setelah insentif ke‑4 kamu terima dan masa saldo pelatihanmu berakhir.",
    ):
        assert words in text
    assert "Sudah dijawab" not in text


def test_what_is_not_open_names_its_day_where_it_is_known(sign_in: SignIn, clock: Any) -> None:
    lately = jakarta(2020, 11, 1)
    (person,) = factories.accepted(at=lately)
    visitor = sign_in(person)
    assert "Dibuka setelah kamu membeli pelatihan pertama." in text_of(visitor.open("surveys"))
    factories.bought(person, factories.training(), at=lately)
    assert "Dibuka pada 1 Desember 2020." in text_of(visitor.open("surveys"))
    page = text_of(visitor.open("survey", 1))
    assert "Survei ke‑1 dibuka pada 1 Desember 2020." in page
    visitor.send("survey", 1, expect=422, **FIRST)
    page = text_of(visitor.open("survey", 2))
    assert "harinya belum diketahui" in page
    assert not SurveyResponse.objects.exists()


def test_an_answer_is_kept_thanked_and_paid_by_the_calendar(person: int, sign_in: SignIn) -> None:
    visitor = sign_in(person)
    assert fields_of(visitor.open("survey", 1)) == ["id_employment", "id_helped"]
    page = text_of(visitor.send("survey", 1, **FIRST))
    assert visitor.last.request["PATH_INFO"] == reverse("web:survey", args=[1])
    for words in ("Terima kasih. Jawabanmu sudah disimpan.", "Rp50.000", "Hari bayar 25 November 2020"):
        assert words in page
    assert SurveyResponse.objects.get().answers == FIRST
    page = text_of(visitor.open("surveys"))
    assert "Tidak ada survei yang menunggu." in page and "Sudah dijawab" in page
    assert "Hari bayar 25 November 2020" in page


def test_a_second_click_changes_nothing(person: int, sign_in: SignIn) -> None:
    visitor = sign_in(person)
    visitor.send("survey", 1, **FIRST)
    page = text_of(visitor.send("survey", 1, **FIRST))
    assert "Kamu sudah menjawab survei ini. Hanya dibayar satu kali." in page
    page = text_of(visitor.send("survey", 1, **FIRST | {"helped": "no"}))
    assert "Kamu sudah menjawab survei ke‑1 pada 19 November 2020. Satu survei dijawab satu kali." in page
    page = text_of(visitor.send("survey", 1))
    assert "Satu survei dijawab satu kali." in page
    assert SurveyResponse.objects.get().answers["helped"] == "yes" and Entitlement.objects.count() == 1


def test_each_missing_answer_is_named_and_linked_and_the_others_are_kept(person: int, sign_in: SignIn) -> None:
    page = sign_in(person).send("survey", 1, employment="business", expect=422)
    assert re.findall(r'<li><a href="#(\w+)">([^<]+)</a></li>', page) == [
        ("id_helped", "Jawab pertanyaan “Apakah program ini membantumu melewati masa pandemi?”")
    ]
    assert checked(page) == {"business"}
    assert 'id="errors" tabindex="-1" autofocus' in page and 'aria-describedby="id_helped-error"' in page
    assert not SurveyResponse.objects.exists()


@pytest.mark.parametrize("value", ["perhaps", "", "x" * 500, "a\0b", "<b>", "ya"])
def test_what_is_no_option_is_said_and_changes_nothing(person: int, sign_in: SignIn, value: str) -> None:
    page = sign_in(person).send("survey", 1, expect=422, employment=value, helped="yes")
    assert "Apa pekerjaanmu sekarang?”" in text_of(page) and "<b>" not in page
    assert checked(page) == {"yes"}
    assert not SurveyResponse.objects.exists()


def test_who_completed_a_training_is_asked_whether_it_was_effective(sign_in: SignIn) -> None:
    (person,) = factories.accepted(at=EARLIER)
    factories.completed(person, factories.training(), at=EARLIER + timedelta(days=1))
    visitor = sign_in(person)
    assert "3 pertanyaan" in text_of(visitor.open("surveys"))
    page = visitor.send("survey", 1, expect=422, **FIRST)
    assert '<a href="#id_effective">' in page and checked(page) == {"unemployed", "yes"}
    visitor.send("survey", 1, **FIRST | {"effective": "no"})
    assert SurveyResponse.objects.get().answers == FIRST | {"effective": "no"}


def test_a_question_that_depends_on_another_is_there_without_scripts(finisher: int, sign_in: SignIn) -> None:
    visitor = sign_in(finisher)
    page = visitor.open("survey", 3)
    assert fields_of(page) == ["id_on_time", "id_second", "id_reason"]
    assert "Jawab ini hanya kalau kamu memilih “Tidak” di atas." in text_of(page)
    assert re.findall(r'data-opens><input [^>]*value="(\w+)"', page) == ["no"]
    page = visitor.send("survey", 3, expect=422, on_time="agree", second="no")
    assert '<a href="#id_reason">' in page
    visitor.send("survey", 3, on_time="agree", second="yes", reason="no_time")
    assert SurveyResponse.objects.get().answers == {"on_time": "agree", "second": "yes"}


def test_a_wrong_answer_to_a_question_that_is_not_asked_does_not_matter(finisher: int, sign_in: SignIn) -> None:
    sign_in(finisher).send("survey", 3, on_time="disagree", second="yes", reason="x")
    assert SurveyResponse.objects.get().answers == {"on_time": "disagree", "second": "yes"}


def test_several_answers_to_one_question(finisher: int, sign_in: SignIn) -> None:
    visitor = sign_in(finisher)
    page = visitor.open("survey", 2)
    assert "Boleh pilih lebih dari satu." in text_of(page) and 'type="checkbox"' in page
    page = visitor.send("survey", 2, expect=422, source=["print", "friends"])
    assert checked(page) == {"print", "friends"} and '<a href="#id_useful">' in page
    visitor.send("survey", 2, source=["print", "friends"], useful="no")
    assert SurveyResponse.objects.get().answers == {"source": ["friends", "print"], "useful": "no"}


def test_an_imported_answer_whose_payment_is_not_there_yet_says_so(person: int, sign_in: SignIn) -> None:
    SurveyResponse.objects.create(
        participation_id=person, survey_number=1, channel="telephone", answered_at=EARLIER, answers=FIRST
    )
    visitor = sign_in(person)
    for page in (visitor.open("surveys"), visitor.open("survey", 1)):
        assert "Kantor program belum mencatat pembayarannya." in text_of(page)


@pytest.mark.parametrize("number", [0, 4, 10**17])
def test_a_survey_that_does_not_exist_says_so(person: int, sign_in: SignIn, number: int) -> None:
    visitor = sign_in(person)
    assert f"Tidak ada survei ke‑{number} untukmu." in text_of(visitor.open("survey", number, expect=404))
    visitor.send("survey", number, expect=404)


def test_who_lost_the_place_has_no_surveys(sign_in: SignIn) -> None:
    (person,) = factories.accepted(at=jakarta(2020, 9, 1))
    visitor = sign_in(person)
    assert "Tidak ada survei untukmu" in text_of(visitor.open("surveys"))
    revoke(at=jakarta(2020, 11, 2))
    assert "Tidak ada survei untukmu" in text_of(visitor.open("surveys"))
    assert "Kepesertaanmu sudah dicabut" in text_of(visitor.open("survey", 1))
    visitor.send("survey", 1, expect=422, **FIRST)
    assert not SurveyResponse.objects.exists()


def test_who_was_not_accepted_is_told(db: None) -> None:
    (participant,) = factories.participants()
    assert give_sign_in(participant_id=participant, login_name="calon", password=factories.PASSWORD).user_id
    visitor = Visitor()
    visitor.login(login_name="calon", password=factories.PASSWORD)
    assert "Belum ada survei" in text_of(visitor.open("surveys"))
    assert "Kamu belum menjadi peserta" in text_of(visitor.open("survey", 1))
    visitor.send("survey", 1, expect=422, **FIRST)


def test_beranda_names_the_survey_that_waits_and_what_it_pays(person: int, sign_in: SignIn) -> None:
    visitor = sign_in(person)
    page = visitor.open("home")
    assert '<li><a href="/survei/1/">Pekerjaanmu dan pelatihanmu</a>' in page
    assert "2 pertanyaan, kamu menerima Rp50.000" in text_of(page)
    answer(person, at=jakarta(2020, 11, 19))
    page = text_of(visitor.open("home"))
    assert "Tidak ada survei yang menunggu. Ada 2 survei untukmu, masing-masing Rp50.000." in page
    assert 'href="/survei/"' in visitor.open("incentives")


def test_a_survey_is_the_next_thing_when_nothing_presses(finisher: int, sign_in: SignIn) -> None:
    page = text_of(sign_in(finisher).open("home"))
    assert "Jawab survei “Pekerjaanmu dan pelatihanmu”" in page


def test_english_is_spoken_where_it_is_chosen(finisher: int, sign_in: SignIn) -> None:
    visitor = sign_in(finisher).speak("en")
    assert "Your work and your training" in text_of(visitor.open("surveys"))
    page = text_of(visitor.send("survey", 3, expect=422))
    for words in (
        "Answer the question “The incentive was paid on time. Do you agree?”",
        "I do not agree",
        "“No” above",
    ):
        assert words in page
    assert "Thank you. Your answers are saved." in text_of(visitor.send("survey", 3, **THIRD))


def test_the_number_of_statements_is_pinned(finisher: int, sign_in: SignIn, assert_queries: Callable[..., Any]) -> None:
    visitor = sign_in(finisher)
    with assert_queries(11):
        visitor.open("surveys")
    with assert_queries(11):
        visitor.open("survey", 1)
    visitor.send("survey", 1, **FIRST | {"effective": "yes"})
    visitor.open("survey", 1)
    with assert_queries(11):
        visitor.open("survey", 1)
