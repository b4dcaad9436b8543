"""Every page with figures over everybody: at once while the programme is small, else counted in the background."""

import pytest
from django.test import Client

from bekal.console import tally
from bekal.console.tallies import COUNTS
from bekal.ledger.clock import programme_now
from bekal.lifecycle.models import Tally
from bekal.lifecycle.revoke import revoke
from bekal.lifecycle.tallies import count_next
from tests import factories
from tests.conftest import StoppedClock
from tests.factories import jakarta
from tests.incentives import journey

PAGES = {
    "/console/": "counts",
    "/console/ledger/": "open_items",
    "/console/ledger/?as_of=2020-05-25": "open_items",
    "/console/ledger/institutions/": "sums",
    "/console/treasury/": "returns",
    "/console/treasury/?year=2020": "returns",
    "/console/treasury/?as_of=2020-05-25&people=180000": "returns",
    "/console/lapsing/": "rows",
    "/console/on-time/": "everything",
    "/console/on-time/?month=2020-04": "everything",
    "/console/on-time/front-loading/": "replay",
    "/console/lapsing/?as_of=2020-04-25": "rows",
}
WAITS = 'name="look-again"'


@pytest.fixture
def auditor(client: Client, db: None) -> Client:
    client.force_login(factories.auditor())
    return client


@pytest.fixture
def world(db: None, clock: StoppedClock) -> None:
    clock.set(2020, 6, 1)
    journey.earners(2)
    journey.settled(journey.exported())
    factories.accepted(2)
    revoke(at=jakarta(2020, 5, 21, 12))


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tally, "COUNTED_AT_ONCE", -1)


@pytest.mark.parametrize("address", PAGES)
def test_what_was_counted_is_what_is_counted_at_once(
    address: str, world: None, auditor: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = auditor.get(address)
    assert WAITS not in small.content.decode() and not Tally.objects.exists()
    monkeypatch.setattr(tally, "COUNTED_AT_ONCE", -1)
    waits = auditor.get(address)
    assert WAITS in waits.content.decode() and waits.context["figures"].values is None
    auditor.get(address)
    assert Tally.objects.count() == 1, "asked for once"
    assert count_next(COUNTS, at=programme_now()) is not None
    shown = auditor.get(address)
    assert shown.context[PAGES[address]] == small.context[PAGES[address]]
    assert WAITS not in shown.content.decode() and "Hitung ulang" in shown.content.decode()
    for name in ("statement", "money", "people_count", "left_rupiah"):
        assert (name in small.context) == (name in shown.context)
        assert name not in small.context or small.context[name] == shown.context[name]


def test_while_it_is_counted_the_ledger_already_speaks(world: None, large: None, auditor: Client) -> None:
    page = auditor.get("/console/treasury/")
    statement = page.context["statement"]
    assert statement.difference_rupiah == 0 and statement.committed_rupiah == 4 * 3_550_000
    assert "Insentif dan uang survei, belum dikirim" in page.content.decode()
    assert "Rp639.000.000.000" in page.content.decode()
    assert auditor.get("/console/treasury/?form=csv")["Content-Type"].startswith("text/html"), (
        "nothing to put in a file"
    )


def test_figures_that_grow_old_are_counted_anew_and_shown_meanwhile(
    world: None, large: None, auditor: Client, clock: StoppedClock
) -> None:
    auditor.get("/console/")
    count_next(COUNTS, at=programme_now())
    clock.forward(minutes=15)
    assert WAITS not in auditor.get("/console/").content.decode()
    clock.forward(seconds=1)
    page = auditor.get("/console/")
    assert WAITS in page.content.decode() and page.context["counts"]["accepted"] == 4
    assert "Sampai selesai, yang tampil adalah hitungan" in page.content.decode()
    still = auditor.get("/console/?still=1&wave=1")
    assert WAITS not in still.content.decode() and 'href="?wave=1&amp;"' in still.content.decode()


def test_asked_for_anew_it_is_counted_though_it_is_not_old(
    world: None, large: None, auditor: Client, clock: StoppedClock
) -> None:
    for address in ("/console/lapsing/", "/console/lapsing/?as_of=2020-04-25"):
        auditor.get(address)
        count_next(COUNTS, at=programme_now())
    clock.forward(minutes=1)
    for address in ("/console/lapsing/?anew=1", "/console/lapsing/?as_of=2020-04-25&anew=1"):
        assert WAITS in auditor.get(address).content.decode()
        assert count_next(COUNTS, at=programme_now()) == "lapsing"
    assert WAITS not in auditor.get("/console/lapsing/?anew=1").content.decode(), "it has just been counted"
    clock.forward(days=100)
    assert WAITS not in auditor.get("/console/lapsing/?as_of=2020-04-25").content.decode(), "what was stays so"
