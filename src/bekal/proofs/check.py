"""Runs the invariants and says what it looked at: a proof that saw nothing proves nothing.

Two connections share one snapshot of the database, so that both cores of a small machine work: each takes the next
look, the heavy ones first. The rows never reach this program, only what breaks an invariant does.
"""

import json
import threading
import time
from collections.abc import Callable, Container, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from queue import Empty, SimpleQueue
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

from bekal.ledger.clock import programme_now
from bekal.ledger.proof_results import record_proof_result
from bekal.proofs.chain import DigestCheck, Recomputation
from bekal.proofs.exceptions import EXPLAINED, OpenItem, open_items, unexplained
from bekal.proofs.invariants import LOOKS
from bekal.proofs.invariants_owner import OWNERS, OWNERS_SMALL, SMALL_RUPIAH
from bekal.proofs.look import Invariant, Look
from bekal.proofs.snapshot import snapshot

CONNECTION_COUNT = 2
# Of the proof's own session. After a bulk load the planner knows little: without nested loops it cannot go far wrong.
SESSION = {
    "work_mem": "192MB",
    "hash_mem_multiplier": "4",
    "max_parallel_workers_per_gather": "0",
    "jit": "off",
    "enable_nestloop": "off",
    "enable_mergejoin": "off",
}
UNCHANGED = Invariant("I10", "history is unchanged: every link of the digest chain recomputes", "", "", only_now=True)
SUMMED = Invariant("I1", "all kinds together sum to Rp0", "", "")
# What the treasury has given, less what came back, is in the other ten kinds; there is no twelfth.
TREASURY, ELSEWHERE = 1, range(2, 12)
SEEN_SQL = """
SELECT debit_kind, credit_kind, reason, count(*), sum(amount_rupiah)::bigint, max(amount_rupiah), min(amount_rupiah)
FROM ledger_transfer WHERE posted_at <= %(as_of)s GROUP BY 1, 2, 3
"""
COUNTS_SQL = """
SELECT (SELECT count(*) FROM participants_participation WHERE accepted_at <= %(as_of)s),
       (SELECT count(*) FROM incentives_payout)
"""
Step = Callable[[Any], None]


@dataclass(frozen=True, slots=True)
class Violation:
    """One invariant that does not hold, with the first rows that break it (column -> value)."""

    invariant: Invariant
    rows: tuple[dict[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Proof:
    """What was checked as of which instant (None: now), over how many rows, and what was found.

    `looked_at` is when the snapshot was taken, by the clock of the database's server; `kinds` has what went into and
    out of each kind, `digest` is None as of a past instant."""

    as_of: datetime | None
    proved_at: datetime
    looked_at: datetime
    duration_seconds: float
    checked: tuple[Invariant, ...]
    transfer_count: int
    participation_count: int
    payout_count: int
    total_in_rupiah: int
    kinds: dict[int, tuple[int, int]]
    open_items: tuple[OpenItem, ...]
    digest: DigestCheck | None
    violations: tuple[Violation, ...]


class _Findings:
    """What the steps have found so far, whichever connection they ran on."""

    def __init__(self, as_of: datetime | None, proved_at: datetime) -> None:
        self.as_of = as_of
        self.proved_at = proved_at
        self.violations: list[Violation] = []
        self.moved: dict[tuple[int, int, int], int] = {}
        self.largest_rupiah = 0
        self.items: tuple[OpenItem, ...] = ()
        self.transfer_count = self.participation_count = self.payout_count = 0
        self.chain = Recomputation()

    @property
    def _bound(self) -> object:
        return self.as_of or "infinity"

    def look(self, look: Look) -> Step:
        def step(cursor: Any) -> None:
            for invariant, rows in look.violations(cursor, self._bound, now=self.as_of is None):
                self.violations.append(Violation(invariant, rows))

        return step

    def list_open(self, cursor: Any) -> None:
        self.items = tuple(open_items(cursor, self.as_of, at=self.as_of or self.proved_at))

    def count(self, cursor: Any) -> None:
        cursor.execute(SEEN_SQL, {"as_of": self._bound})
        for debit, credit, reason, count, rupiah, largest, smallest in cursor.fetchall():
            self.moved[debit, credit, reason] = rupiah
            self.largest_rupiah = max(self.largest_rupiah, largest, -smallest)
            self.transfer_count += count
        cursor.execute(COUNTS_SQL, {"as_of": self._bound})
        self.participation_count, self.payout_count = cursor.fetchone()

    def owners(self, cursor: Any) -> None:
        self.look(OWNERS_SMALL if self.largest_rupiah <= SMALL_RUPIAH else OWNERS)(cursor)

    def conclude(self, cursor: Any) -> None:
        """What needs the findings of several steps."""
        treasury, elsewhere = self._held((TREASURY,)), self._held(ELSEWHERE)
        if treasury + elsewhere:
            self.violations.append(Violation(SUMMED, ({"treasury": treasury, "elsewhere": elsewhere},)))
        if rows := unexplained(cursor, self.items, self.moved, self.as_of):
            self.violations.append(Violation(EXPLAINED, tuple(rows)))
        if self.as_of is None and (differences := self.chain.result().differences):
            self.violations.append(Violation(UNCHANGED, tuple({"difference": each} for each in differences)))

    def _held(self, kinds: Container[int]) -> int:
        """What went into these kinds less what went out of them."""
        return sum(rupiah * ((credit in kinds) - (debit in kinds)) for (debit, credit, _), rupiah in self.moved.items())

    @property
    def kinds(self) -> dict[int, tuple[int, int]]:
        """What went into and out of each kind."""
        kinds: dict[int, tuple[int, int]] = {}
        for (debit, credit, _), rupiah in self.moved.items():
            into, out = kinds.get(credit, (0, 0))
            kinds[credit] = (into + rupiah, out)
            into, out = kinds.get(debit, (0, 0))
            kinds[debit] = (into, out + rupiah)
        return kinds

    @property
    def total_in_rupiah(self) -> int:
        return sum(rupiah for (_, _, reason), rupiah in self.moved.items() if reason in (1, 9))


def prove_ledger(connection: BaseDatabaseWrapper, *, as_of: datetime | None = None) -> Proof:
    """Check every invariant in one snapshot of the database, read-only. Amounts are whole rupiah.

    With `as_of` only what has a history is checked; raises ValueError for a naive instant."""
    if as_of is not None and as_of.tzinfo is None:
        raise ValueError("as_of must be an aware datetime")
    started = time.perf_counter()
    findings = _Findings(as_of, programme_now())
    others = [findings.look(look) for look in LOOKS if look is not OWNERS]
    with snapshot(connection) as cursor, _tuned(cursor):
        # The setting of `_tuned` was the first question, so the snapshot is there: whoever commits from here on is not
        # in it.
        cursor.execute("SELECT clock_timestamp()")
        (looked_at,) = cursor.fetchone()
        findings.count(cursor)
        chain: list[Step] = []
        if as_of is None:
            findings.chain.begin(cursor)
            chain += findings.chain.steps()
        _share(connection, cursor, [findings.owners, others[0], findings.list_open, *others[1:], *chain])
        findings.conclude(cursor)
    checked = checked_invariants(now=as_of is None)
    order = {invariant: place for place, invariant in enumerate(checked)}
    return Proof(
        as_of=as_of,
        proved_at=findings.proved_at,
        looked_at=looked_at,
        duration_seconds=time.perf_counter() - started,
        checked=checked,
        transfer_count=findings.transfer_count,
        participation_count=findings.participation_count,
        payout_count=findings.payout_count,
        total_in_rupiah=findings.total_in_rupiah,
        kinds=findings.kinds,
        open_items=findings.items,
        digest=findings.chain.result() if as_of is None else None,
        violations=tuple(sorted(findings.violations, key=lambda violation: order[violation.invariant])),
    )


def checked_invariants(*, now: bool) -> tuple[Invariant, ...]:
    """What a proof of now, or of a past instant, checks: I1 first."""
    checked = [each for look in LOOKS for each in look.checked(now=now)]
    checked += [SUMMED, UNCHANGED, EXPLAINED] if now else [SUMMED, EXPLAINED]
    return tuple(sorted(checked, key=lambda invariant: int(invariant.name[1:])))


def record(proof: Proof, *, at: datetime | None = None) -> None:
    """Keep the result, with the program's own role: the proof's can only read."""
    record_proof_result(
        as_of=proof.as_of,
        proved_at=at or proof.proved_at,
        looked_at=proof.looked_at,
        duration_ms=round(proof.duration_seconds * 1000),
        transfer_count=proof.transfer_count,
        participation_count=proof.participation_count,
        check_count=len(proof.checked),
        violations=[
            {"name": each.invariant.name, "holds": each.invariant.holds, "rows": _plain(each.rows)}
            for each in proof.violations
        ],
        kinds=proof.kinds,
        digest_sha256=None if proof.digest is None else proof.digest.head_sha256,
    )


def _plain(rows: Iterable[dict[str, Any]]) -> Any:
    return json.loads(json.dumps(list(rows), default=str))


@contextmanager
def _tuned(cursor: Any) -> Iterator[None]:
    """The proof's settings until the end of the block; in somebody else's transaction theirs come back after it."""
    names = list(SESSION)
    set_all = "SELECT " + ", ".join(["set_config(%s, %s, true)"] * len(names))
    cursor.execute("SELECT " + ", ".join(["current_setting(%s)"] * len(names)), names)
    before = cursor.fetchone()
    cursor.execute(set_all, [part for name in names for part in (name, SESSION[name])])
    yield
    cursor.execute(set_all, [part for pair in zip(names, before, strict=True) for part in pair])


def _share(connection: BaseDatabaseWrapper, cursor: Any, work: list[Step]) -> None:
    """Do all steps, on several connections with this one's snapshot where it is ours to give away."""
    waiting: SimpleQueue[Step] = SimpleQueue()
    for step in work:
        waiting.put(step)
    with _helpers(connection, cursor, waiting):
        _work_off(cursor, waiting)


def _work_off(cursor: Any, waiting: "SimpleQueue[Step]") -> None:
    while True:
        try:
            step = waiting.get_nowait()
        except Empty:
            return
        step(cursor)


@contextmanager
def _helpers(connection: BaseDatabaseWrapper, cursor: Any, waiting: "SimpleQueue[Step]") -> Iterator[None]:
    """Further connections that take steps, too, each in a thread; their errors are raised here."""
    errors: list[BaseException] = []
    if not connection.get_autocommit():
        yield
        return
    cursor.execute("SELECT pg_export_snapshot()")
    (name,) = cursor.fetchone()
    threads = [
        threading.Thread(target=_help, args=(connection, name, waiting, errors)) for _ in range(CONNECTION_COUNT - 1)
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    except BaseException:
        _give_up(waiting)
        raise
    finally:
        for thread in threads:
            thread.join()
    if errors:
        raise errors[0]


def _give_up(waiting: "SimpleQueue[Step]") -> None:
    """Nobody takes a further step: the proof has failed to run."""
    with suppress(Empty):
        while True:
            waiting.get_nowait()


def _help(
    connection: BaseDatabaseWrapper, name: str, waiting: "SimpleQueue[Step]", errors: list[BaseException]
) -> None:
    other = connection.copy()
    try:
        with snapshot(other, shared=name) as cursor, _tuned(cursor):
            _work_off(cursor, waiting)
    except BaseException as error:
        errors.append(error)
        _give_up(waiting)
    finally:
        other.close()
