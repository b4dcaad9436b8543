"""What the contests of `prove race` have in common: rounds of rivals, what each was told, how the books look after."""

import random
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple

from django.db import connections

from bekal.ledger.copy_rows import int_array
from bekal.proofs.small_world import World

EXAMPLE_COUNT = 5


@dataclass(slots=True)
class Tally:
    """How the rounds of one contest ended."""

    round_count: int = 0
    attempt_count: int = 0
    violation_count: int = 0
    examples: list[str] = field(default_factory=list)
    outcomes: dict[str, int] = field(default_factory=dict)

    def add(self, other: "Tally") -> None:
        self.round_count += other.round_count
        self.attempt_count += other.attempt_count
        self.violation_count += other.violation_count
        self.examples = (self.examples + other.examples)[:EXAMPLE_COUNT]
        self.outcomes = dict(Counter(self.outcomes) + Counter(other.outcomes))

    @property
    def summary(self) -> str:
        return ", ".join(f"{count:,} {outcome}" for outcome, count in sorted(self.outcomes.items()))


class Contest(ABC):
    """One thing that rivals want at once. `prepare` makes rounds, each with people of its own; in each of the `stages`,
    one after the other, every rival makes its `attempt`, a call of the verb; `careless` is the same as somebody writes
    it who thinks of nobody else. `faults` says what is wrong with what the database holds afterwards."""

    name: ClassVar[str]
    rivals: ClassVar[int]
    stages: ClassVar[tuple[str, ...]] = ("",)
    expected: ClassVar[Mapping[str, Mapping[str, int]]] = {}  # by stage, where every round must be answered like that
    share: ClassVar[float] = 1.0  # of the attempts
    # By stage: rivals of different length start up to so far apart, so that each comes first at times.
    stagger_seconds: ClassVar[Mapping[str, float]] = {}
    side_by_side: ClassVar[bool] = True  # whether two rounds may run at the same time
    careless_stages: ClassVar[tuple[str, ...]] = ("",)
    own_database: ClassVar[bool] = False  # whether others' people would stand on its lists
    unguard: ClassVar[tuple[str, ...]] = ()  # takes out what would catch the careless variants

    def __init__(self, world: World) -> None:
        self.world = world
        self.rounds: list[Any] = []

    @abstractmethod
    def prepare(self, count: int, rng: random.Random) -> None:
        """Fill `rounds`."""

    @abstractmethod
    def attempt(self, round_: Any, stage: str, rival: int) -> str:
        """A rival's call; what came of it in a few words that are counted up to " of ". Empty: this rival had nothing
        to do in this stage."""

    @abstractmethod
    def careless(self, round_: Any, stage: str, rival: int) -> str:
        """The same without a lock and without a condition."""

    @abstractmethod
    def faults(self) -> Iterator[tuple[int, str]]:
        """(number of the round, what is wrong), read from the database."""

    def outcome(self, number: int, stage: str, rival: int, *, careless: bool) -> str:
        """What came of a call. A refusal is never an exception, so that any exception is a fault."""
        call = self.careless if careless else self.attempt
        try:
            return call(self.rounds[number], stage, rival)
        except Exception as error:
            connections.close_all()
            return f"RAISED {type(error).__name__}: {str(error)[:200]}"

    def judge(self, answers: Sequence[Mapping[str, Sequence[str]]]) -> Tally:
        """The tally of these rounds: what each rival was told, by stage, and what the database holds."""
        tally = Tally(round_count=len(answers))
        found: dict[int, str] = {}
        outcomes: Counter[str] = Counter()
        for number, given in enumerate(answers):
            told = [answer for stage in self.stages for answer in given.get(stage, ()) if answer]
            tally.attempt_count += len(told)
            outcomes.update(_counted(answer) for answer in told)
            fault = next(self._faults_of(given), None)
            if fault is not None:
                found[number] = fault
        for number, fault in self.faults():
            found.setdefault(number, fault)
        tally.outcomes = dict(outcomes)
        tally.violation_count = len(found)
        tally.examples = [f"round {number}: {fault}" for number, fault in list(found.items())[:EXAMPLE_COUNT]]
        return tally

    def _faults_of(self, given: Mapping[str, Sequence[str]]) -> Iterator[str]:
        """What is wrong with what the rivals of one round were told."""
        for stage, answers in given.items():
            yield from (answer for answer in answers if answer.startswith("RAISED"))
            counted = Counter(_counted(answer) for answer in answers)
            if len(answers) != self.rivals:
                yield f"{len(answers)} of {self.rivals} rivals answered"
            elif stage in self.expected and counted != Counter(dict(self.expected[stage])):
                yield f"told {dict(counted)}, not {dict(self.expected[stage])}"


def _counted(answer: str) -> str:
    return "RAISED" if answer.startswith("RAISED") else answer.partition(" of ")[0]


class Books(NamedTuple):
    """One owner's money as tables and transfers have it."""

    purchase_count: int
    price_rupiah: int
    granted_rupiah: int
    remaining_rupiah: int
    derived_rupiah: int
    escrow_rupiah: int
    outside_rupiah: int  # what is not in the treasury
    transfer_count: int
    revoked: bool
    ended: bool

    @property
    def agree(self) -> bool:
        """Whether purchases, escrow, stored and derived balance tell the same story."""
        return self.remaining_rupiah == self.derived_rupiah and self.escrow_rupiah == self.price_rupiah


BOOKS_SQL = """
SELECT owner.id, coalesce(bought.number, 0), coalesce(bought.price_rupiah, 0), balance.granted_rupiah,
       balance.remaining_rupiah, coalesce(money.balance, 0), coalesce(money.escrow, 0), coalesce(money.outside, 0),
       coalesce(money.number, 0), owner.revoked_at IS NOT NULL, owner.balance_ended_at IS NOT NULL
FROM participants_participation owner
JOIN ledger_trainingbalance balance ON balance.owner_id = owner.id
LEFT JOIN (SELECT participation_id, count(*) AS number, sum(price_rupiah)::bigint AS price_rupiah
           FROM purchases_purchase WHERE participation_id = ANY(%(ids)s::bigint[]) GROUP BY 1) bought
    ON bought.participation_id = owner.id
LEFT JOIN (
    SELECT owner_id, count(*) / 2 AS number,
           sum(amount) FILTER (WHERE kind = 2)::bigint AS balance,
           sum(amount) FILTER (WHERE kind = 3)::bigint AS escrow,
           sum(amount) FILTER (WHERE kind <> 1)::bigint AS outside
    FROM (SELECT owner_id, credit_kind AS kind, amount_rupiah AS amount FROM ledger_transfer
          WHERE owner_id = ANY(%(ids)s::bigint[])
          UNION ALL
          SELECT owner_id, debit_kind, -amount_rupiah FROM ledger_transfer
          WHERE owner_id = ANY(%(ids)s::bigint[])) entry
    GROUP BY owner_id) money ON money.owner_id = owner.id
WHERE owner.id = ANY(%(ids)s::bigint[])
"""


def books_of(owner_ids: Collection[int]) -> dict[int, Books]:
    """The books of these owners, by the role that can only read."""
    return {number: Books(*rest) for number, *rest in rows(BOOKS_SQL, {"ids": int_array(owner_ids)})}


def rows(statement: str, values: Any = None) -> list[tuple[Any, ...]]:
    """The rows of a question, by the role that can only read."""
    with connections["proof"].cursor() as cursor:
        cursor.execute(statement, values)
        found: list[tuple[Any, ...]] = cursor.fetchall()
    return found


def one(statement: str, values: Any = None) -> tuple[Any, ...] | None:
    """The first row of a careless question, if there is one, by the program's role."""
    with connections["default"].cursor() as cursor:
        cursor.execute(statement, values)
        row: tuple[Any, ...] | None = cursor.fetchone()
    return row


def do(statement: str, values: Any = None) -> None:
    """A careless statement, by the program's role."""
    with connections["default"].cursor() as cursor:
        cursor.execute(statement, values)
