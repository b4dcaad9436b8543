"""A whole run over the rail of files: planned, approved, written, handed over to a bank that is a process of its own,
worked off there, fetched, settled, and proved; where the minutes go, and the bank's own books beside ours."""

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks import _payouts_world as world
from benchmarks._costs import Figures
from benchmarks._ledger_proof import close_day, proof
from benchmarks._payouts_books import beside_the_bank
from benchmarks._processor_time import Watch, with_children

ROOT = Path(__file__).resolve().parents[1]
SILENCE_SECONDS = 600.0
FILES_AT_ONCE = 4
WITHIN_EXCHANGE = ("hand over", "fetch", "settle", "wait for the bank")
# What the bank says of a file: a report, and what was booked.
ANSWERS_OF_A_FILE = 2


class Stages:
    """Seconds by the clock of each stage, in the order they began."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        started = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - started

    @contextmanager
    def within(self, place: Any, attribute: str, name: str) -> Iterator[None]:
        """Every call of that function counts as the stage while the block runs."""
        work: Callable[..., Any] = getattr(place, attribute)

        def timed(*arguments: Any, **named: Any) -> Any:
            with self(name):
                return work(*arguments, **named)

        setattr(place, attribute, timed)
        try:
            yield
        finally:
            setattr(place, attribute, work)


@contextmanager
def running_bank(folder: Path) -> Iterator[tuple["subprocess.Popen[bytes]", Path, Path]]:
    """The demo's bank (`manage bank`) as a process of its own; it, the file of the rails and the file of its books."""
    from bekal.simulation.demo_bank import make_access

    settings_file, rails_file = folder / "bank.json", folder / "rails.json"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        books = make_access(settings_file=settings_file, rails_file=rails_file, address=address)
        _open_accounts(books)
        command = [sys.executable, ROOT / "manage.py", "bank", "--settings-file", settings_file]
        command += ["--listener", str(listener.fileno())]
        bank = subprocess.Popen(command, pass_fds=[listener.fileno()], stdout=subprocess.DEVNULL, env=os.environ.copy())
    try:
        yield bank, rails_file, books
    finally:
        bank.terminate()
        bank.wait()


def _open_accounts(path: Path) -> None:
    """Everybody's account, in the state that makes one transfer in 250 fail."""
    from bekal.incentives.models import Payout
    from bekal.simulation.bank.books import Books

    def rows() -> Iterator[tuple[str, str, str, int, int, int, None]]:
        for person in range(1, count + 1):
            number, name = world.number_of(person), f"Peserta {person}"
            fault = world.FAULTS[person // world.FAULT_EVERY % 4] if person % world.FAULT_EVERY == 0 else ""
            standing = {"AC04": "closed", "AC06": "blocked"}.get(fault, "active")
            is_full = fault == "AM14"
            holder = "Pemegang Lain" if fault == "BE01" else name
            yield number, holder, standing, 1, world.CEILING_RUPIAH if is_full else 0, world.CEILING_RUPIAH, None

    count = Payout.objects.count()
    books = Books(path)
    books.open_accounts(world.PARTNER, rows())
    books.close()


def whole_run(payouts: int) -> Figures:
    """The figures; `differences` counts payments that are not as the bank's books have them, and one for a ledger that
    cannot be proved."""
    from django.db import connection

    from bekal.incentives.approve_payout_run import approve_payout_run
    from bekal.incentives.export_payout_run import export_payout_run
    from bekal.incentives.partners.rails import rails_from
    from bekal.incentives.plan_payout_run import plan_payout_run

    stages, officers = Stages(), world.officers()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (backend,) = cursor.fetchone()
    server = int(Path(f"/proc/{backend}/stat").read_text().rpartition(")")[2].split()[1])
    with tempfile.TemporaryDirectory(prefix="bekal-bank-") as name:
        with stages("plan"):
            planned = plan_payout_run(planned_for=officers.day, officer_id=officers.planner_id, at=officers.at(8))
        if planned.run_id is None or planned.list_sha256 is None or planned.payout_count != payouts:
            raise RuntimeError(f"{payouts:,} are due, and the plan is {planned}")
        with running_bank(Path(name)) as (bank, rails_file, books):
            rails = rails_from(rails_file)
            watch = Watch(
                lambda: {
                    "program": [os.getpid()],
                    "bank": with_children(bank.pid),
                    "PostgreSQL": with_children(server),
                }
            )
            watch.start()
            with stages("approve"):
                seal, at = planned.list_sha256, officers.at(9)
                approve_payout_run(run_id=planned.run_id, officer_id=officers.approver_id, list_sha256=seal, at=at)
            with stages("export"):
                exported = export_payout_run(run_id=planned.run_id, at=officers.at(9), proof_limit=None, rails=rails)
            if exported.refusal is not None:
                raise RuntimeError(f"the run is not exported: {exported.refusal}")
            exchange(rails, len(exported.files), officers, stages)
            processors = watch.end()
            figures: Figures = {"payouts": payouts, "files": len(exported.files)}
            with stages("compare with the bank's books"):
                found = beside_the_bank(books, world.PARTNER)
        with stages("close the day"):
            close_day({})
        with stages("prove the ledger"):
            failed = proof(figures)
    figures["seconds"] = {name: round(seconds, 1) for name, seconds in stages.seconds.items()}
    figures["processor_seconds"] = processors
    figures["minutes"] = round(sum(s for name, s in stages.seconds.items() if name not in WITHIN_EXCHANGE) / 60, 2)
    figures["books"] = asdict(found)
    counted = found.paid + found.rejected + found.differences
    figures["differences"] = found.differences + abs(counted - payouts) + failed
    print(
        f"{payouts:,} payouts in {figures['minutes']:.1f} minutes; seconds by the clock: {figures['seconds']} (of the "
        f"exchange are {', '.join(WITHIN_EXCHANGE)}); of the processors: {processors}\n"
        f"beside the bank's own books: {found.paid:,} paid, {found.rejected:,} rejected, {found.missing} missing, "
        f"{found.doubled} doubled, {found.differences} differences in all",
        flush=True,
    )
    return figures


def exchange(rails: Any, file_count: int, officers: world.Officers, stages: Stages) -> None:
    """Round after round as the courier of the worker makes them, until the bank has answered every file."""
    from importlib import import_module

    from bekal.incentives.hand_over_files import hand_over_files
    from bekal.incentives.models import PayoutFetch
    from bekal.incentives.partners.file_exchange import FileExchange
    from bekal.ledger.clock import machine_now

    heard = time.monotonic()
    with (
        stages("exchange"),
        stages.within(FileExchange, "hand_over", "hand over"),
        stages.within(FileExchange, "_get", "fetch"),
        # The module, which has the name of its verb.
        stages.within(import_module("bekal.incentives.settle_payouts"), "settle_payouts", "settle"),
    ):
        while PayoutFetch.objects.count() < ANSWERS_OF_A_FILE * file_count:
            done = hand_over_files(rails=rails, at=officers.at(10), now=machine_now, limit=FILES_AT_ONCE)
            if done.refused_names:
                raise RuntimeError(f"answers that are no whole file: {done.refused_names}")
            if done.did_anything:
                heard = time.monotonic()
            elif time.monotonic() - heard > SILENCE_SECONDS:
                raise RuntimeError(f"the bank says nothing for {SILENCE_SECONDS / 60:.0f} minutes")
            else:
                with stages("wait for the bank"):
                    time.sleep(0.2)
