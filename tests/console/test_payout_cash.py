"""Cash by day on its page and as a file."""

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
from django.test import Client

from bekal.console import payout_cash
from bekal.incentives.partners.hours import Limits, hours_of
from bekal.incentives.partners.rails import Rail
from tests import factories
from tests.conftest import StoppedClock
from tests.incentives import journey

PATH = "/console/payout-cash/"
OFFICE_HOURS = hours_of({"windows": ["08:00-15:00"], "days": "working"})


@pytest.fixture
def office(db: None, clock: StoppedClock) -> Client:
    clock.set(2020, 4, 27, 7, 0)
    client = Client()
    client.force_login(factories.auditor())
    return client


def test_by_day_and_partner_with_the_instant_it_is_needed(office: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    journey.earners(3)
    journey.earners(with_accounts=False)
    known = {"bni": Rail("bni", hours=OFFICE_HOURS, limits=Limits(day_count=2, day_rupiah=9_000_000))}
    monkeypatch.setattr(payout_cash, "house_rails", lambda: known)
    page = office.get(PATH).content.decode()
    assert "Rp7.200.000" in page, "three people, four instalments"
    assert "28 April 2020, 08.00 WIB" in page and "Belum ada rekening" in page
    assert "08:00-15:00 WIB" in page and "Senin, 27 April 2020, 08.00 WIB" in page and "Rp9.000.000" in page
    lines = b"".join(office.get(f"{PATH}?form=csv").streaming_content).decode("utf-8-sig").splitlines()  # type: ignore[attr-defined]
    assert lines[0].startswith("Hari,Diperlukan pada,Mitra,") and lines[0].count(",") == 6
    assert lines[2] == "2020-04-28,2020-04-28T08:00:00+07:00,BNI,1,600000,0,1800000"
    assert office.get(f"{PATH}?form=xlsx").status_code == 200


def test_nothing_to_be_paid_and_no_rail(office: Client) -> None:
    page = office.get(PATH).content.decode()
    assert "Tidak ada yang akan dibayar" in page and "petugas menyerahkan setiap berkas" in page
    office.cookies["django_language"] = "en"
    assert "Nothing is to be paid" in office.get(PATH).content.decode()
    assert office.get(PATH, {"form": "pdf"}).status_code == 200


def test_it_takes_so_many_statements(
    office: Client, assert_queries: Callable[[int], AbstractContextManager[None]]
) -> None:
    journey.earners(3)
    office.get(PATH)
    with assert_queries(6):
        office.get(PATH)
