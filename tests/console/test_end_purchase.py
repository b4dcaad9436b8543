"""An officer ends a purchase: sees both amounts first, and only what was seen is done."""

import re
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
from django.test import Client

from bekal.ledger.queries import remaining
from bekal.lifecycle.end_balances import end_balances
from bekal.purchases.end_purchases import end_purchases
from bekal.purchases.models import Purchase
from bekal.purchases.record_attendance import Attendance, record_attendance
from bekal.purchases.settle_institutions import settle_institutions
from tests import factories
from tests.conftest import StoppedClock
from tests.factories import jakarta
from tests.factories.unchanged import nothing_changes


@pytest.fixture
def office(client: Client, db: None, clock: StoppedClock) -> Client:
    clock.set(2020, 6, 10, 9, 0)
    client.force_login(factories.officer())
    return client


def attend(purchase_id: int, sequence: int) -> None:
    institution_id = Purchase.objects.get(pk=purchase_id).training.institution_id
    record_attendance(attendances=[Attendance(institution_id, purchase_id, sequence)], at=factories.COMPLETED_AT)


@pytest.fixture
def learning(office: Client) -> tuple[int, int]:
    """Somebody with one of three sessions attended, and the purchase."""
    (who,) = factories.accepted(full_name="Siti Rahayu")
    number = factories.redeemed(who, factories.training(price_rupiah=300_000, session_count=3, title="Menjahit"))
    attend(number, 1)
    return who, number


def seen(page: str) -> str:
    found = re.search(r'name="seen" value="([^"]+)"', page)
    assert found
    return found[1]


def test_the_page_of_the_person_leads_there_and_it_ends(office: Client, learning: tuple[int, int]) -> None:
    who, number = learning
    address = f"/console/purchases/{number}/end/"
    assert address in office.get(f"/console/people/{who}/").content.decode()
    with nothing_changes():
        page = office.get(address).content.decode()
    for words in ("Menjahit", "1 dari 3", "Rp100.000", "Rp200.000", "Kembali ke saldo pelatihan", "Siti R•••"):
        assert words in page
    said = office.post(address, {"seen": seen(page)}, follow=True).content.decode()
    assert "Pembelian sudah diakhiri." in said
    assert "sesi yang diikuti dibayar" in said and "Rp200.000 kembali ke saldo pelatihan" in said
    assert "menunggu masa tahan sampai 17 Juni 2020" in said
    assert remaining(owner_ids=[who]) == {who: 900_000}
    assert address not in said
    with nothing_changes():
        assert "sudah berakhir sebelumnya" in office.post(address, {"seen": seen(page)}, follow=True).content.decode()
        assert "Pembelian ini berakhir pada 10 Juni 2020." in office.get(address).content.decode()


def test_what_has_changed_since_it_was_seen_is_not_done(office: Client, learning: tuple[int, int]) -> None:
    who, number = learning
    address = f"/console/purchases/{number}/end/"
    page = office.get(address).content.decode()
    attend(number, 2)
    with nothing_changes():
        response = office.post(address, {"seen": seen(page)})
    assert response.status_code == 422 and "berubah sejak Anda melihatnya" in response.content.decode()
    again = seen(response.content.decode())
    assert again == "200000-100000-1"
    end_balances(at=jakarta(2020, 12, 16), participation_ids=[who])
    with nothing_changes():
        response = office.post(address, {"seen": again})
    assert response.status_code == 422 and "Kembali ke kas negara" in response.content.decode()
    office.post(address, {"seen": seen(response.content.decode())})
    assert Purchase.objects.get().refunded_rupiah == 100_000


@pytest.mark.parametrize("data", [{}, {"seen": ""}, {"seen": "x" * 5000}, {"seen": "\x00"}])
def test_without_having_seen_it_nothing_ends(data: dict[str, str], office: Client, learning: tuple[int, int]) -> None:
    with nothing_changes():
        assert office.post(f"/console/purchases/{learning[1]}/end/", data).status_code == 422


def test_what_is_proven_does_not_end_and_says_why(office: Client) -> None:
    (who,) = factories.accepted()
    number = factories.reconciled(who, factories.training())
    address = f"/console/purchases/{number}/end/"
    page = office.get(address).content.decode()
    assert "Bukti pembelian ini lengkap sejak 25 April 2020" in page and '<form method="post" class="row"' not in page
    with nothing_changes():
        assert "Bukti pembelian ini lengkap" in office.post(address, {"seen": "0-0-0"}, follow=True).content.decode()
    settle_institutions(purchase_ids=[number], at=jakarta(2020, 6, 9))
    assert "dibayar 9 Juni 2020" in office.get(f"/console/people/{who}/").content.decode()


@pytest.mark.parametrize("number", [0, 10**9, 2**80])
def test_a_purchase_that_is_none(number: int, office: Client) -> None:
    assert office.get(f"/console/purchases/{number}/end/").status_code == 404


def test_nobody_else_ends_a_purchase(client: Client, learning: tuple[int, int]) -> None:
    who, number = learning
    for user in (factories.signed_in_participant(who), factories.institution_staff(factories.institution())):
        client.force_login(user)
        with nothing_changes():
            assert client.post(f"/console/purchases/{number}/end/", {"seen": "100000-200000-1"}).status_code == 403


def test_the_check_page_is_a_few_statements(
    office: Client, learning: tuple[int, int], assert_queries: Callable[[int], AbstractContextManager[None]]
) -> None:
    with assert_queries(10):
        office.get(f"/console/purchases/{learning[1]}/end/")


def test_the_desk_shows_what_is_paid_and_what_waits(client: Client, db: None, clock: StoppedClock) -> None:
    clock.set(2020, 4, 28, 9, 0)
    institution = factories.institution()
    client.force_login(factories.institution_staff(institution))
    people = factories.accepted(4)
    training = factories.training(institution=institution, session_count=2)
    ids = [factories.reconciled(who, training) for who in people[:2]]
    ended = factories.redeemed(people[2], training)
    factories.redeemed(people[3], training)
    settle_institutions(purchase_ids=ids[:1], at=jakarta(2020, 5, 2))
    end_purchases(purchase_ids=[ended], at=jakarta(2020, 4, 27))
    page = client.get("/institution/").content.decode()
    assert "dibayar 2 Mei 2020" in page and "menunggu masa tahan sampai 2 Mei 2020" in page
    assert "berakhir 27 April 2020" in page and "dikembalikan, tidak ada yang dibayar" in page
    assert "setelah bukti lengkap" in page
    assert f"/institution/purchases/{ended}/attendance/" not in page
    clock.set(2020, 5, 2, 0, 0)
    assert "menunggu pembayaran berikutnya" in client.get("/institution/").content.decode()
