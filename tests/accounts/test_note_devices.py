"""A browser is known by a random number that the programme has signed; kept is a hash, for a time."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from bekal.accounts.models import DeviceSighting, User
from bekal.accounts.note_devices import COOKIE, DeviceUse, forget_devices, note_devices
from tests import factories
from tests.factories import jakarta

pytestmark = pytest.mark.django_db
AT = jakarta(2020, 5, 2)


def entered(client: Client, user: User) -> None:
    client.post(reverse("web:sign_in"), {"login_name": user.login_name, "password": factories.PASSWORD})
    client.post(reverse("web:sign_out"))


def test_two_people_on_one_browser_share_a_device() -> None:
    client = Client()
    one, other = (factories.signed_in_participant(person) for person in factories.accepted(2))
    for user in (one, other, one):
        entered(client, user)
    entered(Client(), one)
    sightings = DeviceSighting.objects.order_by("pk").values_list("user_id", "device_hash", "sign_in_count")
    found = [(user_id, bytes(device), count) for user_id, device, count in sightings]
    assert [(user_id, count) for user_id, _, count in found] == [(one.pk, 2), (other.pk, 1), (one.pk, 1)]
    assert found[0][1] == found[1][1] != found[2][1]
    cookie = client.cookies[COOKIE]
    assert cookie["httponly"] and cookie["samesite"] == "Lax"
    assert cookie.value.partition(":")[0].encode() not in found[0][1]


def test_a_cookie_that_somebody_made_up_is_not_believed() -> None:
    client = Client()
    client.cookies[COOKIE] = "a-device-of-somebody:else"
    entered(client, factories.signed_in_participant(factories.accepted()[0]))
    assert client.cookies[COOKIE].value != "a-device-of-somebody:else"


def test_officers_and_the_people_of_a_demo_are_not_seen() -> None:
    entered(Client(), factories.officer())
    shown = factories.signed_in_participant(factories.accepted()[0])
    User.objects.filter(pk=shown.pk).update(is_demo=True)
    entered(Client(), shown)
    assert not DeviceSighting.objects.exists()


def test_what_was_not_used_for_a_year_is_forgotten() -> None:
    user = factories.signed_in_participant(factories.accepted()[0])
    note_devices(uses=[DeviceUse(user.pk, "a"), DeviceUse(user.pk, "b"), DeviceUse(user.pk, "a", True)], at=AT)
    note_devices(uses=[DeviceUse(user.pk, "b")], at=AT + timedelta(days=10))
    note_devices(uses=[DeviceUse(user.pk, "b")], at=AT)  # a clock that was set back
    assert forget_devices(at=AT + timedelta(days=365)) == 0
    assert forget_devices(at=AT + timedelta(days=366)) == 1
    (left,) = DeviceSighting.objects.all()
    assert (left.last_seen_at, left.sign_in_count, left.purchase_count) == (AT + timedelta(days=10), 3, 0)
