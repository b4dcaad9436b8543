"""The demo's bank as a process of its own, as `dev up` starts it, and the courier: a run is paid to its end."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from bekal.config.couriers import PaymentCourier
from bekal.incentives.export_payout_run import export_payout_run
from bekal.incentives.house_rails import house_rails
from bekal.incentives.make_calls import make_calls
from bekal.incentives.models import Payout, PayoutCall, PayoutStatus
from bekal.ledger.clock import machine_now, set_programme_clock
from bekal.ledger.movements import Kind
from bekal.ledger.queries import totals
from bekal.proofs.check import prove_ledger
from bekal.simulation.bank.books import Books
from bekal.simulation.demo import PARTICIPANT
from tests import factories
from tests.databases import ROOT
from tests.factories import jakarta
from tests.incentives.journey import EXPORTED_AT, SETTLED_AT, approved, earners, references
from tests.incentives.test_export_payout_run import set_account

pytestmark = pytest.mark.django_db(transaction=True)
TEN_MINUTES = timedelta(minutes=10)
WALLETS = ("ovo", "gopay", "linkaja")


@pytest.fixture(autouse=True)
def real_clock(clock: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two processes: both go by the machine's clock."""
    monkeypatch.setattr("bekal.ledger.clock.timezone", timezone)


@contextmanager
def running(settings_file: Path, listener: socket.socket) -> Iterator["subprocess.Popen[bytes]"]:
    """`manage bank` on a socket that listens already, from its first answer on."""
    command = [sys.executable, "manage.py", "bank", "--settings-file", str(settings_file)]
    number = listener.fileno()
    process = subprocess.Popen(
        [*command, "--listener", str(number)], cwd=ROOT, pass_fds=[number], stdout=subprocess.DEVNULL
    )
    try:
        host, port = listener.getsockname()
        assert httpx.get(f"http://{host}:{port}/nobody/", timeout=120, trust_env=False).status_code == 404
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        held.listen()
        yield held


def set_up(tmp_path: Path, listener: socket.socket, settings: Any) -> tuple[Path, Path]:
    """The settings of the bank and its books; the house's rails lead there."""
    settings_file, rails_file = tmp_path / "bank" / "settings.json", tmp_path / "bank" / "rails.json"
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    call_command("bank-setup", str(settings_file), "--address", address, "--rails-file", rails_file, stdout=StringIO())
    settings.PAYOUT_RAILS_FILE = str(rails_file)
    (books,) = settings_file.parent.glob("books-*.sqlite")
    return settings_file, books


def release(at: timedelta = timedelta(0), planned_for: date | None = None) -> int:
    day = {} if planned_for is None else {"planned_for": planned_for}
    run_id = approved(at=EXPORTED_AT - timedelta(hours=2) + at, **day)
    assert export_payout_run(run_id=run_id, at=EXPORTED_AT + at, proof_limit=None, rails=house_rails()).refusal is None
    return run_id


def rounds(until: Callable[[], bool]) -> None:
    """The courier's rounds; one begun anew fetches at once what came back."""
    deadline = time.monotonic() + 60
    while not until():
        assert time.monotonic() < deadline, list(PayoutStatus.objects.values_list("payout__partner", "state"))
        PaymentCourier(say=lambda _: None).round()


def states(run_id: int) -> dict[str, str]:
    rows = PayoutStatus.objects.filter(payout__run_id=run_id).order_by("id")
    return dict(rows.values_list("payout__partner", "state"))


def test_a_run_is_paid_to_its_end_though_the_bank_is_killed(
    tmp_path: Path, listener: socket.socket, settings: Any
) -> None:
    people = earners(4)
    for number, (person, wallet) in enumerate(zip(people[1:], WALLETS, strict=True)):
        set_account(person, wallet, f"0812345678{number:02d}")
    factories.signed_in_participant(people[3], login_name=PARTICIPANT)
    set_programme_clock(at=SETTLED_AT)
    settings_file, kept_in = set_up(tmp_path, listener, settings)
    run_id = release()
    with running(settings_file, listener) as process:
        PaymentCourier(say=lambda _: None).round()
        unknown = {"payout__partner": "ovo"}, {"payout__partner": "gopay"}
        for wallet in unknown:
            assert PayoutCall.objects.filter(**wallet).latest("id").outcome == "unknown", "its answer was lost"
        process.send_signal(signal.SIGKILL)
        process.wait()
    with running(settings_file, listener):
        rounds(lambda: states(run_id) == {"bni": "settled", "ovo": "sent", "gopay": "sent", "linkaja": "rejected"})
        make_calls(rails=house_rails(), at=SETTLED_AT, now=lambda: machine_now() + TEN_MINUTES)
        assert states(run_id) == {"bni": "settled", "ovo": "settled", "gopay": "settled", "linkaja": "rejected"}
        assert PayoutStatus.objects.get(state="rejected").reason_code == "AM14", "the wallet of who signs in"
        # Repaired: another wallet, which the bank has never heard of, is paid by the next run.
        set_account(people[3], "linkaja", "081399999999")
        later = timedelta(days=1)
        set_programme_clock(at=SETTLED_AT + later)
        again = release(later, date(2020, 4, 28))
        rounds(lambda: states(again) == {"linkaja": "settled"})
    books = Books(kept_in)
    paid = {reference: once for partner in ("bni", *WALLETS) for reference, once in books.paid(partner).items()}
    books.close()
    settled = Payout.objects.filter(statuses__state="settled").values_list("reference", flat=True)
    assert paid == dict.fromkeys(settled, (1, 600_000)) and len(paid) == 4
    assert set(references(again)) <= paid.keys()
    assert totals()[Kind.PAYOUT_IN_TRANSIT] == 0
    assert prove_ledger(connection).violations == ()


def test_a_bank_whose_books_were_deleted_ends(tmp_path: Path, listener: socket.socket, settings: Any) -> None:
    earners(1)
    set_programme_clock(at=jakarta(2020, 4, 27))
    settings_file, kept_in = set_up(tmp_path, listener, settings)
    with running(settings_file, listener) as process:
        os.rename(kept_in, tmp_path / "gone")
        assert process.wait(60) == 0
