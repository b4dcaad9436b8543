"""Planned as a sealed list, approved by a second person, worked off in chunks whose checkpoint commits with them."""

import hashlib
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any

import pytest

from bekal.ledger.movements import Kind
from bekal.ledger.queries import totals
from bekal.lifecycle import mass_runs as module
from bekal.lifecycle.mass_runs import (
    MassState,
    Worked,
    approve_mass_run,
    cancel_mass_run,
    mass_run,
    mass_runs,
    plan_mass_run,
    work,
)
from bekal.lifecycle.models import MassChunk, MassRun
from bekal.lifecycle.refusals import MassRefusal
from bekal.lifecycle.revoke import revoke
from bekal.participants.models import Participation
from bekal.purchases.buy import buy
from tests import factories
from tests.lifecycle.revoking import AT, ENVELOPE_RUPIAH, LATER, REVOKE, approved, fail_for, planned, revoked_ids

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHUNK_COUNT", 3)


def sha256_of(lines: Sequence[tuple[int, int]]) -> bytes:
    """As an auditor makes it from the list."""
    return hashlib.sha256("".join(f"{number},{amount}\n" for number, amount in lines).encode()).digest()


def test_a_plan_is_a_sealed_list_in_chunks() -> None:
    people = factories.accepted(7)
    run = planned()
    assert (run.subject_count, run.total_rupiah) == (7, 7 * ENVELOPE_RUPIAH)
    assert run.list_sha256 == sha256_of([(person, ENVELOPE_RUPIAH) for person in people])
    chunks = list(MassChunk.objects.order_by("number"))
    assert [chunk.subject_ids for chunk in chunks] == [list(people[:3]), list(people[3:6]), list(people[6:])]
    assert [chunk.number for chunk in chunks] == [1, 2, 3]
    assert not revoked_ids(), "a plan moves nothing"


def test_an_approved_run_does_what_the_verb_does_and_only_once() -> None:
    people = factories.accepted(7)
    run_id = approved(planned())
    assert work(run_id=run_id, at=LATER) == Worked(3, 7, 7 * ENVELOPE_RUPIAH)
    assert revoked_ids() == list(people)
    assert set(Participation.objects.order_by().values_list("revoked_at", flat=True)) == {AT}, "the run's own instant"
    assert totals()[Kind.TREASURY] == 0
    state = mass_run(run_id)
    assert state is not None and state.state is MassState.FINISHED and state.finished_at == LATER
    assert (state.done_count, state.done_rupiah, state.left_out_count) == (7, 7 * ENVELOPE_RUPIAH, 0)
    assert work(at=LATER) == Worked(0, 0, 0)


def test_money_moves_at_the_instant_of_the_approval_so_that_no_past_day_changes() -> None:
    factories.accepted(2)
    run, between = planned(), AT + timedelta(days=1)
    before = totals(as_of=between)
    run_id = approved(run, at=AT + timedelta(days=2))
    work(run_id=run_id, at=AT + timedelta(days=3))
    assert totals(as_of=between) == before and totals(as_of=AT + timedelta(days=2))[Kind.TREASURY] == 0
    # A clock that stepped back does not bring the approval before the plan.
    factories.accepted(1)
    second = planned(at=AT + timedelta(days=4))
    work(run_id=approved(second, at=AT), at=LATER)
    assert (
        totals(as_of=AT + timedelta(days=4))[Kind.TREASURY] == 0 > totals(as_of=AT + timedelta(days=3))[Kind.TREASURY]
    )


def test_nothing_is_worked_before_its_approval_or_after_its_cancellation() -> None:
    factories.accepted(2)
    run = planned()
    assert work(at=LATER) == work(run_id=run.run_id, at=LATER) == Worked(0, 0, 0)
    assert cancel_mass_run(run_id=run.run_id or 0, officer_id=factories.officer().pk, at=LATER) is None
    assert work(at=LATER) == Worked(0, 0, 0)
    assert not revoked_ids()
    assert planned().run_id != run.run_id, "a cancelled run is in nobody's way"


def test_one_open_run_of_an_operation() -> None:
    (person,) = factories.accepted(1)
    run = planned()
    again = plan_mass_run(operation=REVOKE, planned_by_id=None, at=LATER)
    assert again.run_id is None and again.refusal is not None
    assert (again.refusal.code, again.refusal.values) == (MassRefusal.RUN_OPEN, {"run_id": run.run_id})
    approved(run)
    assert plan_mass_run(operation=REVOKE, planned_by_id=None, at=LATER).refusal is not None, "at work is open, too"
    work(at=LATER)
    nothing = plan_mass_run(operation=REVOKE, planned_by_id=None, at=LATER)
    assert nothing.refusal is not None and nothing.refusal.code is MassRefusal.NOTHING_DUE
    assert revoked_ids() == [person]


def test_a_run_whose_worker_was_killed_after_its_last_chunk_is_finished_by_the_next() -> None:
    factories.accepted(1)
    run_id = approved(planned())
    work(at=LATER)
    MassRun.objects.filter(id=run_id).update(finished_at=None)
    factories.accepted(1)
    assert planned(at=LATER).run_id != run_id, "planning, too, finishes what is done"
    assert MassRun.objects.get(id=run_id).finished_at == LATER


@pytest.mark.parametrize("seen", [b"", b"x" * 32, b"\x00" * 31])
def test_an_approval_is_bound_to_the_list_that_was_shown(seen: bytes) -> None:
    factories.accepted(4)
    run_id = planned().run_id or 0
    refusal = approve_mass_run(run_id=run_id, officer_id=factories.officer().pk, list_sha256=seen, at=AT)
    assert refusal is not None and refusal.code is MassRefusal.LIST_CHANGED
    assert MassRun.objects.get(id=run_id).approved_at is None


def test_who_plans_does_not_approve() -> None:
    factories.accepted(1)
    planner, other = factories.officer(), factories.officer()
    run = plan_mass_run(operation=REVOKE, planned_by_id=planner.pk, at=AT)
    values = {"run_id": run.run_id or 0, "list_sha256": run.list_sha256 or b"", "at": AT}
    refusal = approve_mass_run(officer_id=planner.pk, **values)
    assert refusal is not None and refusal.code is MassRefusal.SAME_PERSON
    assert work(at=LATER) == Worked(0, 0, 0)
    assert approve_mass_run(officer_id=other.pk, **values) is None
    again = approve_mass_run(officer_id=other.pk, **values)
    assert again is not None and again.code is MassRefusal.ALREADY_APPROVED


def test_runs_in_another_state_are_neither_approved_nor_cancelled() -> None:
    officer_id = factories.officer().pk

    def codes(run_id: int, list_sha256: bytes = b"") -> list[object]:
        refusals = (
            approve_mass_run(run_id=run_id, officer_id=officer_id, list_sha256=list_sha256, at=AT),
            cancel_mass_run(run_id=run_id, officer_id=officer_id, at=AT),
        )
        return [refusal and refusal.code for refusal in refusals]

    assert codes(4711) == [MassRefusal.RUN_NOT_FOUND, MassRefusal.RUN_NOT_FOUND]
    factories.accepted(1)
    cancelled = planned().run_id or 0
    cancel_mass_run(run_id=cancelled, officer_id=officer_id, at=AT)
    assert codes(cancelled) == [MassRefusal.RUN_CANCELLED, MassRefusal.RUN_CANCELLED]
    assert codes(approved(planned())) == [MassRefusal.ALREADY_APPROVED, MassRefusal.ALREADY_APPROVED]
    factories.participants(1)
    accepting = planned(MassRun.Operation.ACCEPT_WAVE, wave_id=factories.wave().pk).run_id or 0
    work(at=AT)
    assert codes(accepting) == [MassRefusal.NO_APPROVAL_NEEDED, MassRefusal.RUN_FINISHED]


def test_who_buys_after_the_plan_keeps_the_place_and_the_run_says_so() -> None:
    people = factories.accepted(4)
    order = factories.order_for(people[1], factories.training(), at=AT - timedelta(days=1))
    run_id = approved(planned())
    (bought,) = buy(orders=[order], at=AT - timedelta(days=1))
    assert bought.refusal is None
    assert work(at=LATER) == Worked(2, 3, 3 * ENVELOPE_RUPIAH)
    assert people[1] not in revoked_ids()
    state = mass_run(run_id)
    assert state is not None
    assert (state.left_out_count, state.difference_rupiah) == (1, ENVELOPE_RUPIAH)


def test_a_chunk_that_fails_stays_free_and_stops_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    people = factories.accepted(7)
    run_id = approved(planned())
    with monkeypatch.context() as patch:
        fail_for(patch, people[4], RuntimeError("Siti Rahayu"))
        assert work(at=LATER) == Worked(2, 4, 4 * ENVELOPE_RUPIAH, failed_chunk_count=1)
        assert not set(people[3:6]) & set(revoked_ids())
        state = mass_run(run_id)
        assert state is not None and state.state is MassState.WORKING
        assert (state.failed_chunk_count, state.done_chunk_count) == (1, 2)
        chunk = MassChunk.objects.get(done_at=None)
        assert (chunk.failed_at, chunk.failure) == (LATER, "RuntimeError"), "an error's text may hold a name"
        soon = LATER + timedelta(minutes=5)
        assert work(at=soon, failed_before=LATER) == Worked(0, 0, 0), "not again at once"
        assert work(at=soon, failed_before=soon) == Worked(0, 0, 0, failed_chunk_count=1)
    assert work(at=LATER) == Worked(1, 3, 3 * ENVELOPE_RUPIAH)
    chunk.refresh_from_db()
    assert (chunk.failed_at, chunk.failure, chunk.done_count) == (None, "", 3)
    assert revoked_ids() == list(people)


def test_progress_is_told_after_each_chunk() -> None:
    factories.accepted(5)
    run_id = approved(planned())
    told: list[tuple[int, int, int, int]] = []
    work(
        at=LATER,
        progress=lambda one: told.append((one.run_id, one.chunk_count, one.done_chunk_count, one.done_count)),
    )
    assert told == [(run_id, 2, 1, 3), (run_id, 2, 2, 5)]


def test_a_limit_of_chunks_and_a_run_by_its_number() -> None:
    factories.accepted(7)
    run_id = approved(planned())
    assert work(at=LATER, chunk_limit=2).chunk_count == 2
    assert work(run_id=run_id + 1, at=LATER).chunk_count == 0
    assert work(run_id=run_id, at=LATER, chunk_limit=2).chunk_count == 1


def test_planning_is_one_statement_whatever_the_number(
    assert_queries: Callable[[int], AbstractContextManager[None]],
) -> None:
    factories.accepted(10)
    with assert_queries(4):
        planned()


def test_lists_of_runs() -> None:
    factories.accepted(1)
    first = planned().run_id or 0
    cancel_mass_run(run_id=first, officer_id=factories.officer().pk, at=AT)
    second = planned().run_id or 0
    assert [one.run_id for one in mass_runs()] == [second, first]
    assert [one.run_id for one in mass_runs(before_id=second)] == [first]
    assert [one.run_id for one in mass_runs(open_only=True)] == [second]
    assert [one.state for one in mass_runs()] == [MassState.WAITING, MassState.CANCELLED]
    assert mass_run(4711) is None


def test_a_naive_instant_and_an_unknown_operation_are_refused() -> None:
    with pytest.raises(ValueError, match="aware"):
        plan_mass_run(operation=REVOKE, planned_by_id=None, at=AT.replace(tzinfo=None))
    with pytest.raises(ValueError, match="pay_everybody"):
        plan_mass_run(operation="pay_everybody", planned_by_id=None, at=AT)


# Several at once


@pytest.mark.django_db(transaction=True)
def test_two_officers_who_plan_at_once_get_one_run(race: Callable[..., list[Any]]) -> None:
    factories.accepted(5)
    for _ in range(4):
        results = race(*[lambda: plan_mass_run(operation=REVOKE, planned_by_id=None, at=AT)] * 3)
        (made,) = [one for one in results if one.run_id is not None]
        assert [one.refusal.code for one in results if one.refusal] == [MassRefusal.RUN_OPEN] * 2
        cancel_mass_run(run_id=made.run_id, officer_id=factories.officer().pk, at=AT)


@pytest.mark.django_db(transaction=True)
def test_many_workers_share_a_run_and_no_chunk_is_done_twice(race: Callable[..., list[Any]]) -> None:
    people = factories.accepted(30)
    run_id = approved(planned())
    results = race(*[lambda: work(at=LATER)] * 4)
    assert sum(one.chunk_count for one in results) == 10
    assert sum(one.total_rupiah for one in results) == 30 * ENVELOPE_RUPIAH
    assert revoked_ids() == list(people)
    state = mass_run(run_id)
    assert state is not None and state.finished_at == LATER


@pytest.mark.django_db(transaction=True)
def test_a_cancelled_run_does_no_chunk_after_the_answer(race: Callable[..., list[Any]]) -> None:
    """The officer who cancels is answered when the chunk under way is done; what was done by then stays done."""
    factories.participants(30)
    wave, officer = factories.wave(), factories.officer()
    run_id = planned(MassRun.Operation.ACCEPT_WAVE, wave_id=wave.pk).run_id or 0

    def cancel() -> tuple[object, int]:
        refusal = cancel_mass_run(run_id=run_id, officer_id=officer.pk, at=AT)
        return refusal, Participation.objects.count()

    _worked, (refusal, accepted_count) = race(lambda: work(at=AT), cancel)
    if refusal is None:
        assert Participation.objects.count() == accepted_count
    else:
        assert Participation.objects.count() == 30
    state = mass_run(run_id)
    assert state is not None and state.done_count == Participation.objects.count()


@pytest.mark.django_db(transaction=True)
def test_a_run_and_the_verb_itself_share_the_people(race: Callable[..., list[Any]]) -> None:
    """Somebody who revokes by hand while the run works: everybody loses the place once."""
    people = factories.accepted(20)
    approved(planned())
    worked, by_hand = race(lambda: work(at=LATER), lambda: revoke(at=AT))
    assert worked.subject_count + by_hand.participation_count == 20
    assert worked.total_rupiah + by_hand.returned_rupiah == 20 * ENVELOPE_RUPIAH
    assert revoked_ids() == list(people)
    assert totals()[Kind.TREASURY] == 0
