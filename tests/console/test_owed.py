"""An institution sees what it owes, since and until when, and records it there; the office reminds of it."""

import pytest
from django.test import Client
from django.urls import reverse

from bekal.purchases.reconcile_changed import reconcile_changed
from tests import factories
from tests.conftest import StoppedClock

pytestmark = pytest.mark.django_db


def page(client: Client, query: str = "") -> str:
    response = client.get(reverse("console:owed") + query)
    assert response.status_code == 200
    return response.content.decode()


def test_what_is_owed_is_reminded_of_and_recorded(clock: StoppedClock) -> None:
    clock.set(2020, 4, 28)
    one, two = factories.accepted(2)
    training = factories.training(session_count=2, title="Barista")
    purchase_id = factories.redeemed(one, training)
    factories.redeemed(two, factories.training())
    desk, officer = Client(), Client()
    desk.force_login(factories.institution_staff(training.institution))
    officer.force_login(factories.officer())
    shown = page(desk)
    assert "Barista" in shown and "sesi 1" in shown and "sesi 2" in shown
    assert "22 April 2020" in shown and "25 April 2020" in shown and "terlambat" in shown
    reconcile_changed(at=factories.jakarta(2020, 4, 28))
    remind = reverse("console:remind")
    told = officer.post(remind, {"side": "institution", "overdue": "1"}, follow=True)
    assert "di meja lembaga: 2" in told.content.decode()
    assert told.redirect_chain[-1][0].endswith("?side=institution&overdue=1")
    assert "Tidak ada lagi yang perlu diingatkan" in officer.post(remind, follow=True).content.decode()
    assert "diingatkan 28 April 2020" in page(desk)
    for number in (1, 2):
        desk.post(reverse("console:institution_attendance", args=[purchase_id]), {"sequence": number})
    assert "penyelesaian" in page(desk)
    desk.post(reverse("console:institution_completion", args=[purchase_id]))
    assert "Tidak ada yang harus Anda kirim" in page(desk)


def test_the_list_goes_on_and_nonsense_is_the_beginning(clock: StoppedClock, monkeypatch: pytest.MonkeyPatch) -> None:
    clock.set(2020, 4, 28)
    monkeypatch.setattr("bekal.console.owed.PAGE_SIZE", 2)
    training = factories.training()
    ids = [factories.redeemed(person, training) for person in factories.accepted(3)]
    desk = Client()
    desk.force_login(factories.institution_staff(training.institution))
    query = f"?after={training.pk}_{ids[1]}"
    assert query in page(desk)
    assert page(desk, query).count('name="sequence"') == 1
    for nonsense in ("?after=x", "?after=1_é", f"?after={10**18}_1"):
        assert page(desk, nonsense).count('name="sequence"') in (0, 2)


def test_only_institutions_owe(clock: StoppedClock) -> None:
    officer = Client()
    officer.force_login(factories.officer())
    assert officer.get(reverse("console:owed")).status_code == 403
