"""Deliver sets of evidence messages in any order, repetition and split, and compare where all of it ends.

Random sets of what participant, institution, platform and programme say (denials, corrections, percentages, later days)
go through the real intake to purchases of their own in a scratch database, each set in several permutations. Every
delivery must end where the pure function ends for the set: state, case, completion and reconciliation, in SQL as well.
Careless variants go through the same harness, and must be noticed.
"""

import random
from argparse import ArgumentParser
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import partial
from itertools import count
from typing import Any
from unittest import mock

from bekal.proofs.arguments import add_common_arguments, seed_of, whole_number
from bekal.proofs.evidence_world import Delivery, Ending, Sets, World, expected
from bekal.proofs.report import bound, heading
from bekal.proofs.result_file import write_result
from bekal.proofs.scratch import scratch_database
from bekal.proofs.subjects import Output
from bekal.proofs.workers import Bar
from bekal.purchases import evidence_intake, reconcile, record_evidence

PERMUTATIONS, FULL_PERMUTATIONS = 1_000, 10_000
OF_A_SET = 10
AT_ONCE = 1_000
PLANTED_PERMUTATIONS, PLANTED_TRIES = 100, 10
# What gave a careless variant away is told to here; all of a state would fill the file of the result.
TOLD_CHARACTERS = 300


@dataclass(slots=True)
class Evidence:
    """What was delivered and found."""

    seed: int
    permutations: int = 0
    sets: int = 0
    messages: int = 0
    delivered: int = 0
    completed: int = 0
    reconciled: int = 0
    contested: int = 0
    planted: dict[str, str | None] = field(default_factory=dict)  # name -> what gave it away
    violations: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        """Nothing ended elsewhere, every careless variant was noticed, and each ending was among those compared."""
        noticed = bool(self.planted) and None not in self.planted.values()
        told = min(self.completed, self.reconciled, self.contested) > 0
        return self.permutations > 0 and told and not self.violations and noticed


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--permutations",
        type=whole_number(OF_A_SET),
        default=PERMUTATIONS,
        help=f"deliveries (default {PERMUTATIONS:,}; the full proof has {FULL_PERMUTATIONS:,})",
    )
    add_common_arguments(parser, resume=False)


def run(options: Mapping[str, Any], stdout: Output) -> int:
    """The command; 0 where every delivery ended alike and every careless variant was noticed."""
    evidence = Evidence(seed_of(options))
    prove_evidence(evidence, permutations=options["permutations"])
    stdout.write(heading("evidence", seed=evidence.seed, permutations=evidence.permutations, sets=evidence.sets))
    for line in lines_of(evidence):
        stdout.write(line)
    write_result(options.get("result"), asdict(evidence))
    return 0 if evidence.holds else 1


def prove_evidence(evidence: Evidence, *, permutations: int) -> None:
    """So many deliveries, in a database of their own, then the careless variants."""
    rng = random.Random(evidence.seed)
    with scratch_database("evidence"):
        world = World()
        with Bar(permutations, "permutations") as bar:
            while evidence.permutations < permutations:
                now = min(AT_ONCE, permutations - evidence.permutations)
                evidence.violations += _compare(world, now, rng, evidence)
                bar.update(now)
        for name, careless in PLANTED.items():
            evidence.planted[name] = _noticed(world, careless, rng)


def _noticed(world: World, careless: Callable[[], Any], rng: random.Random) -> str | None:
    """What gave a careless variant away."""
    for _ in range(PLANTED_TRIES):
        with careless():
            found = _compare(world, PLANTED_PERMUTATIONS, rng, Evidence(0))
        if found:
            return found[0][:TOLD_CHARACTERS]
    return None


def _compare(world: World, number: int, rng: random.Random, evidence: Evidence) -> list[str]:
    """Deliver so many permutations, several of each set, and say which of them did not end as their set does."""
    sets: Sets = []
    for purchase in world.purchases(number):
        if len(sets) == 0 or len(sets[-1].purchases) == OF_A_SET or not sets[-1].takes(purchase):
            sets.append(Delivery(world.messages(rng), [purchase]))
        else:
            sets[-1].purchases.append(purchase)
    evidence.delivered += world.deliver(sets, rng)
    endings = world.endings()
    violations = []
    for number_of_set, each in enumerate(sets, start=evidence.sets + 1):
        for purchase in each.purchases:
            wanted, found = expected(each, purchase), endings[purchase.purchase_id]
            wrong = differences(wanted, found, is_steady=each.is_steady)
            if wrong:
                violations.append(f"set {number_of_set}, purchase {purchase.purchase_id}: {wrong}")
            evidence.completed += wanted.is_completed
            evidence.reconciled += wanted.is_reconciled
            evidence.contested += wanted.case is not None
    evidence.permutations += number
    evidence.sets += len(sets)
    evidence.messages += sum(len(each.messages) for each in sets)
    return violations


def differences(wanted: Ending, found: Ending, *, is_steady: bool) -> str:
    """In which respects a delivery ended elsewhere; empty where it did not.

    A completion is kept from the day on which it was proven first: where something is taken back it may stand although
    the set, all in all, proves none. Where nothing is, it is there exactly when the set proves it."""
    wrong = [
        f"{name} {getattr(found, name)!r} instead of {getattr(wanted, name)!r}"
        for name in ("state", "by_sql", "case", "is_reconciled")
        if getattr(found, name) != getattr(wanted, name)
    ]
    if found.is_completed < wanted.is_completed or (is_steady and found.is_completed != wanted.is_completed):
        wrong.append(f"completed {found.is_completed} instead of {wanted.is_completed}")
    return "; ".join(wrong)


def lines_of(evidence: Evidence) -> Iterator[str]:
    yield (
        f"{evidence.messages:,} messages in {evidence.sets:,} sets, delivered {evidence.delivered:,} times: "
        f"{evidence.completed:,} completed, {evidence.reconciled:,} reconciled, {evidence.contested:,} contested"
    )
    for violation in evidence.violations[:20]:
        yield f"VIOLATED {violation}"
    for name, gave_away in evidence.planted.items():
        yield f"careless: {name}: {'noticed' if gave_away else 'NOT NOTICED'}"
    yield f"violations: {len(evidence.violations):,}; {bound(evidence.permutations)}"


@contextmanager
def _last_arrival_wins() -> Iterator[None]:
    """Each message that arrives counts as a newer revision than all before."""
    arrived = count(1)

    def content_of(message: record_evidence.Message) -> evidence_intake.Content:
        return original(message)._replace(revision=next(arrived) % record_evidence.MAX_REVISION + 1)

    original: Callable[[record_evidence.Message], evidence_intake.Content] = record_evidence.content_of
    with mock.patch.object(record_evidence, "content_of", content_of):
        yield


@contextmanager
def _completion_only_after_attendance() -> Iterator[None]:
    """A completion that comes before the last session is refused, and lost."""
    careless = partial(record_evidence.record_evidence, in_order=True)
    with mock.patch("bekal.proofs.evidence_world.record_evidence", careless):
        yield


@contextmanager
def _conflicts_pay() -> Iterator[None]:
    """What is contested is reconciled all the same."""
    sql = reconcile.EVIDENCE_SQL.replace("proof.conflicts", "false").replace("least = claimed AND", "")
    with mock.patch.object(reconcile, "EVIDENCE_SQL", sql):
        yield


@contextmanager
def _cases_stay_open() -> Iterator[None]:
    """A case that was opened is never closed."""
    with mock.patch.object(evidence_intake, "CLOSE_CASE_SQL", "SELECT %s, %s, %s"):
        yield


PLANTED: Mapping[str, Callable[[], Any]] = {
    "the last arrival wins": _last_arrival_wins,
    "a completion counts only after its attendance": _completion_only_after_attendance,
    "what is contested is paid": _conflicts_pay,
    "cases stay open": _cases_stay_open,
}
