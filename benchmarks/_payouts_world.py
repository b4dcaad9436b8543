"""Where payouts are measured: so many people to each of whom one instalment is due, built once and kept.

Accounts have numbers of their own, so that what is written into a file is read and decrypted as it is in the programme;
of one in 250 the bank knows something that keeps the money from it.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db.models import Min

from bekal.accounts.models import User
from bekal.incentives.approve_payout_run import approve_payout_run
from bekal.incentives.entitle import entitle
from bekal.incentives.export_payout_run import Exported, export_payout_run
from bekal.incentives.house_rails import Account, Form, Rail
from bekal.incentives.models import Entitlement
from bekal.incentives.plan_payout_run import plan_payout_run
from bekal.ledger.post import post_commitments
from bekal.participants.set_payout_account import NewAccount, set_payout_accounts
from bekal.proofs.workers import results_of
from benchmarks import _ledger_world as ledger_world
from benchmarks import kept
from benchmarks._costs import Figures
from benchmarks._ledger_proof import close_day
from benchmarks._ledger_world import JAKARTA
from benchmarks._programme import execute, led_to, step
from benchmarks.verbs import analyse, migrate

PARTNER, BIC = "bni", "BNINIDJA"
CHUNK_COUNT = 10_000
RUNNER_COUNT = 2
# One transfer in 250 fails, for each of these reasons in turn.
FAULT_EVERY = 250
FAULTS = ("AC04", "AC06", "BE01", "AM14")
CEILING_RUPIAH = 10_000_000
LARGE = (
    "ledger_transfer",
    "ledger_trainingbalance",
    "participants_participant",
    "participants_participation",
    "participants_payoutaccount",
    "purchases_purchase",
    "incentives_entitlement",
)


def name_of(payouts: int) -> str:
    return f"bekal_payouts_{payouts}"


@contextmanager
def restored(payouts: int) -> Iterator[None]:
    """A copy of the world of so many, for the length of the block; it is built first where there is none."""
    name = name_of(payouts)
    if not kept.exists(name):
        _build(name, payouts)
    with kept.restored(name) as copy, led_to(copy.name):
        print(f"a copy of {name} in {copy.seconds:.1f} s", flush=True)
        migrate()  # it may have been built before a table changed
        yield


def _build(name: str, payouts: int) -> None:
    """Under another name until it is whole: killed on the way, it is begun anew."""
    half = f"{name}_half"
    kept.drop(half)
    kept.create(half)
    started = time.perf_counter()
    with led_to(half):
        migrate()
        _fill(payouts)
    kept.rename(half, name)
    print(f"{name}: {kept.size_mib(name):,} MiB in {(time.perf_counter() - started) / 60:.1f} min", flush=True)


def _fill(payouts: int) -> None:
    whole = ledger_world.World(payouts, idle_percent=0)
    for table in LARGE:
        execute(f"ALTER TABLE {table} SET (autovacuum_enabled = off)")
    with step(f"{payouts:,} people with a place"):
        ledger_world.people(execute, whole)
    with step("their accounts"):
        in_chunks(payouts, _give_accounts)
    with step("their money"):
        in_chunks(
            payouts,
            lambda owners: post_commitments(
                owner_ids=owners, commitments=ledger_world.ENVELOPE, at=ledger_world.ACCEPTED_AT
            ),
        )
    figures: Figures = {}
    with step("two trainings bought, reconciled, the first settled"):
        ledger_world.trained(execute, whole)
    with step("what they have earned"):
        in_chunks(payouts, lambda ids: entitle(at=ledger_world.ENTITLED_AT, participation_ids=ids))
    close_day(figures)
    for table in LARGE:
        execute(f"ALTER TABLE {table} RESET (autovacuum_enabled)")
    with step("vacuumed"):
        analyse()


def in_chunks(people: int, work: Callable[[range], object]) -> None:
    """The verb for everybody, chunk by chunk, by two runners."""
    chunks = [range(first, min(first + CHUNK_COUNT, people + 1)) for first in range(1, people + 1, CHUNK_COUNT)]

    def turn(number: int) -> None:
        for chunk in chunks[number::RUNNER_COUNT]:
            work(chunk)

    results_of([lambda number=number: turn(number) for number in range(RUNNER_COUNT)])


def _give_accounts(people: Sequence[int]) -> None:
    accounts = [NewAccount(one, PARTNER, number_of(one), f"Peserta {one}") for one in people]
    at = ledger_world.ACCEPTED_AT - timedelta(days=8)
    for outcome in set_payout_accounts(accounts=accounts, at=at):
        if not outcome.verified:
            raise RuntimeError(f"an account could not be set: {outcome}")


def number_of(person: int) -> str:
    return f"{person:010d}"


@dataclass(frozen=True, slots=True)
class Officers:
    """Who plans and who approves, and the day of the run."""

    planner_id: int
    approver_id: int
    day: date

    def at(self, hour: int) -> datetime:
        return datetime(self.day.year, self.day.month, self.day.day, hour, tzinfo=JAKARTA)


def officers() -> Officers:
    """The two of this world, and the first day that money is due."""
    planner_id, approver_id = User.objects.order_by("id").values_list("id", flat=True)[:2]
    day = Entitlement.objects.aggregate(day=Min("payment_on"))["day"]
    return Officers(planner_id, approver_id, day)


def approved() -> int:
    """A run of everything that is due, planned and approved; its number."""
    who = officers()
    planned = plan_payout_run(planned_for=who.day, officer_id=who.planner_id, at=who.at(8))
    if planned.run_id is None or planned.list_sha256 is None:
        raise RuntimeError(f"there is nothing to pay: {planned}")
    seal = planned.list_sha256
    approve_payout_run(run_id=planned.run_id, officer_id=who.approver_id, list_sha256=seal, at=who.at(9))
    return planned.run_id


def exported(run_id: int) -> Exported:
    """The run as files of `pain.001`."""
    rails = {PARTNER: Rail(PARTNER, Form.PAIN_001, None, None, debtor(), BIC)}
    done = export_payout_run(run_id=run_id, at=officers().at(9), proof_limit=None, rails=rails)
    if done.refusal is not None:
        raise RuntimeError(f"the run is not exported: {done.refusal}")
    return done


def debtor() -> Account:
    return Account("Manajemen Pelaksana", "0000000001", BIC)
