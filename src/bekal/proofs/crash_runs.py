"""What `prove crash` lets die: mass runs of every operation, how each ends undisturbed, what is wrong with another end.

The state of a person is a digest of everything the ledger and the lists hold of them, so that "nothing lost, nothing
doubled" is one comparison with a run that nobody disturbed.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from bekal.lifecycle import mass_runs
from bekal.lifecycle.mass_runs import approve_mass_run, plan_mass_run, work
from bekal.lifecycle.operations import OPERATIONS, Subject
from bekal.proofs.ledger_faults import ledger_faults
from bekal.proofs.scratch import scratch_database
from bekal.proofs.small_world import (
    ACCEPTED_AT,
    LAST_DAY_OF_BALANCE,
    LAST_DAY_TO_BUY_FIRST,
    RECONCILED_AT,
    World,
    jakarta,
    midnight_of,
)
from bekal.proofs.snapshot import snapshot

# At which instant each operation is planned; the people of a base are made so that each has somebody to touch.
INSTANTS: Mapping[str, datetime] = {
    "accept_wave": ACCEPTED_AT,
    "entitle": RECONCILED_AT + timedelta(hours=1),
    "revoke": midnight_of(LAST_DAY_TO_BUY_FIRST) + timedelta(days=1),
    "end_balances": midnight_of(LAST_DAY_OF_BALANCE) + timedelta(days=1),
    "settle_institutions": RECONCILED_AT + timedelta(days=8),
    "close_year": jakarta(2021, 7, 1),
}

STATE_SQL = """
SELECT p.participant_id, md5(concat_ws('|', p.wave_id, p.accepted_at, p.revoked_at, p.balance_ended_at, p.closed_at,
    (SELECT b.granted_rupiah || ' ' || b.remaining_rupiah FROM ledger_trainingbalance b WHERE b.owner_id = p.id),
    (SELECT string_agg(concat_ws(' ', t.debit_kind, t.credit_kind, t.reason, t.amount_rupiah, t.idempotency_key,
                                 t.posted_at), ',' ORDER BY t.idempotency_key, t.reason)
     FROM ledger_transfer t WHERE t.owner_id = p.id),
    (SELECT string_agg(concat_ws(' ', e.kind, e.instalment, e.amount_rupiah, e.payment_on, e.entitled_at), ','
                       ORDER BY e.kind, e.instalment)
     FROM incentives_entitlement e WHERE e.participation_id = p.id),
    (SELECT string_agg(concat_ws(' ', u.training_id, u.price_rupiah, u.reconciled_at, u.ended_at, u.ending,
                                 u.refunded_rupiah, s.ordered_at, s.settled_at), ',' ORDER BY u.training_id)
     FROM purchases_purchase u LEFT JOIN purchases_institutionsettlement s ON s.id = u.settlement_id
     WHERE u.participation_id = p.id)))
FROM participants_participation p
WHERE %(people)s::bigint[] IS NULL OR p.participant_id = ANY(%(people)s::bigint[])
"""
SHARED_SQL = """
SELECT md5(concat_ws('|',
    (SELECT string_agg(concat_ws(' ', institution_id, ordered_at, settled_at, purchase_count, total_rupiah), ','
                       ORDER BY institution_id, ordered_at, part) FROM purchases_institutionsettlement),
    (SELECT string_agg(concat_ws(' ', id, bought_count, completed_count), ',' ORDER BY id) FROM catalogue_training),
    (SELECT count(*) FROM ledger_transfer), (SELECT count(*) FROM incentives_entitlement)))
"""
CHUNKS_SQL = """
SELECT number, subject_ids, done_at IS NOT NULL, done_count, done_rupiah
FROM lifecycle_masschunk WHERE run_id = %s ORDER BY number
"""
RUN_SQL = "SELECT subject_count, total_rupiah, finished_at IS NOT NULL FROM lifecycle_massrun WHERE id = %s"
UNDONE_SQL = "SELECT count(*) FROM lifecycle_masschunk WHERE run_id = %s AND done_at IS NULL"
OWNERS_SQL: Mapping[str, str] = {
    Subject.PARTICIPATION: "SELECT id, participant_id FROM participants_participation",
    Subject.PURCHASE: (
        "SELECT u.id, p.participant_id FROM purchases_purchase u"
        " JOIN participants_participation p ON p.id = u.participation_id"
    ),
}
States = Mapping[int, str]


@dataclass(frozen=True, slots=True)
class Run:
    """One planned mass run of a base: by name, number and instant, with how it is before it and how it ends alone."""

    operation: str
    run_id: int
    at: datetime
    owners: Mapping[int, int]  # from a number on the list to the participant
    before: States
    after: States
    shared_after: str

    def work(self, *, chunk_limit: int | None = None) -> Any:
        return work(run_id=self.run_id, at=self.at, chunk_limit=chunk_limit)


@dataclass(frozen=True, slots=True)
class Base:
    """A database with one planned run of every operation, to be copied; nobody works in it."""

    name: str
    runs: tuple[Run, ...]


@contextmanager
def base_database(*, people: int, chunk_count: int) -> Iterator[Base]:
    """A base whose runs have about so many people each, in chunks of so many."""
    with scratch_database("crash_base") as database:
        planned = _plan_all(people, chunk_count)
        with looking() as look:
            before = _states(look)[0]
            owners = {operation: _owners(look, operation, run_id) for operation, run_id in planned.items()}
        runs = []
        for operation, run_id in planned.items():
            with transaction.atomic():
                alone = work(run_id=run_id, at=INSTANTS[operation])
                after, shared = _states(connection)
                transaction.set_rollback(True)
            if alone.failed_chunk_count or before == after:
                raise RuntimeError(f"the undisturbed run of {operation} did nothing or failed: {alone}")
            runs.append(Run(operation, run_id, INSTANTS[operation], owners[operation], before, after, shared))
        connections.close_all()
        yield Base(database.name, tuple(runs))


def _plan_all(people: int, chunk_count: int) -> dict[str, int]:
    """The people, and an approved run of every operation over them; their numbers."""
    world = World()
    trainings = [world.trainings(1, price_rupiah=price, session_count=2)[0] for price in (299_950, 999_950, 1_000_000)]
    world.accept(people)  # buy nothing
    buyers, earners = world.accept(people), world.accept(people)
    world.buy([(one, trainings[n % 3]) for n, one in enumerate(buyers)])
    proven = world.buy([(one, trainings[n % 3]) for n, one in enumerate(earners)])
    world.redeem(proven)
    world.prove(proven, sessions=2)
    world.reconcile(proven)
    waiting = world.register(people)
    parameters: dict[str, dict[str, Any]] = {
        "accept_wave": {"wave_id": world.wave(people).pk, "participant_ids": waiting},
        "close_year": {"year": 2020},
    }
    numbers: dict[str, int] = {}
    before, mass_runs.CHUNK_COUNT = mass_runs.CHUNK_COUNT, chunk_count
    try:
        for operation in OPERATIONS:
            at, (planner_id, officer_id) = INSTANTS[operation], world.officer_ids[:2]
            planned = plan_mass_run(
                operation=operation, planned_by_id=planner_id, at=at, parameters=parameters.get(operation, {})
            )
            if planned.run_id is None or planned.list_sha256 is None:
                raise RuntimeError(f"{operation} could not be planned: {planned.refusal}")
            if OPERATIONS[operation].needs_approval:
                sealed = planned.list_sha256
                refusal = approve_mass_run(
                    run_id=planned.run_id, officer_id=officer_id, list_sha256=sealed, at=at, proof_limit=None
                )
                if refusal is not None:
                    raise RuntimeError(f"{operation} could not be approved: {refusal}")
            numbers[operation] = planned.run_id
    finally:
        mass_runs.CHUNK_COUNT = before
    return numbers


@contextmanager
def looking() -> Iterator[BaseDatabaseWrapper]:
    """A connection of the role that can only read which stays open while this process forks: no worker uses it."""
    look = connections["proof"].copy()
    try:
        yield look
    finally:
        look.close()


def undone_count(run: Run, look: BaseDatabaseWrapper) -> int:
    """How many chunks are still to be done."""
    return int(_rows(look, UNDONE_SQL, [run.run_id])[0][0])


def torn(run: Run, look: BaseDatabaseWrapper) -> list[str]:
    """At any instant: of a chunk that is done everybody is as the undisturbed run leaves them, of one that is not
    everybody as before."""
    with snapshot(look) as cursor:
        cursor.execute(STATE_SQL, {"people": list(run.owners.values())})
        now = dict(cursor.fetchall())
        cursor.execute(CHUNKS_SQL, [run.run_id])
        chunks = cursor.fetchall()
    faults = []
    for number, subject_ids, done, _, _ in chunks:
        wanted = run.after if done else run.before
        wrong = [one for one in subject_ids if now.get(run.owners[one]) != wanted.get(run.owners[one])]
        if wrong:
            told = "done, and its work is not" if done else "not done, and its work is there"
            faults.append(f"{run.operation}: chunk {number} is {told} ({len(wrong)} of {len(subject_ids)} people)")
    return faults


def wrong_end(run: Run, look: BaseDatabaseWrapper) -> list[str]:
    """After the last runner: everything as the undisturbed run leaves it, each chunk done once, the ledger whole."""
    faults = torn(run, look)
    states, shared = _states(look)
    lost = [one for one, state in run.after.items() if states.get(one) != state]
    if lost or len(states) != len(run.after):
        faults.append(f"{run.operation}: {len(lost)} people end otherwise than undisturbed")
    if shared != run.shared_after:
        faults.append(f"{run.operation}: settlements, trainings or the number of transfers end otherwise")
    ((subject_count, total_rupiah, finished),) = _rows(look, RUN_SQL, [run.run_id])
    chunks = _rows(look, CHUNKS_SQL, [run.run_id])
    done = (sum(row[3] for row in chunks), sum(row[4] for row in chunks))
    if not finished or not all(row[2] for row in chunks):
        faults.append(f"{run.operation}: {sum(not row[2] for row in chunks)} chunks not done, finished: {finished}")
    if done != (subject_count, total_rupiah):
        faults.append(f"{run.operation}: planned {(subject_count, total_rupiah)}, its chunks say {done}")
    return faults + [f"{run.operation}: {fault}" for fault in ledger_faults()]


def _owners(look: BaseDatabaseWrapper, operation: str, run_id: int) -> dict[int, int]:
    subject_ids = [one for _, ids, *_ in _rows(look, CHUNKS_SQL, [run_id]) for one in ids]
    statement = OWNERS_SQL.get(OPERATIONS[operation].subject)
    if statement is None:
        return {one: one for one in subject_ids}
    participant_of = dict(_rows(look, statement))
    return {one: participant_of[one] for one in subject_ids}


def _states(look: BaseDatabaseWrapper) -> tuple[States, str]:
    with snapshot(look) as cursor:
        cursor.execute(STATE_SQL, {"people": None})
        states = dict(cursor.fetchall())
        cursor.execute(SHARED_SQL)
        (shared,) = cursor.fetchone()
    return states, shared


def _rows(look: BaseDatabaseWrapper, statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    with look.cursor() as cursor:
        cursor.execute(statement, values)
        found: list[tuple[Any, ...]] = cursor.fetchall()
    return found
