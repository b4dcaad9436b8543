"""The background worker: runs that may work, proofs that were asked for, and once a programme day what falls due."""

import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import timedelta
from itertools import count
from pathlib import Path

import psycopg
import pytest
from django import db
from django.core.management import call_command
from django.db import connection

from bekal.config import worker as module
from bekal.config.management.commands.work import wait_for_call
from bekal.config.steps import RETRY_AFTER, alone_with
from bekal.config.worker import Worker
from bekal.incentives.complaint_models import Complaint
from bekal.incentives.open_complaints import NewComplaint, open_complaints
from bekal.ledger.clock import programme_now
from bekal.ledger.digests import close_digest
from bekal.ledger.proof_results import latest_proof_result, request_proof
from bekal.ledger.queries import proof_asked_at
from bekal.lifecycle.mass_runs import approve_mass_run, plan_mass_run
from bekal.lifecycle.mass_work import wake_workers
from bekal.lifecycle.models import ClosedSum, MassRun
from bekal.lifecycle.tallies import ask, counted, waiting
from bekal.participants.models import Participation
from bekal.recommender.models import PreparedList
from tests import factories
from tests.conftest import NewDatabase, StoppedClock
from tests.factories.serving import serving_model
from tests.incentives import journey

_number = count(1)
ROOT = Path(__file__).resolve().parents[2]
# The proof has a connection of its own, and a digest is closed outside any transaction.
pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner", "proof"])


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def one(said: list[str], clock: StoppedClock) -> Worker:
    """A worker on the day after the deadline of those accepted on 20 April 2020."""
    clock.set(2020, 5, 21)
    return Worker(say=said.append)


def approve(run: MassRun) -> None:
    officer_id = factories.officer().pk
    seal = bytes(run.list_sha256)
    assert approve_mass_run(run_id=run.pk, officer_id=officer_id, list_sha256=seal, at=programme_now()) is None


def test_a_closed_link_is_summed_and_what_a_page_asked_for_is_counted(one: Worker, said: list[str]) -> None:
    factories.accepted(2)
    ask("lapsing", at=programme_now())
    one.round()
    assert "counted: lapsing" in said and waiting("lapsing") is None
    found = counted("lapsing")
    assert found is not None and found.at == programme_now()
    assert sum(row.transfer_count for row in ClosedSum.objects.order_by("pk")) == 6
    assert one.round() is False


def test_what_falls_due_is_planned_proved_and_after_the_approval_done(
    one: Worker, said: list[str], clock: StoppedClock
) -> None:
    factories.accepted(2)
    assert one.round() is True
    run = MassRun.objects.get()
    assert run.operation == "revoke" and run.planned_by_id is None
    assert said[0].startswith("daily work:") and "1 runs planned, 1 wait for approval" in said[0]
    assert said[1] == "digest: link 1 closed over 6 transfers"
    assert said[2].startswith("proof: 6 transfers")
    assert one.round() is False, "once a day is enough"
    assert not Participation.objects.filter(revoked_at__isnull=False).exists()
    approve(run)
    assert one.round() is True
    assert said[3] == f"run {run.pk}: 1 of 1 chunks, 2 done, Rp7.100.000"
    assert Participation.objects.filter(revoked_at__isnull=False).count() == 2
    clock.forward(days=1)
    assert one.round() is True
    assert "digest: link 2 closed over 6 transfers" in said
    found = latest_proof_result()
    assert found is not None and found.proved_at == programme_now()


def test_a_complaint_ends_in_the_round_after_its_payment_has_moved(
    one: Worker, said: list[str], clock: StoppedClock
) -> None:
    (person,) = journey.earners()
    run = journey.exported()
    clock.at = journey.SETTLED_AT
    open_complaints(complaints=[NewComplaint(person, "incentive", 1, Complaint.About.NOT_COME)], at=clock.at)
    journey.settled(run)
    one.round()
    assert "complaints: 1 closed by what has moved, 0 somebody else's turn" in said
    assert Complaint.objects.get().moved_to == "settled"


def test_everybody_has_a_list_once_a_day(one: Worker, said: list[str], clock: StoppedClock) -> None:
    """The day after their deadline those who bought nothing have none."""
    training = factories.training()
    factories.completed(factories.accepted()[0], training)
    factories.accepted(2, at=factories.jakarta(2020, 5, 20))
    factories.accepted(1)
    one.round()
    assert not [text for text in said if text.startswith("lists")], "no model serves"
    serving_model(at=programme_now())
    assert one.round() is True and said[-1] == "lists: 3 made"
    assert one.round() is False and PreparedList.objects.count() == 3
    Worker(say=said.append).round()
    assert said.count("lists: 3 made") == 1, "nor does another worker make them again"
    clock.forward(days=1)
    one.round()
    assert said.count("lists: 3 made") == 2


def test_another_worker_on_the_same_day_does_not_prove_again(one: Worker, said: list[str]) -> None:
    one.round()
    proved_count = sum(text.startswith("proof:") for text in said)
    other = Worker(say=said.append)
    other.round()
    assert sum(text.startswith("proof:") for text in said) == proved_count == 1


def test_a_proof_that_was_asked_for_is_run_at_once(one: Worker, said: list[str], clock: StoppedClock) -> None:
    one.round()
    clock.forward(hours=1)
    request_proof(requested_by_id=1, at=programme_now())
    request_proof(requested_by_id=2, at=programme_now())
    assert one.round() is True
    found = latest_proof_result()
    assert found is not None and found.proved_at == programme_now()
    assert one.round() is False, "two requests were one proof"


def test_a_proof_whose_worker_died_is_run_by_the_next(
    one: Worker, said: list[str], clock: StoppedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    one.round()
    clock.forward(hours=1)
    request_proof(requested_by_id=1, at=programme_now())

    def killed(_: object) -> None:
        raise KeyboardInterrupt  # what no step catches

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(module, "prove_ledger", killed)
        one.round()
    assert Worker(say=said.append).round() is True
    found = latest_proof_result()
    assert found is not None and found.proved_at == programme_now()
    assert proof_asked_at() is None


def test_a_proof_that_fails_is_not_tried_at_once_again(
    one: Worker, said: list[str], clock: StoppedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    one.round()
    clock.forward(hours=1)
    request_proof(requested_by_id=1, at=programme_now())
    with monkeypatch.context() as patch:
        patch.setattr(module, "prove_ledger", broken)
        assert one.round() is False
        assert one.round() is False
    assert [text for text in said if text.startswith("proof failed: RuntimeError")] == said[-1:]
    clock.forward(seconds=RETRY_AFTER.total_seconds())
    assert one.round() is True and proof_asked_at() is None


@pytest.mark.parametrize(
    ("lock", "line"),
    [(module.DAILY_LOCK, "daily work:"), (module.DIGEST_LOCK, "digest:"), (module.PROOF_LOCK, "proof:")],
)
def test_what_another_worker_is_at_nobody_else_does(one: Worker, said: list[str], lock: str, line: str) -> None:
    factories.accepted(1)
    taken, done = threading.Event(), threading.Event()

    def hold() -> None:
        with alone_with(lock) as alone:
            assert alone
            taken.set()
            done.wait()
        db.connections.close_all()

    rival = threading.Thread(target=hold)
    rival.start()
    try:
        taken.wait()
        assert one.round() is True, "the other steps are done"
        assert sorted(text.split(":")[0] for text in said) == sorted({"daily work", "digest", "proof"} - {line[:-1]})
        assert one.round() is False
    finally:
        done.set()
        rival.join()
    assert one.round() is True, "who found it taken looks again"
    assert said[-1].startswith(line)


def broken(*_: object, **__: object) -> None:
    raise RuntimeError("Siti Rahayu, 3171...")


@pytest.mark.parametrize(
    ("verb", "name"), [("do_daily_work", "daily work"), ("close_digest", "digest"), ("prove_ledger", "daily proof")]
)
def test_an_error_keeps_nothing_else_from_being_done_and_is_tried_again_later(
    verb: str, name: str, one: Worker, said: list[str], clock: StoppedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Said by its kind: the text of an error may hold a name."""
    factories.accepted(1)
    with monkeypatch.context() as patch:
        patch.setattr(module, verb, broken)
        assert one.round() is True
        (text,) = [text for text in said if "failed" in text]
        assert text.startswith(f"{name} failed: RuntimeError in test_worker.py, line ") and "Siti" not in text
        assert len(said) == 3, "the two others are done"
        assert one.round() is False and len(said) == 3, "not at once"
    clock.forward(seconds=RETRY_AFTER.total_seconds())
    assert one.round() is True
    assert said[-1].startswith(name.removeprefix("daily ") if name == "daily proof" else name)
    assert one.round() is False, "once a day is enough"


@pytest.mark.parametrize("cause", [psycopg.errors.AdminShutdown(), psycopg.OperationalError("closed")])
def test_a_lost_connection_is_no_failure_of_the_step(
    cause: Exception, one: Worker, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Django has opened another one by the time the error is seen: the step is tried again at once."""

    def lost(**_: object) -> None:
        raise db.OperationalError from cause

    with monkeypatch.context() as patch, pytest.raises(db.OperationalError):
        patch.setattr(module, "take_proof_requests", lost)
        one.round()
    assert said == []
    assert one.round() is True and said[-1].startswith("proof:")


def test_a_chunk_that_failed_waits_its_time(
    one: Worker, said: list[str], clock: StoppedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    factories.accepted(1)
    one.round()
    run = MassRun.objects.get()
    approve(run)
    run.chunks.update(failed_at=programme_now(), failure="RuntimeError")
    assert one.round() is False
    clock.at += RETRY_AFTER + timedelta(seconds=1)
    assert one.round() is True
    run.refresh_from_db()
    assert run.finished_at == programme_now()


def test_asked_to_end_it_begins_nothing(one: Worker, said: list[str]) -> None:
    stopped = Worker(say=said.append, stop=lambda: True)
    assert stopped.round() is False and said == []


def test_once_is_until_nothing_is_left(clock: StoppedClock, capsys: pytest.CaptureFixture[str]) -> None:
    clock.set(2020, 5, 21)
    factories.accepted(1)
    call_command("work", "--once")
    approve(MassRun.objects.get())
    before = signal.getsignal(signal.SIGTERM)
    call_command("work", "--once")
    assert "worker: run" in capsys.readouterr().out
    assert signal.getsignal(signal.SIGTERM) == before
    assert MassRun.objects.get().finished_at == programme_now()


def test_whoever_waits_is_woken_by_new_work_and_by_the_bell() -> None:
    bell, hammer = socket.socketpair()
    with bell, hammer:
        hammer.send(b"x")
        wait_for_call(bell, 3600)
        bell.recv(1)
        # It listens from here on; another connection calls.
        caller = threading.Thread(target=lambda: (wake_workers(), db.connections.close_all()))
        caller.start()
        wait_for_call(bell, 3600)
        caller.join()
        assert select.select([connection.connection], [], [], 0)[0] == [], "a call is heard once"


def test_planning_what_needs_nobody_and_approving_call_the_workers(clock: StoppedClock) -> None:
    clock.set(2020, 5, 21)
    factories.accepted(1)
    bell, hammer = socket.socketpair()
    with bell, hammer:
        hammer.send(b"x")
        wait_for_call(bell, 3600)
        bell.recv(1)

        def rival() -> None:
            run = plan_mass_run(operation="revoke", planned_by_id=None, at=programme_now())
            approve(MassRun.objects.get(pk=run.run_id))
            db.connections.close_all()

        thread = threading.Thread(target=rival)
        thread.start()
        wait_for_call(bell, 3600)
        thread.join()
    assert MassRun.objects.get().approved_at is not None


@pytest.fixture
def running(new_database: NewDatabase) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """A worker as a process of its own that has found nothing to do and waits, and the name of its database."""
    database = new_database(f"worker{next(_number)}")
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "manage.py"), "work"],
        env={**os.environ, **database.environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    assert next(process.stdout) == "worker: ready\n"
    until(process, "worker: proof")
    yield process, database.name
    process.kill()
    process.wait()
    process.stdout.close()


def until(process: "subprocess.Popen[str]", start: str) -> None:
    """Reads what it says up to a line; StopIteration where it ends before."""
    assert process.stdout is not None
    while not next(process.stdout).startswith(start):
        pass


def test_sigterm_ends_a_waiting_worker(running: tuple["subprocess.Popen[str]", str]) -> None:
    process, _name = running
    process.send_signal(signal.SIGTERM)
    until(process, "worker: ended")
    assert process.wait() == 0


def test_a_worker_outlives_the_loss_of_its_connection(running: tuple["subprocess.Popen[str]", str]) -> None:
    process, name = running
    with db.connections["owner"].cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = %s AND backend_type = 'client backend'",
            [name],
        )
    until(process, "worker: the database does not answer (")
    process.send_signal(signal.SIGTERM)
    until(process, "worker: ended")
    assert process.wait() == 0


def test_the_daily_digest_and_one_by_hand_do_not_collide(one: Worker) -> None:
    factories.accepted(1)
    assert close_digest(at=programme_now()) is not None
    assert one.round() is True
