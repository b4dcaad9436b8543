"""Keluhan: a participant says that an instalment has not come; the page says whose turn it is and what was answered."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from bekal.incentives.answer_complaints import Answer, answer_complaints
from bekal.incentives.complaint_models import Complaint
from bekal.incentives.follow_complaints import close_moved_complaints
from tests import factories
from tests.conftest import StoppedClock
from tests.incentives import journey
from tests.web.conftest import Visitor, text_of

SignIn = Callable[..., Visitor]
LINE = ("incentive", 1)


@pytest.fixture
def person(db: None, clock: StoppedClock) -> int:
    (found,) = journey.earners()
    clock.set(2020, 4, 28, 9, 0)
    return found


def test_a_complaint_is_made_answered_and_closed(person: int, sign_in: SignIn) -> None:
    run = journey.exported()
    visitor = sign_in(person)
    assert visitor.open("incentives").count("Ini tidak benar") == 4, "not of surveys that wait for their answer"
    page = text_of(visitor.open("complaint", *LINE))
    assert "dikirim ke bank atau dompetmu" in page and "Uangnya belum masuk" in page
    page = text_of(visitor.send("complaint", *LINE, about="not_come", text="Belum masuk."))
    assert "Keluhanmu sudah masuk." in page and "Belum masuk." in page and "30 April 2020" not in page
    assert "Kantor menjawab paling lambat 4 Mei 2020" in page
    again = text_of(visitor.send("complaint", *LINE, about="not_come", text="Belum masuk."))
    assert "Kamu sudah mengatakannya." in again and Complaint.objects.count() == 1
    said = Answer(Complaint.objects.get().pk, "Bank sedang kami tanya.")
    answer_complaints(answers=[said], officer_id=factories.officer("budi").pk, at=journey.SETTLED_AT)
    page = text_of(visitor.open("incentives"))
    assert "keluhan dijawab" in page and "Bank sedang kami tanya." in page
    assert "budi" not in text_of(visitor.open("complaint", *LINE)).lower(), "the office answers, not a name"
    (line, *_) = json.loads(visitor.open("incentives_status"))["instalments"]
    assert line["complaint"]["turn"] == "partner" and line["complaint"]["answer"] == "Bank sedang kami tanya."
    journey.settled(run)
    close_moved_complaints(at=journey.SETTLED_AT)
    page = text_of(visitor.open("incentives"))
    assert "keluhan ditutup, ada perkembangan: dibayar" in page
    assert "Kirim keluhanku" in text_of(visitor.open("complaint", *LINE)), "another can be made"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "Pilih apa yang salah."),
        ({"about": "x"}, "Pilih salah satu dari daftar."),
        ({"about": "not_right", "text": "a\x07"}, "tidak dapat ditampilkan"),
        ({"about": "not_right", "text": "x" * 1001}, "paling banyak 1.000"),
    ],
)
def test_what_cannot_be_is_said(person: int, sign_in: SignIn, fields: dict[str, str], words: str) -> None:
    page = sign_in(person).send("complaint", *LINE, expect=422, **fields)
    assert words in text_of(page)
    assert not Complaint.objects.exists()


def test_before_its_day_nothing_can_have_come(person: int, sign_in: SignIn) -> None:
    page = text_of(sign_in(person).send("complaint", "incentive", 2, expect=422, about="not_come"))
    assert "26 Mei 2020" in page and not Complaint.objects.exists()


@pytest.mark.parametrize("line", [("incentive", 5), ("insentif", 1), ("survey", 9)])
def test_what_nobody_promised_is_not_found(person: int, sign_in: SignIn, line: tuple[str, int]) -> None:
    sign_in(person).open("complaint", *line, expect=404)


def test_each_sees_their_own(person: int, sign_in: SignIn) -> None:
    sign_in(person).send("complaint", *LINE, about="not_right", text="Rahasia.")
    (other,) = factories.accepted()
    assert "Rahasia." not in sign_in(other).open("complaint", *LINE)


def test_the_number_of_statements_is_pinned(person: int, sign_in: SignIn, assert_queries: Callable[..., Any]) -> None:
    visitor = sign_in(person)
    visitor.send("complaint", *LINE, about="not_right", text="Salah.")
    with assert_queries(11):
        visitor.open("complaint", *LINE)
