"""The office decides on what alarms hold: seen by urgency, lifted by one, confirmed by two; the auditor reads."""

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
from django.test import Client
from django.urls import reverse

from bekal.alarms.watch import watch
from bekal.holds.models import Hold, HoldEvent
from bekal.participants.models import Participant
from tests import factories
from tests.conftest import StoppedClock
from tests.factories import jakarta
from tests.factories.holding import held, held_institution
from tests.factories.unchanged import nothing_changes

AT = jakarta(2020, 5, 1)


@pytest.fixture
def officers(clock: StoppedClock, db: None) -> tuple[Client, Client]:
    clock.set(2020, 5, 4)
    return signed_in("petugas-satu"), signed_in("petugas-dua")


def signed_in(name: str) -> Client:
    client = Client()
    client.force_login(factories.officer(name))
    return client


def decided(client: Client, decision: str, *hold_ids: int, reason: str = "") -> str:
    data = {"decision": decision, "hold": hold_ids, "reason": reason}
    return client.post(reverse("console:decide_alarms"), data, follow=True).content.decode()


def page_of(client: Client, name: str = "console:alarms", *args: int, query: str = "") -> str:
    response = client.get(reverse(name, args=args) + query)
    assert response.status_code == 200
    return response.content.decode()


def test_from_the_alarm_to_the_confirmation(officers: tuple[Client, Client]) -> None:
    first, second = officers
    people = factories.accepted(2)
    one, other = (held(person, at=AT) for person in people)
    page = page_of(first)
    assert "Siti R•••" in page and "Siti Rahayu" not in page
    assert "15 Mei 2020" in page and "ditahan 3 hari" in page
    assert "Teksnya kosong" in decided(first, "propose", one)
    assert "Selesai untuk 1 penahanan" in decided(first, "propose", one, reason="Satu perangkat.")
    assert "petugas lain yang harus" in decided(first, "confirm", one)
    assert "Anda mengusulkan pengukuhan ini" in page_of(first, "console:alarm", one)
    assert "Selesai untuk 1 penahanan" in decided(second, "confirm", one)
    assert page_of(first, query="?state=confirmed").count('name="hold"') == 1
    page = page_of(second, "console:alarm", one)
    assert "Satu perangkat." in page and "petugas-dua" in page and f'value="{other}"' in page


def test_many_are_lifted_at_once_and_a_second_click_says_so(officers: tuple[Client, Client]) -> None:
    ids = [held(person, at=AT) for person in factories.accepted(3)]
    assert "Selesai untuk 3 penahanan" in decided(officers[0], "lift", *ids, reason="Satu desa.")
    with nothing_changes():
        assert "sudah dicabut" in decided(officers[0], "lift", *ids, reason="Satu desa.")
    assert "Tidak ada penahanan di sini" in page_of(officers[0])


def test_what_is_chosen_is_shown(officers: tuple[Client, Client], clock: StoppedClock) -> None:
    (person,), institution = factories.accepted(), factories.institution(name="Lembaga Kilat")
    held(person, at=AT)
    held_institution(institution.pk, at=AT)
    client = officers[0]
    assert page_of(client).count('name="hold"') == 2
    for query in ("?reason=ring", f"?institution={institution.pk}", "?state=open&reason=volume"):
        assert page_of(client, query=query).count('name="hold"') == 1, query
    for query in ("?mine=1", "?state=overdue", "?case=abc", f"?institution={10**17}"):
        assert page_of(client, query=query).count('name="hold"') == 0, query
    for query in ("?state=x&reason=y&institution=-1&mine=2&case=%00&after=1_2", "?after=2020-05-01_9&case=é"):
        assert page_of(client, query=query).count('name="hold"') == 2, query
    decided(client, "take", *Hold.objects.order_by("pk").values_list("pk", flat=True))
    assert page_of(client, query="?mine=1").count('name="hold"') == 2
    clock.set(2020, 6, 1)
    assert page_of(client, query="?state=overdue").count('name="hold"') == 2


def test_nonsense_is_refused_with_words(officers: tuple[Client, Client]) -> None:
    hold_id = held(factories.accepted()[0], at=AT)
    with nothing_changes():
        for data in ({}, {"decision": "lift"}, {"decision": "x", "hold": hold_id}, {"decision": "lift", "hold": "x"}):
            page = officers[0].post(reverse("console:decide_alarms"), data, follow=True).content.decode()
            assert "Centang sedikitnya satu" in page
        assert "tidak ada" in decided(officers[0], "lift", 2**50, reason="Salah.")
    assert officers[0].get(reverse("console:alarm", args=[2**70])).status_code == 404


def test_an_auditor_reads_and_decides_nothing(officers: tuple[Client, Client]) -> None:
    hold_id = held(factories.accepted()[0], at=AT)
    auditor = Client()
    auditor.force_login(factories.auditor())
    for page in (page_of(auditor), page_of(auditor, "console:alarm", hold_id)):
        assert 'name="decision"' not in page and 'name="hold"' not in page
    assert auditor.post(reverse("console:decide_alarms"), {"hold": hold_id}).status_code == 403


def test_the_page_says_when_each_alarm_looked(officers: tuple[Client, Client]) -> None:
    assert "belum pernah" in page_of(officers[0])
    watch(at=AT)
    assert "belum pernah" not in page_of(officers[0])


def test_the_institution_sees_its_own_and_objects(officers: tuple[Client, Client]) -> None:
    own, foreign = factories.institution(), factories.institution()
    hold_id, other = held_institution(own.pk, at=AT), held_institution(foreign.pk, at=AT)
    desk = Client()
    desk.force_login(factories.institution_staff(own))
    page = desk.get(reverse("console:institution_desk")).content.decode()
    assert "jauh lebih banyak dari biasanya" in page
    assert page.count("institution/holds/") == 1
    for number, said in ((other, "tidak ada"), (hold_id, "Keberatan sudah diterima"), (hold_id, "sedang diperiksa")):
        path = reverse("console:institution_appeal", args=[number])
        assert said in desk.post(path, {"text": "Kami promosi."}, follow=True).content.decode()
    assert HoldEvent.objects.filter(kind="appealed").count() == 1
    assert "Kami promosi." in page_of(officers[0], "console:alarm", hold_id)


def test_the_pages_keep_their_number_of_queries(
    officers: tuple[Client, Client], assert_queries: Callable[[int], AbstractContextManager[None]]
) -> None:
    ids = [held(person, at=AT) for person in factories.accepted(5)]
    Participant.objects.filter(participation__holds__pk=ids[0]).update(full_name="Nama yang panjang sekali " * 5)
    with assert_queries(6):
        page_of(officers[0])
    with assert_queries(6):
        page_of(officers[0], "console:alarm", ids[0])
