"""`prove crash`: whoever is killed, a mass run ends as if nobody had been; and a torn state is seen."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connections

from bekal.lifecycle.operations import OPERATIONS
from bekal.proofs.crash import Crash, kill_at_every_boundary, lines_of, prove_crash
from bekal.proofs.crash_kills import boundaries_of, killed_at, resume
from bekal.proofs.crash_runs import Base, base_database, looking, torn, undone_count, wrong_end
from bekal.proofs.own_server import OwnServerError
from bekal.proofs.result_file import read_progress
from bekal.proofs.scratch import scratch_database


@pytest.mark.usefixtures("own_databases")
def test_every_kill_is_survived_and_careless_runners_are_noticed(tmp_path: Path) -> None:
    out, result, progress = StringIO(), tmp_path / "crash.json", tmp_path / "progress.json"
    files = ("--result", str(result), "--resume", str(progress))
    call_command("prove", "crash", "--only", "mass", *files, stdout=out)
    figures = json.loads(result.read_text())
    assert figures["violation_count"] == 0
    assert figures["boundaries"].keys() == OPERATIONS.keys()
    assert figures["boundaries"] == figures["passed"], "a runner died at each boundary that one passes"
    assert all(count >= 15 for count in figures["passed"].values()), "a chunk is many statements and commits"
    assert (figures["kills"], figures["backend_kills"]) == (50, 5)
    assert figures["server_kills"] == 1
    assert 0 < figures["kills_in_chunk"] <= 50
    assert len(figures["careless"]) == 2 and all(figures["careless"].values())
    assert f"seed {figures['seed']}" in out.getvalue()
    # What was kept is all there is to do: the next start tries nothing again.
    again = Crash(**read_progress("crash", {"resume": progress}))
    assert (again.kills, again.runs) == (50, figures["runs"])


@pytest.mark.usefixtures("own_databases")
def test_a_later_start_goes_on_where_the_first_one_ended() -> None:
    every = dict.fromkeys(OPERATIONS, 20)
    crash = Crash(7, passed=every, boundaries=every, kills=3, runs={"runner": 2})
    prove_crash(crash, kills=4, backend_kills=0, server_kills=0, people=6)
    assert crash.boundaries == every
    assert crash.kills == 4 and crash.runs["runner"] >= 3
    assert crash.holds


@pytest.mark.usefixtures("own_databases")
def test_servers_that_could_not_be_killed_fail_the_proof(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bekal.proofs.own_server._binaries_and_account", _no_binaries)
    every = dict.fromkeys(OPERATIONS, 20)
    crash = Crash(7, passed=every, boundaries=every, kills=3)
    prove_crash(crash, kills=3, backend_kills=0, server_kills=1, people=6)
    assert crash.server_kills == 0 and not crash.holds
    assert crash.violations == ["no backend and no server could be killed: The binaries are not installed."]


def _no_binaries() -> None:
    raise OwnServerError("The binaries are not installed.")


def test_nothing_tried_and_a_blind_harness_do_not_hold() -> None:
    assert not Crash(1).holds
    blind = Crash(1, kills=5, careless={"work, then checkpoint": None})
    assert not blind.holds
    assert any("UNSEEN" in line for line in lines_of(blind))
    assert not Crash(1, kills=5, passed={"revoke": 20}, boundaries={"revoke": 19}).holds
    found = Crash(1, kills=5)
    found.note([f"chunk {number}" for number in range(30)])
    assert (found.violation_count, len(found.violations), found.holds) == (30, 10, False)


@contextmanager
def copy_of(base: Base) -> Iterator[None]:
    with scratch_database("crash", template=base.name):
        yield


@pytest.mark.usefixtures("own_databases")
def test_what_is_lost_torn_or_doubled_is_seen() -> None:
    with base_database(people=4, chunk_count=2) as base:
        (run,) = (one for one in base.runs if one.operation == "revoke")
        damages = {
            "not done, and its work is there": "UPDATE lifecycle_masschunk SET done_at = NULL WHERE run_id = %s",
            "done, and its work is not": (
                "UPDATE ledger_trainingbalance SET remaining_rupiah = 1 WHERE owner_id IN"
                " (SELECT unnest(subject_ids) FROM lifecycle_masschunk WHERE run_id = %s)"
            ),
            "its chunks say": "UPDATE lifecycle_masschunk SET done_rupiah = done_rupiah + 1 WHERE run_id = %s",
            "finished: False": "UPDATE lifecycle_massrun SET finished_at = NULL WHERE id = %s",
            "number of transfers": (
                "INSERT INTO ledger_transfer (owner_id, debit_kind, credit_kind, reason, amount_rupiah,"
                " idempotency_key, posted_at) SELECT min(id), 1, 5, 1, 5, 'twice', now()"
                " FROM participants_participation WHERE %s > 0"
            ),
        }
        with copy_of(base), looking() as look:
            assert undone_count(run, look) == 2
            run.work()
            assert (wrong_end(run, look), torn(run, look)) == ([], [])
        for told, damage in damages.items():
            with copy_of(base), looking() as look:
                run.work()
                with connections["owner"].cursor() as cursor:
                    cursor.execute(damage, [run.run_id])
                faults = wrong_end(run, look)
                assert any(told in fault for fault in faults), (told, faults)


@pytest.mark.usefixtures("own_databases")
def test_the_checkpoint_commits_with_the_work() -> None:
    crash = Crash(1)
    with base_database(people=24, chunk_count=2) as base:
        (run,) = (one for one in base.runs if one.operation == "revoke")
        kill_at_every_boundary(crash, base, run)
    assert crash.holds and crash.boundaries["revoke"] == crash.passed["revoke"] >= 15


@pytest.mark.usefixtures("own_databases")
def test_a_boundary_that_no_runner_came_to_fails_the_proof() -> None:
    crash = Crash(1)
    with base_database(people=4, chunk_count=2) as base:
        (run,) = (one for one in base.runs if one.operation == "revoke")
        kill_at_every_boundary(crash, base, run)  # too few chunks: after the last one nothing is left to do
    assert crash.boundaries["revoke"] < crash.passed["revoke"] and not crash.holds
    assert "revoke: no runner came to boundary" in crash.violations[-1]


@pytest.mark.usefixtures("own_databases")
def test_a_tripwire_passes_every_statement_copy_and_commit() -> None:
    with base_database(people=4, chunk_count=2) as base:
        (run,) = (one for one in base.runs if one.operation == "accept_wave")
        with copy_of(base), looking() as look:
            passed = boundaries_of(lambda: run.work(chunk_limit=1))
            assert passed.count("before commit") == passed.count("after commit") >= 1
            assert "within COPY" in passed and any("lifecycle_masschunk" in name for name in passed)
            assert undone_count(run, look) == 1
            before_commit = passed.index("before commit") + 1
            assert killed_at(run.work, before_commit)
            assert undone_count(run, look) == 1, "what was not committed is not there"
            assert not killed_at(lambda: None, 1), "who passes nothing lives"
            resume(run, run.work, look)
            assert wrong_end(run, look) == []
