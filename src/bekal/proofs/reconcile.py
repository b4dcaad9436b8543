"""Spoil the papers of a bank in twelve ways, deliver them in any order, and compare the books with an oracle.

A run is sent over rails in a scratch database, a bank in this process books it and writes its papers. Each seed has a
bank of its own; each of the twelve cases has people of its own, whose papers it spoils. All are delivered mixed up and
repeated; then every payout must stand where the oracle says, the exceptions that must be open are open and no other,
nothing is called paid that the bank's own books have not paid unless an exception names it, what was called paid is not
planned again, and I1 to I12 hold.
Careless variants go through the same harness, and must be noticed.
"""

import random
from argparse import ArgumentParser
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest import mock

from django.db import connection, transaction

from bekal.incentives import answers
from bekal.incentives import close_day as closing
from bekal.incentives import plan_payout_run as plan
from bekal.incentives.models import Payout
from bekal.incentives.refusals import PayoutRefusal
from bekal.incentives.settle_payouts import settle_payouts
from bekal.proofs.arguments import add_common_arguments, seed_of, whole_number
from bekal.proofs.check import prove_ledger
from bekal.proofs.reconcile_cases import CORRUPTIONS, Case
from bekal.proofs.reconcile_oracle import ACCEPTED, RETURNED, SETTLED, Oracle, Paper, Trouble
from bekal.proofs.reconcile_world import HOUR, Desk, World
from bekal.proofs.report import bound, heading
from bekal.proofs.result_file import keep_progress, read_progress, write_result
from bekal.proofs.scratch import scratch_database
from bekal.proofs.small_world import midnight_of
from bekal.proofs.subjects import Output
from bekal.proofs.workers import Bar

SEEDS, FULL_SEEDS = 20, 1_000
REPEATED_SHARE = 0.3
PLANTED_TRIES = 10
TOLD_CHARACTERS = 300
STATES_SQL = """
SELECT payout.reference, status.state, status.reason_code
FROM incentives_payout payout JOIN LATERAL (
    SELECT state, reason_code FROM incentives_payoutstatus WHERE payout_id = payout.id ORDER BY id DESC LIMIT 1
) status ON true
"""
TROUBLES_SQL = "SELECT DISTINCT kind, partner, reference FROM incentives_payoutexception WHERE resolved_at IS NULL"


@dataclass(slots=True)
class Reconcile:
    """What was delivered and found."""

    seed: int
    seeds: int = 0
    cases: int = 0
    delivered: int = 0
    not_taken: int = 0
    closed: int = 0
    ended: dict[str, int] = field(default_factory=dict)  # state -> payouts
    troubles: dict[str, int] = field(default_factory=dict)  # kind -> exceptions
    planted: dict[str, str | None] = field(default_factory=dict)  # name -> what gave it away
    violations: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        """Everything ended as the oracle says, every careless variant was noticed, and each ending was among them."""
        told = {"sent", "settled", "rejected", "returned"} <= self.ended.keys() and bool(self.troubles) and self.closed
        noticed = bool(self.planted) and None not in self.planted.values()
        return self.seeds > 0 and bool(told) and not self.violations and noticed


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--seeds",
        type=whole_number(1),
        default=SEEDS,
        help=f"banks, each with every case (default {SEEDS}; the full proof has {FULL_SEEDS:,})",
    )
    add_common_arguments(parser)


def run(options: Mapping[str, Any], stdout: Output) -> int:
    """The command; 0 where everything ended as it must and every careless variant was noticed."""
    kept = read_progress("reconcile", options)
    found = Reconcile(**kept) if kept else Reconcile(seed_of(options))
    prove_reconcile(found, seeds=options["seeds"], path=options.get("resume"))
    stdout.write(heading("reconcile", seed=found.seed, cases=found.cases, files=found.delivered))
    for line in lines_of(found):
        stdout.write(line)
    write_result(options.get("result"), asdict(found), resumed=options.get("resume"))
    return 0 if found.holds else 1


def prove_reconcile(found: Reconcile, *, seeds: int, path: Path | None = None) -> None:
    """So many banks, in a database of their own, then the careless variants; how far it has come is kept in the file
    of that path after each bank."""
    with scratch_database("reconcile"):
        world = World(len(CORRUPTIONS))
        with Bar(seeds, "seeds") as bar:
            bar.update(found.seeds)
            while found.seeds < seeds:
                found.violations += one_seed(world, f"{found.seed}.{found.seeds}", list(CORRUPTIONS), found)
                found.seeds += 1
                keep_progress(path, "reconcile", asdict(found))
                bar.update(1)
        for name, (careless, cases) in PLANTED.items():
            found.planted[name] = _noticed(world, found.seed, careless, cases)
        keep_progress(path, "reconcile", asdict(found))


def _noticed(world: World, seed: int, careless: Callable[[], Any], cases: Sequence[str]) -> str | None:
    """What gave a careless variant away."""
    for number in range(PLANTED_TRIES):
        with careless():
            violations = one_seed(world, f"{seed}.planted.{number}", cases, Reconcile(0))
        if violations:
            return violations[0][:TOLD_CHARACTERS]
    return None


def one_seed(world: World, seed: str, cases: Sequence[str], found: Reconcile) -> list[str]:
    """One bank and these cases; what did not end as it must. Nothing of it stays."""
    rng = random.Random(seed)
    desk, oracle = Desk(world.now, rng), Oracle(world.ordered, world.files)
    for paper in world.yesterdays:
        oracle.take(paper)
    places = {name: place for place, name in enumerate(CORRUPTIONS)}
    queues = []
    for name in cases:
        place = places[name]
        yesterday = (world.desk_before, world.before.groups[place], world.yesterdays)
        papers = CORRUPTIONS[name](Case(desk, rng, world.now.groups[place], yesterday))
        queues.append((name, _ordered(rng, papers, keeps_order=name == "returned before it was paid")))
    with transaction.atomic():
        violations = [*_deliver(world, rng, queues, oracle, found)]
        violations += [*_compare(oracle, desk, found), *_pay_again(world, oracle), *_close(world, found)]
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        violations += [
            f"{each.invariant.name} {each.invariant.holds}: {each.rows[0]}"
            for each in prove_ledger(connection).violations
        ]
        transaction.set_rollback(True)
    found.cases += len(cases)
    desk.books.close()
    return [f"seed {seed}: {each}" for each in violations]


def _ordered(rng: random.Random, papers: Sequence[Paper], *, keeps_order: bool) -> list[Paper]:
    """The order in which they arrive: any, some of them again."""
    order = list(papers)
    if not keeps_order:
        rng.shuffle(order)
    return order + [paper for paper in papers if rng.random() < REPEATED_SHARE]


def _deliver(
    world: World, rng: random.Random, queues: Sequence[tuple[str, list[Paper]]], oracle: Oracle, found: Reconcile
) -> Iterator[str]:
    """Hand everything in, the cases mixed up; where a file is taken that must not be, or the other way round."""
    at = midnight_of(world.now.day) + 20 * HOUR
    waiting = [(name, iter(papers)) for name, papers in queues]
    while waiting:
        name, papers = chosen = rng.choice(waiting)
        paper = next(papers, None)
        if paper is None:
            waiting.remove(chosen)
            continue
        at += timedelta(minutes=1)
        taken = settle_payouts(partner=paper.partner, name=paper.name, content=paper.content, at=at).refusal is None
        wanted = oracle.take(paper)
        if taken != wanted:
            yield f"{name}: {paper.name} of {paper.partner} was {'taken' if taken else 'refused'}"
        found.delivered += 1
        found.not_taken += not wanted


def _compare(oracle: Oracle, desk: Desk, found: Reconcile) -> Iterator[str]:
    """The books against the oracle, and against the books of the bank."""
    with connection.cursor() as cursor:
        cursor.execute(STATES_SQL)
        states = {reference: (state, reason) for reference, state, reason in cursor.fetchall()}
        cursor.execute(TROUBLES_SQL)
        troubles = {Trouble(*row) for row in cursor.fetchall()}
    for reference, wanted in oracle.states.items():
        if states.get(reference) != wanted:
            yield f"{reference} is {states.get(reference)} instead of {wanted}"
    for trouble in sorted(troubles ^ oracle.troubles):
        yield f"{' '.join(trouble)} is {'open' if trouble in troubles else 'not open'}"
    named = {trouble.reference for trouble in troubles}
    for reference, ordered in desk.run.ordered.items():
        state = states[reference][0]
        paid = [one for one in desk.books.of_reference(ordered.partner, reference) if one.state in (SETTLED, RETURNED)]
        if state == SETTLED and not paid and reference not in named:
            yield f"{reference} is paid, and the bank has not paid it"
        found.ended[state] = found.ended.get(state, 0) + 1
    for trouble in troubles:
        found.troubles[trouble.kind] = found.troubles.get(trouble.kind, 0) + 1


def _pay_again(world: World, oracle: Oracle) -> Iterator[str]:
    """Plan the follow-up run: what a partner has called paid is not on it."""
    at = midnight_of(world.now.day) + 30 * HOUR
    planned = plan.plan_payout_run(planned_for=world.now.day, officer_id=world.small.officer_ids[0], at=at)
    listed = Payout.objects.filter(run_id=planned.run_id).order_by("reference")
    entitlements = set(listed.values_list("entitlement_id", flat=True))
    earlier = Payout.objects.filter(reference__in=oracle.never_again).order_by("reference")
    for reference, entitlement_id in earlier.values_list("reference", "entitlement_id"):
        if entitlement_id in entitlements:
            yield f"{reference} was called paid, and is to be paid again"


def _close(world: World, found: Reconcile) -> Iterator[str]:
    """Close what can be closed: whatever the papers said, every rupiah between them and the ledger has a name."""
    at = midnight_of(world.now.day) + 7 * 24 * HOUR
    for partner in sorted({ordered.partner for ordered in world.ordered.values()}):
        closed = closing.close_day(partner=partner, at=at)
        while closed.refusal is None:
            found.closed += 1
            closed = closing.close_day(partner=partner, at=at)
        if closed.refusal.code is PayoutRefusal.DAY_UNEXPLAINED:
            yield f"{partner}: {closed.day} has {closed.refusal.values['difference_rupiah']} rupiah without a name"


def lines_of(found: Reconcile) -> Iterator[str]:
    yield (
        f"{found.delivered:,} files delivered, {found.not_taken:,} of them refused whole; payouts ended "
        + ", ".join(f"{state} {number:,}" for state, number in sorted(found.ended.items()))
    )
    yield f"days closed over a statement: {found.closed:,}"
    yield "exceptions: " + ", ".join(f"{kind} {number:,}" for kind, number in sorted(found.troubles.items()))
    for violation in found.violations[:20]:
        yield f"VIOLATED {violation}"
    for name, gave_away in found.planted.items():
        yield f"careless: {name}: {'noticed' if gave_away else 'NOT NOTICED'}"
    yield f"violations: {len(found.violations):,}; {bound(found.cases)}"


def _passed_over(*kinds: str) -> Callable[[], Any]:
    """Lines with this trouble are not asked about: what they say is booked."""

    def careless(*given: Any) -> Any:
        trouble = original(*given)
        return None if trouble is not None and trouble.value in kinds else trouble

    original = answers._trouble
    return lambda: mock.patch.object(answers, "_trouble", careless)


def _never_repeats() -> Any:
    """What was said before of an end counts as said anew."""
    original = answers._repeats
    return mock.patch.object(
        answers, "_repeats", lambda line, payout: line.said.value == ACCEPTED and original(line, payout)
    )


def _first_word_ends_it() -> Any:
    """Whatever comes after an answer only repeats it."""
    original = answers._repeats
    return mock.patch.object(answers, "_repeats", lambda line, payout: original(line, payout) or bool(payout.said()))


def _return_waits_for_its_payment() -> Any:
    """What came back before it was told as paid is not believed."""
    original = answers._trouble

    def careless(line: Any, payout: Any, *given: Any) -> Any:
        early = payout is not None and line.said.value == RETURNED and not payout.was_settled
        return answers.Trouble.CONTRADICTION if early else original(line, payout, *given)

    return mock.patch.object(answers, "_trouble", careless)


def _asks_nobody() -> Any:
    """What was called rejected and paid is due again."""
    sql = plan.PLAN_SQL.replace("asked.resolved_at IS NULL", "false")
    return mock.patch.object(plan, "PLAN_SQL", sql)


@contextmanager
def _sums_are_believed() -> Iterator[None]:
    """The numbers that a file says of itself are not compared."""

    def has_trailer(reading: Any, text: str) -> None:
        reading.has_trailer = True

    with (
        mock.patch("bekal.incentives.partners.csv_rail._Reading._take_trailer", has_trailer),
        mock.patch("bekal.incentives.partners.camt.EntryTaker._notification", lambda taker, record: None),
    ):
        yield


PLANTED: Mapping[str, tuple[Callable[[], Any], Sequence[str]]] = {
    "the amount is not compared": (_passed_over("amount_mismatch"), ["another amount"]),
    "the partner is not compared": (_passed_over("other_partner"), ["the file of the other partner"]),
    "a repetition counts as news": (_never_repeats, ["a file of yesterday", "a line twice"]),
    "the contrary is passed over": (_first_word_ends_it, ["a second file with the contrary"]),
    "what is in question is paid again": (_asks_nobody, ["a second file with the contrary"]),
    "a return waits for its payment": (_return_waits_for_its_payment, ["returned before it was paid"]),
    "nobody looks for what no statement shows": (
        lambda: mock.patch.object(closing, "not_stated", lambda window: []),
        ["a file of yesterday", "a file that was cut"],
    ),
    "sums are believed": (_sums_are_believed, ["a wrong count or sum"]),
}
