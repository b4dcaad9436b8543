"""An approved run is stopped by two people: what is done stays done, and the next one can be planned."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from bekal.lifecycle import mass_runs as module
from bekal.lifecycle import mass_work
from bekal.lifecycle.mass_runs import (
    MassState,
    Worked,
    ask_to_stop_mass_run,
    cancel_mass_run,
    keep_mass_run,
    mass_run,
    mass_runs,
    plan_mass_run,
    stop_mass_run,
    work,
)
from bekal.lifecycle.models import MassRun
from bekal.lifecycle.refusals import MassRefusal
from tests import factories
from tests.lifecycle.revoking import AT, ENVELOPE_RUPIAH, LATER, REVOKE, approved, fail_for, planned, revoked_ids

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHUNK_COUNT", 3)


STUCK = "Bagian 2 tidak bisa dikerjakan."


def stop_asked(run_id: int, officer_id: int, because: str = STUCK) -> None:
    assert ask_to_stop_mass_run(run_id=run_id, officer_id=officer_id, because=because, at=LATER) is None


def test_an_approved_run_that_cannot_go_on_is_stopped_by_two_and_the_next_can_be_planned(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    people = factories.accepted(7)
    run_id, first, second = approved(planned()), factories.officer(), factories.officer()
    with monkeypatch.context() as patch:
        fail_for(patch, people[4], RuntimeError())
        assert work(at=LATER) == Worked(2, 4, 4 * ENVELOPE_RUPIAH, failed_chunk_count=1)
    assert plan_mass_run(operation=REVOKE, planned_by_id=None, at=LATER).refusal is not None, "it blocks the next"
    stop_asked(run_id, first.pk)
    state = mass_run(run_id)
    assert state is not None and (state.state, state.stop_because) == (MassState.WORKING, STUCK)
    assert state.stop_asked_by_name == first.display_name
    assert stop_mass_run(run_id=run_id, officer_id=second.pk, because=STUCK, at=LATER) is None
    assert work(at=LATER) == work(run_id=run_id, at=LATER) == Worked(0, 0, 0)
    state = mass_run(run_id)
    assert state is not None and (state.state, state.stopped_by_name) == (MassState.STOPPED, second.display_name)
    assert (state.done_count, state.undone_count, state.undone_rupiah) == (4, 3, 3 * ENVELOPE_RUPIAH)
    assert state.finished_at is None and mass_runs(open_only=True) == ()
    assert revoked_ids() == [*people[:3], people[6]], "what is done stays done"
    again = planned(at=LATER)
    assert (again.subject_count, again.total_rupiah) == (3, 3 * ENVELOPE_RUPIAH)
    work(run_id=approved(again, at=LATER), at=LATER)
    assert revoked_ids() == list(people)


def test_who_asks_does_not_agree_and_the_one_who_agrees_has_seen_the_reason() -> None:
    factories.accepted(1)
    run_id, asker, other = approved(planned()), factories.officer(), factories.officer()

    def answer(officer_id: int, because: str = STUCK) -> object:
        refusal = stop_mass_run(run_id=run_id, officer_id=officer_id, because=because, at=LATER)
        return refusal and refusal.code

    assert answer(other.pk) is MassRefusal.STOP_NOT_ASKED
    stop_asked(run_id, asker.pk, f" {STUCK}\r\n")
    assert answer(asker.pk) is MassRefusal.STOP_SAME_PERSON
    assert answer(other.pk, "") is MassRefusal.STOP_CHANGED
    stop_asked(run_id, other.pk, "Daftar salah.")
    assert answer(other.pk, "Daftar salah.") is MassRefusal.STOP_SAME_PERSON, "who asked last is who asks"
    assert answer(asker.pk) is MassRefusal.STOP_CHANGED
    assert keep_mass_run(run_id=run_id) is None
    assert answer(asker.pk, "Daftar salah.") is MassRefusal.STOP_NOT_ASKED
    assert [keep.code for keep in [keep_mass_run(run_id=run_id)] if keep] == [MassRefusal.STOP_NOT_ASKED]
    assert work(at=LATER).subject_count == 1, "until a second person agrees the work goes on"


def test_only_an_approved_run_with_something_left_is_stopped() -> None:
    officer_id, other_id = factories.officer().pk, factories.officer().pk

    def codes(run_id: int) -> set[object]:
        refusals = (
            ask_to_stop_mass_run(run_id=run_id, officer_id=officer_id, because=STUCK, at=LATER),
            stop_mass_run(run_id=run_id, officer_id=other_id, because=STUCK, at=LATER),
            keep_mass_run(run_id=run_id),
        )
        return {refusal and refusal.code for refusal in refusals}

    assert codes(4711) == {MassRefusal.RUN_NOT_FOUND}
    factories.accepted(1)
    waiting = planned()
    assert codes(waiting.run_id or 0) == {MassRefusal.NOT_APPROVED}
    cancel_mass_run(run_id=waiting.run_id or 0, officer_id=officer_id, at=LATER)
    assert codes(waiting.run_id or 0) == {MassRefusal.RUN_CANCELLED}
    run_id = approved(planned())
    stop_asked(run_id, officer_id)
    work(at=LATER)
    MassRun.objects.filter(id=run_id).update(finished_at=None)  # as its runner leaves it that dies after the last chunk
    assert codes(run_id) == {MassRefusal.RUN_FINISHED}
    factories.accepted(1)
    stopped = approved(planned(at=LATER), at=LATER)
    stop_asked(stopped, officer_id)
    assert stop_mass_run(run_id=stopped, officer_id=other_id, because=STUCK, at=LATER) is None
    assert codes(stopped) == {MassRefusal.RUN_STOPPED}
    refusal = cancel_mass_run(run_id=stopped, officer_id=officer_id, at=LATER)
    assert refusal is not None and refusal.code is MassRefusal.RUN_STOPPED


@pytest.mark.parametrize(
    ("because", "code"),
    [
        (" \n", MassRefusal.STOP_REASON_EMPTY),
        ("x" * 1001, MassRefusal.STOP_REASON_TOO_LONG),
        ("a\x00b", MassRefusal.STOP_REASON_UNREADABLE),
    ],
)
def test_whoever_asks_says_why(because: str, code: MassRefusal) -> None:
    factories.accepted(1)
    run_id = approved(planned())
    refusal = ask_to_stop_mass_run(run_id=run_id, officer_id=factories.officer().pk, because=because, at=LATER)
    assert refusal is not None and refusal.code is code
    assert MassRun.objects.get(id=run_id).stop_asked_at is None


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ("stop_because = 'x'", "stop_asked_with_reason"),
        ("stop_asked_by_id = planned_by_id, stop_asked_at = now()", "stop_asked_with_reason"),
        ("stopped_by_id = approved_by_id, stopped_at = now()", "stopped_by_second_person"),
        ("stop_because = ''", "stop_asked_with_reason"),
        ("approved_by_id = NULL, approved_at = NULL, approved_sha256 = NULL", "stop_asked_with_reason"),
        ("stopped_by_id = stop_asked_by_id, stopped_at = now()", "stopped_by_second_person"),
        ("stopped_at = now()", "stopped_by_second_person"),
        ("stopped_by_id = approved_by_id, stopped_at = now(), finished_at = now()", "stopped_or_finished"),
    ],
)
def test_the_database_refuses_a_stop_that_is_none(change: str, constraint: str, request: pytest.FixtureRequest) -> None:
    """The first three where nobody has asked yet."""
    factories.accepted(1)
    run = plan_mass_run(operation=REVOKE, planned_by_id=factories.officer().pk, at=AT)
    approved(run)
    if request.node.callspec.indices["change"] >= 3:
        stop_asked(run.run_id or 0, factories.officer().pk)
    with pytest.raises(IntegrityError, match=f"lifecycle_massrun_{constraint}"), connection.cursor() as cursor:
        cursor.execute(f"UPDATE lifecycle_massrun SET {change}")


# Several at once


@pytest.mark.django_db(transaction=True)
def test_a_stopped_run_does_no_chunk_after_the_answer(race: Callable[..., list[Any]]) -> None:
    factories.accepted(30)
    run_id, asker, other = approved(planned()), factories.officer(), factories.officer()
    stop_asked(run_id, asker.pk)

    def stop() -> tuple[Any, list[int]]:
        return stop_mass_run(run_id=run_id, officer_id=other.pk, because=STUCK, at=LATER), revoked_ids()

    *_worked, (refusal, then) = race(*[lambda: work(at=LATER)] * 3, stop)
    state = mass_run(run_id)
    assert state is not None
    if refusal is None:
        assert revoked_ids() == then and state.state is MassState.STOPPED
    else:
        assert refusal.code is MassRefusal.RUN_FINISHED and len(revoked_ids()) == 30
    assert state.done_count == len(revoked_ids()) == 30 - state.undone_count


@pytest.mark.django_db(transaction=True)
def test_while_somebody_waits_to_end_a_run_every_worker_passes_it_by(race: Callable[..., list[Any]]) -> None:
    """However many workers hold a part of it by turns, nobody waits longer than for the parts under way."""
    factories.accepted(3)
    run_id = approved(planned())
    waiting, done = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            mass_work.hold_workers(run_id)
            waiting.set()
            done.wait()

    def pass_by() -> Worked:
        waiting.wait()
        try:
            return work(at=LATER)
        finally:
            done.set()

    _, worked = race(hold, pass_by)
    assert worked == Worked(0, 0, 0)
    assert work(at=LATER).subject_count == 3


@pytest.mark.django_db(transaction=True)
def test_two_who_agree_stop_it_once(race: Callable[..., list[Any]]) -> None:
    factories.accepted(1)
    run_id = approved(planned())
    stop_asked(run_id, factories.officer().pk)
    others = [factories.officer().pk, factories.officer().pk]
    answers = race(
        *(
            lambda officer_id=officer_id: stop_mass_run(run_id=run_id, officer_id=officer_id, because=STUCK, at=LATER)
            for officer_id in others
        )
    )
    assert sorted(refusal.code if refusal else "" for refusal in answers) == ["", MassRefusal.RUN_STOPPED]
