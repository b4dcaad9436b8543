"""The office's list of complaints: whose turn, how old, chosen by an address; answered on the instalment's page."""

import pytest
from django.test import Client

from bekal.console.complaints import PAGE_SIZE, STATES
from bekal.incentives.complaint_models import Complaint
from bekal.incentives.complaint_queries import ComplaintState
from bekal.incentives.open_complaints import NewComplaint, open_complaints
from tests import factories
from tests.conftest import StoppedClock
from tests.incentives import journey
from tests.web.conftest import text_of

PATH = "/console/complaints/"
NOT_COME = Complaint.About.NOT_COME


@pytest.fixture
def office(db: None, clock: StoppedClock, client: Client) -> Client:
    clock.at = journey.SETTLED_AT
    client.force_login(factories.officer())
    return client


def complained(number: int = 1, text: str = "") -> tuple[int, ...]:
    people = journey.earners(number)
    journey.exported()
    new = [NewComplaint(person, "incentive", 1, NOT_COME, text) for person in people]
    open_complaints(complaints=new, at=journey.SETTLED_AT)
    return people


def test_nothing_open_is_said(office: Client) -> None:
    assert "Tidak ada keluhan" in text_of(office.get(PATH).content.decode())
    assert set(STATES) == set(ComplaintState)


def test_each_has_its_turn_its_age_and_alarms_when_it_is_late(office: Client, clock: StoppedClock) -> None:
    (person,) = complained(text="Belum masuk sampai hari ini.")
    page = office.get(PATH).content.decode()
    for words in ("mitra pembayaran", "Belum masuk sampai hari ini.", "30 April 2020", "harus dijawab", "0 hari"):
        assert words in text_of(page), words
    assert f'href="/console/people/{person}/incentive/1/"' in page
    clock.set(2020, 5, 2, 9, 0)
    page = office.get(PATH).content.decode()
    assert "chip bad" in page and "5 hari" in text_of(page)
    assert "1 terlambat" in text_of(page)


def test_an_officer_answers_and_a_second_click_changes_nothing(office: Client) -> None:
    (person,) = complained()
    complaint = Complaint.objects.get()
    place = f"/console/people/{person}/incentive/1/"
    assert f'action="{PATH}{complaint.pk}/answer/"' in office.get(place).content.decode()
    path = f"{PATH}{complaint.pk}/answer/"
    assert "Tulis jawabannya" in text_of(office.post(path, {"text": " "}, follow=True).content.decode())
    answer = office.post(path, {"text": "Bank sedang kami tanya."}, follow=True)
    assert answer.redirect_chain[-1][0] == place
    assert "Bank sedang kami tanya." in text_of(answer.content.decode())
    again = office.post(path, {"text": "Bank sedang kami tanya."}, follow=True)
    assert "tidak ada yang berubah" in text_of(again.content.decode())
    ended = office.post(path, {"text": "Selesai.", "ends": "1"}, follow=True)
    assert "masih bisa bergerak" in text_of(ended.content.decode())
    assert office.post(f"{PATH}{2**70}/answer/", {"text": "Ya."}).status_code == 302


def test_the_list_is_chosen_by_an_address_and_read_in_pages(office: Client) -> None:
    complained(PAGE_SIZE + 1)
    page = office.get(PATH).content.decode()
    assert page.count("/incentive/1/") == PAGE_SIZE and "after=2020-04-30_" in page
    last = Complaint.objects.order_by("pk")[PAGE_SIZE - 1].pk
    assert office.get(PATH, {"after": f"2020-04-30_{last}"}).content.decode().count("/incentive/1/") == 1
    assert office.get(PATH, {"turn": "office"}).content.decode().count("/incentive/1/") == 0
    for query in ({"after": "x"}, {"after": "2020-99-99_1"}, {"state": "x", "turn": "x"}, {"after": "_" * 50}):
        assert office.get(PATH, query).content.decode().count("/incentive/1/") == PAGE_SIZE


def test_the_auditor_reads_and_answers_nothing(db: None, clock: StoppedClock, client: Client) -> None:
    clock.at = journey.SETTLED_AT
    client.force_login(factories.auditor())
    (person,) = complained()
    assert client.get(PATH).status_code == 200
    assert "/answer/" not in client.get(f"/console/people/{person}/incentive/1/").content.decode()
    assert client.post(f"{PATH}{Complaint.objects.get().pk}/answer/", {"text": "Ya."}).status_code == 403
