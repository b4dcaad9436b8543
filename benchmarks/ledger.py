"""The ledger at a nation's scale: mass postings beside COPY, one purchase beside no check at all, and the proof of it.

    dev bench ledger [--people N] [--only mass,proof,purchase,verb] [--seconds S] [--no-write]

Ends with a table of targets. Only a whole run is written, since its ratios are of one moment. In databases of its own,
made and dropped here:

mass      for N buyers and 18 in a hundred more who never buy: every envelope committed (`post_commitments`) and every
          instalment planned (`entitle`), in chunks of 10,000 as a mass run works them, by one runner and by two in
          turns. Beside each the same rows by one COPY, read from a finished binary file, into a table with the same
          constraints and indexes (with the rows' numbers in the file, and drawing them from the sequence as the verb
          does) and into a bare heap; verb and COPY take turns, an eighth of the people each. Then the revocation of the
          idle, and finished runs once more, before the planner has ever been told a size and after. autovacuum is off.
proof     the digest chain closed over that world in four links, as the worker does it by night, and summed; then
          `manage prove ledger`: seconds, and memory beside a run that finds nothing to look at.
purchase  pgbench, 32 connections: the statement the program sends for a purchase (pgbench/purchase.sql) beside the same
          UPDATE and INSERT without any condition (pgbench/unchecked.sql), into the same tables and into bare ones.
verb      `buy` from 32 threads of one process, and where its time goes.
"""

import argparse
import sys
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

if not __package__:  # run as a file: its folder is on the path, the repository is not
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))


from benchmarks import machine
from benchmarks._copy import copy_beside, drop_peers, make_peers
from benchmarks._costs import Cost, Figures, Timer, ratios
from benchmarks._ledger_proof import close_day, proof
from benchmarks._ledger_targets import TARGETS
from benchmarks._programme import execute, own_programme, step
from benchmarks._targets import verdicts

ROOT = Path(__file__).resolve().parents[1]
SECTIONS = ("mass", "proof", "purchase", "verb")
CHUNK_COUNT, ROUND_COUNT, RUNNER_COUNT = 10_000, 8, 2
SEED = 1
LARGE = (
    "ledger_transfer",
    "ledger_trainingbalance",
    "participants_participant",
    "participants_participation",
    "participants_payoutaccount",
    "purchases_purchase",
    "incentives_entitlement",
    "incentives_payout",
    "incentives_payoutstatus",
)


def main(arguments: list[str] | None = None) -> int:
    """Exit code 0 when measured; 1 where a sum or the proof does not hold."""
    parser = argparse.ArgumentParser(prog="dev bench ledger", description="The ledger at a nation's scale.")
    parser.add_argument("--people", type=int, default=1_000_000, help="how many buy (default 1,000,000)")
    parser.add_argument("--only", default=",".join(SECTIONS), help=f"some of {', '.join(SECTIONS)}")
    parser.add_argument("--seconds", type=int, default=30, help="how long pgbench takes for each script (default 30)")
    parser.add_argument("--no-write", action="store_true", help="print only, leave the committed figures alone")
    options = parser.parse_args(arguments)
    sections = options.only.split(",")
    if unknown := set(sections) - set(SECTIONS):
        parser.error(f"there is no section {', '.join(sorted(unknown))}")
    print(f"{machine.one_line(machine.describe())}; seed {SEED}\n", flush=True)
    figures: Figures = {"people": options.people, "seed": SEED}
    failed = False
    if {"mass", "proof"} & set(sections):
        with own_programme("bekal_bench_ledger"):
            failed |= mass(options.people, figures)
            if "proof" in sections:
                failed |= proof(figures)
    if "purchase" in sections:
        with own_programme("bekal_bench_purchase"):
            from benchmarks import _ledger_purchase

            figures["purchase"] = _ledger_purchase.statements(options.seconds)
    if "verb" in sections:
        with own_programme("bekal_bench_verb"):
            from benchmarks import _ledger_purchase

            figures["verb"] = _ledger_purchase.verb(figures.get("purchase"))
    figures["targets"] = verdicts(figures, TARGETS)
    if not options.no_write and set(sections) == set(SECTIONS):
        print(f"\nWritten to {machine.write_result('ledger', figures)}")
    return 1 if failed else 0


# mass


def mass(people: int, figures: Figures) -> bool:
    """Build the world and measure the verbs on the way; True where a sum is wrong."""
    from bekal.ledger.post import post_commitments
    from benchmarks import _ledger_world as world

    whole = world.World(people)
    for table in LARGE:
        execute(f"ALTER TABLE {table} SET (autovacuum_enabled = off)")
        execute(f"ANALYZE {table}")
    with step(f"{whole.people_count:,} people with a place"):
        world.people(execute, whole)
        world.accounts(execute, whole)

    def commit(first: int, last: int) -> int:
        owners = range(first, last + 1)
        return post_commitments(owner_ids=owners, commitments=world.ENVELOPE, at=world.ACCEPTED_AT).transfer_count

    tables = {"ledger_transfer": "owner_id", "ledger_trainingbalance": "owner_id"}
    figures["posting"] = beside_copy("posting commitments", commit, tables, whole.people_count, 3)
    close_day(figures)
    with step("two trainings bought, reconciled, the first settled"):
        world.trained(execute, whole)
    close_day(figures)

    def plan(first: int, last: int) -> int:
        return entitle(at=world.ENTITLED_AT, participation_ids=range(first, last + 1)).entitlement_count

    from bekal.incentives.entitle import entitle

    tables = {"incentives_entitlement": "participation_id"}
    figures["planning"] = beside_copy("planning instalments", plan, tables, people, 4)
    failed = revoked(whole.idle_count, figures)
    close_day(figures)
    with step("the first instalment sent and paid"):
        world.paid(execute)
    close_day(figures)
    again(figures, "right after the bulk load")
    # What autovacuum does within minutes.
    execute("SELECT brin_summarize_new_values('ledger_transfer_posted_in')")
    execute("ANALYZE")
    again(figures, "once the planner knows the sizes")
    return failed


def beside_copy(
    name: str, verb: Callable[[int, int], int], tables: dict[str, str], people: int, rows_each: int
) -> Figures:
    """The verb for everybody, and the rows that it wrote by COPY into the same constraints and into bare heaps."""
    timer = Timer()
    for table in tables:
        make_peers(table)
    size = -(-people // ROUND_COUNT)
    written, people_of = 0, {1: 0, RUNNER_COUNT: 0}
    for number, first in enumerate(range(1, people + 1, size)):
        last, runners = min(first + size - 1, people), RUNNER_COUNT if number % 2 else 1
        people_of[runners] += last - first + 1
        written += worked(verb, range(first, last + 1), runners, timer)
        for table, owner in tables.items():
            copy_beside(table, f"{owner} BETWEEN {first} AND {last}", timer, runners)
    for table in tables:
        drop_peers(table)
    if written != rows_each * people:
        raise RuntimeError(f"{name}: {written:,} rows for {people:,} people")
    found = {
        words: ratios(timer.costs, runners, people_of[runners])
        for words, runners in (("one_runner", 1), ("two_runners", RUNNER_COUNT))
    }
    one, two = found["one_runner"], found["two_runners"]
    print(
        f"{name}: {one['verb']['people_per_second']:,} people/s, {rows_each} rows each, "
        f"{one['verb']['backend_microseconds_per_person']} µs of PostgreSQL's processor time per person; "
        f"by two runners {two['verb']['people_per_second']:,} people/s\n"
        f"  {one['of_copy']:.0%} of COPY into the same constraints ({one['same']['people_per_second']:,} people/s; by "
        f"processor time {one['processor_of_copy']:.0%}), two runners {two['of_copy']:.0%}\n"
        f"  {one['of_copy_that_draws_numbers']:.0%} of a COPY that draws the rows' numbers itself (by processor time "
        f"{one['processor_of_copy_that_draws_numbers']:.0%}), two runners {two['of_copy_that_draws_numbers']:.0%}\n"
        f"  {one['of_bare_copy']:.0%} of COPY into a bare heap ({one['bare']['people_per_second']:,} people/s; COPY "
        f"into the same constraints is {one['copy_of_bare_copy']:.0%} of that), two runners {two['of_bare_copy']:.0%}",
        flush=True,
    )
    return found


def worked(verb: Callable[[int, int], int], people: range, runners: int, timer: Timer) -> int:
    """The verb for these people, chunk by chunk, by so many runners at once; how many rows were written."""
    chunks = [(start, min(start + CHUNK_COUNT, people.stop) - 1) for start in people[::CHUNK_COUNT]]

    def work(turn: int) -> int:
        return sum(verb(*chunk) for chunk in chunks[turn::runners])

    if runners == 1:
        with timer("verb 1"):
            return work(0)
    from bekal.proofs.workers import results_of

    # The runners' backends are gone before they could be asked for their processor time.
    cost, started = timer.costs.setdefault(f"verb {runners}", Cost()), time.perf_counter()
    written = sum(results_of([lambda turn=turn: work(turn) for turn in range(runners)]))
    cost.seconds += time.perf_counter() - started
    return written


def revoked(idle_count: int, figures: Figures) -> bool:
    """Revoke everybody who bought nothing; True where the sum is not that of their envelopes."""
    from bekal.lifecycle.revoke import revocation_preview, revoke
    from benchmarks import _ledger_world as world

    timer = Timer()
    told = revocation_preview(at=world.REVOKED_AT)
    with timer("verb"):
        done = revoke(at=world.REVOKED_AT)
    wanted = idle_count * 3_550_000
    holds = (done.participation_count, done.returned_rupiah) == (idle_count, wanted) == (told.count, told.total_rupiah)
    figures["revocation"] = {
        "participation_count": done.participation_count,
        "returned_rupiah": done.returned_rupiah,
        "holds": holds,
        **timer.costs["verb"].figures(idle_count),
    }
    print(
        f"revocation: {done.participation_count:,} places returned Rp{done.returned_rupiah:,} "
        f"({'exactly their envelopes' if holds else f'BUT {wanted:,} WAS COMMITTED, {told} was told'}) "
        f"in {timer.costs['verb'].seconds:.1f} s",
        flush=True,
    )
    return not holds


def again(figures: Figures, when: str) -> None:
    """Every finished run once more, as verb and as a plan: it must find nothing."""
    from bekal.incentives.entitle import entitle
    from bekal.ledger.post import post_commitments
    from bekal.lifecycle.end_balances import end_balances
    from bekal.lifecycle.mass_runs import plan_mass_run
    from bekal.lifecycle.revoke import revoke
    from benchmarks import _ledger_world as world

    def commit() -> int:
        # What is posted again must be looked up key by key: one chunk, for all of them in one run nobody plans.
        owners = range(1, CHUNK_COUNT + 1)
        return post_commitments(owner_ids=owners, commitments=world.ENVELOPE, at=world.ACCEPTED_AT).transfer_count

    def plan(operation: str, at: datetime) -> Callable[[], int]:
        parameters = {"wave_id": 1} if operation == "accept_wave" else {}
        return lambda: (
            plan_mass_run(operation=operation, planned_by_id=None, at=at, parameters=parameters).subject_count
        )

    runs: dict[str, Callable[[], int]] = {
        "entitle": lambda: entitle(at=world.ENTITLED_AT).entitlement_count,
        "revoke": lambda: revoke(at=world.REVOKED_AT).participation_count,
        "end_balances": lambda: end_balances(at=world.ENTITLED_AT + timedelta(days=1)).participation_count,
        "post_commitments of one chunk": commit,
        "plan accept_wave": plan("accept_wave", world.ACCEPTED_AT),
        "plan entitle": plan("entitle", world.ENTITLED_AT),
        "plan revoke": plan("revoke", world.REVOKED_AT),
    }
    found = figures.setdefault("finished_again", {})[when] = {}
    for name, run in runs.items():
        started = time.perf_counter()
        if rows := run():
            raise RuntimeError(f"{name} again wrote {rows} rows")
        found[name] = round(time.perf_counter() - started, 2)
    print(f"finished runs again, {when}: 0 rows; " + ", ".join(f"{n} {s:.2f} s" for n, s in found.items()), flush=True)


if __name__ == "__main__":
    sys.exit(main())
