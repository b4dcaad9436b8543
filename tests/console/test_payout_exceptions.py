"""The page of exceptions: whose turn, since when, what to do; and a run that is paused and goes on."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils.translation import override

from bekal.console.payout_exceptions import NEXT_STEPS, PAGE_SIZE, next_step_of
from bekal.incentives.answers import Opened, Trouble, open_exceptions
from bekal.incentives.models import PayoutException, PayoutRun
from tests import factories
from tests.conftest import StoppedClock
from tests.incentives import journey

PATH = "/console/payout-exceptions/"


@pytest.fixture
def office(db: None, clock: StoppedClock, client: Client) -> Client:
    clock.at = journey.SETTLED_AT
    client.force_login(factories.officer())
    return client


def opened(clock: StoppedClock, days: int = 0, count: int = 1) -> None:
    troubles = [Opened(Trouble.AMOUNT_MISMATCH, 2, f"BKL{number}", "settled", 600_001) for number in range(count)]
    open_exceptions(troubles, partner="bni", at=clock.at - timedelta(days=days))


def test_nothing_open_is_said(office: Client) -> None:
    assert "Tidak ada yang terbuka" in office.get(PATH).content.decode()


def test_each_has_its_turn_its_age_and_the_next_step(office: Client, clock: StoppedClock) -> None:
    opened(clock, days=4)
    page = office.get(PATH).content.decode()
    for said in ("jumlah lain dari yang dikirim", "Rp600.001", "4 hari", "mitra pembayaran", "Tanyakan dahulu"):
        assert said in page, said
    assert "chip bad" in page and "lebih tua dari semestinya" in page, "over three days it alarms"
    assert "lebih tua dari semestinya" in office.get("/console/payout-runs/").content.decode()
    assert set(NEXT_STEPS) == set(PayoutException.Kind)


def test_a_list_by_hand_has_a_step_of_its_own() -> None:
    with override("en"):
        steps = {str(next_step_of("silent", owner)) for owner in PayoutException.Owner.values}
    assert len(steps) == 2 and any("has the list" in step for step in steps)


def test_one_is_cleared_up_with_a_note_and_not_without(office: Client, clock: StoppedClock) -> None:
    opened(clock)
    path = f"{PATH}{PayoutException.objects.get().pk}/clear/"
    assert "Tulis hasilnya" in office.post(path, {"note": " "}, follow=True).content.decode()
    assert "Selesai." in office.post(path, {"note": "Sudah dikembalikan."}, follow=True).content.decode()
    assert "tidak ada yang berubah" in office.post(path, {"note": "Lagi."}, follow=True).content.decode()
    assert office.post(f"{PATH}{2**70}/clear/", {"note": "Ya."}).status_code == 302


def test_many_are_pages(office: Client, clock: StoppedClock) -> None:
    opened(clock, count=PAGE_SIZE + 1)
    assert office.get(PATH).content.decode().count("/clear/") == PAGE_SIZE
    last = PayoutException.objects.order_by("pk")[PAGE_SIZE - 1].pk
    assert office.get(PATH, {"after": str(last)}).content.decode().count("/clear/") == 1
    assert office.get(PATH, {"after": "9" * 40}).status_code == 200


def test_the_auditor_reads_and_clears_nothing(db: None, clock: StoppedClock, client: Client) -> None:
    clock.at = journey.SETTLED_AT
    client.force_login(factories.auditor())
    opened(clock)
    assert "/clear/" not in client.get(PATH).content.decode()


def test_a_run_is_paused_and_goes_on(office: Client, clock: StoppedClock) -> None:
    journey.earners(1)
    run_id = journey.exported().run_id
    path = f"/console/payout-runs/{run_id}/"
    assert "Jeda pembayaran ini" in office.get(path).content.decode()
    assert "Dijeda." in office.post(f"{path}pause/", follow=True).content.decode()
    assert PayoutRun.objects.get(pk=run_id).paused_at == clock.at
    page = office.get(path).content.decode()
    assert "Dijeda sejak" in page and "Lanjutkan" in page
    assert "Pembayaran ini dilanjutkan." in office.post(f"{path}resume/", follow=True).content.decode()
    assert PayoutRun.objects.get(pk=run_id).paused_at is None
    assert office.post("/console/payout-runs/999999/pause/").status_code == 404
