"""End balances to the microsecond, in every time zone, with a clock that steps back, down to the last Rp50.

Whatever zone the machine, the database's session or the instant itself is written in: until the last microsecond of
the last day in Jakarta nothing ends and everything can be spent, with the next everything returns, the last Rp50 too.
Verbs with another notion of the day are planted in the same harness, and must be noticed.
"""

import os
import random
import time
from argparse import ArgumentParser
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any
from unittest import mock
from zoneinfo import ZoneInfo

from django.db import connection, connections, transaction

from bekal.core.money import format_rupiah
from bekal.lifecycle.end_balances import Ended, end_balances
from bekal.lifecycle.mass_runs import approve_mass_run, plan_mass_run, work
from bekal.proofs.arguments import add_common_arguments, seed_of, whole_number
from bekal.proofs.ledger_faults import ledger_faults
from bekal.proofs.report import heading
from bekal.proofs.result_file import write_result
from bekal.proofs.scratch import owner_cursor, scratch_database
from bekal.proofs.small_world import LAST_DAY_OF_BALANCE, World, midnight_of
from bekal.proofs.subjects import Output
from bekal.proofs.workers import Bar, WorkerFailed, fork
from bekal.proofs.yearend_world import balances_by_number, left_over, many_balances, wrong_returns
from bekal.purchases.buy import buy

BALANCES = 3_000
# Programme, the two other zones of the country, the server's, and one that is still in yesterday.
ZONES = ("Asia/Jakarta", "Asia/Makassar", "Asia/Jayapura", "UTC", "America/Los_Angeles")
NEXT_AT = midnight_of(LAST_DAY_OF_BALANCE + timedelta(days=1))
LAST_AT = NEXT_AT - timedelta(microseconds=1)
BACK_AT = NEXT_AT - timedelta(hours=1)
BUYERS_A_ZONE = 4
EXAMPLE_COUNT = 10


@dataclass(slots=True)
class Yearend:
    """What was tried and found."""

    seed: int
    balance_count: int = 0
    before_rupiah: int = 0
    returned_rupiah: int = 0
    ended_by: dict[str, int] = field(default_factory=dict)  # zone or way -> balances
    last_purchases: int = 0
    planted: dict[str, str | None] = field(default_factory=dict)  # name -> what gave it away
    violations: list[str] = field(default_factory=list)
    setup_seconds: float = 0.0
    seconds: float = 0.0

    @property
    def holds(self) -> bool:
        noticed = bool(self.planted) and None not in self.planted.values()
        return self.balance_count > 0 and not self.violations and noticed

    def expect(self, right: bool, otherwise: str) -> None:
        if not right:
            self.violations.append(otherwise)


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--balances", type=whole_number(0), default=BALANCES, help=f"how many end (default {BALANCES:,})"
    )
    add_common_arguments(parser, resume=False)


def run(options: Mapping[str, Any], stdout: Output) -> int:
    """The command; 0 where every balance returned in its microsecond and every planted day was noticed."""
    yearend = Yearend(seed_of(options))
    prove_yearend(yearend, balances=options["balances"])
    stdout.write(heading("yearend", seed=yearend.seed, balances=yearend.balance_count, zones=len(ZONES)))
    for line in lines_of(yearend):
        stdout.write(line)
    write_result(options.get("result"), asdict(yearend))
    return 0 if yearend.holds else 1


def prove_yearend(yearend: Yearend, *, balances: int) -> None:
    """So many balances (at least one of each kind for every zone), in a database of their own."""
    with scratch_database("yearend"):
        started = time.monotonic()
        rng = random.Random(yearend.seed)
        world = World()
        owner_ids = many_balances(world, max(balances, 6 * 5), rng)
        rng.shuffle(owner_ids)
        buyers = world.accept(BUYERS_A_ZONE * len(ZONES))
        first, last = (world.trainings(1, price_rupiah=price)[0] for price in (299_950, 700_000))
        world.buy([(one, first) for one in buyers])
        orders = world.orders([(one, last) for one in buyers], at=LAST_AT)
        with owner_cursor() as cursor:
            cursor.execute("ANALYZE")
        before = balances_by_number()
        yearend.setup_seconds = round(time.monotonic() - started, 1)
        started = time.monotonic()
        _plant(yearend, owner_ids[:50])
        _until_the_last_microsecond(yearend, before, orders)
        before = balances_by_number()
        yearend.balance_count, yearend.before_rupiah = len(before), sum(before.values())
        _from_the_next(yearend, owner_ids, before, world)
        _afterwards(yearend, before, orders)
        yearend.seconds = round(time.monotonic() - started, 1)


def in_zone(zone: str, task: Callable[[], Any]) -> Any:
    """What the task gives in a process, and a session of the database, that live in that zone. Raises WorkerFailed
    where that process raises or is killed: neither is an answer."""

    def there() -> Any:
        os.environ["TZ"] = zone
        time.tzset()
        connections.settings["default"]["TIME_ZONE"] = zone
        for known in ("timezone", "timezone_name"):
            vars(connections["default"]).pop(known, None)
        with connection.cursor() as cursor:
            cursor.execute("SHOW TimeZone")
            if cursor.fetchone() != (zone,):
                raise RuntimeError(f"the session of the database does not live in {zone}")
        return task()

    return fork(there).value()


def _until_the_last_microsecond(yearend: Yearend, before: Mapping[int, int], orders: Sequence[Any]) -> None:
    """Nothing ends on the last day, and what is left can be spent."""
    for number, zone in enumerate(ZONES):
        at = LAST_AT.astimezone(ZoneInfo(zone))
        ended = in_zone(zone, partial(end_balances, at=at))
        yearend.expect(ended == Ended(0, 0), f"{zone}: {ended} in the last microsecond of the last day")
        wanted = orders[number * BUYERS_A_ZONE : (number + 1) * BUYERS_A_ZONE]
        bought = in_zone(zone, partial(buy, orders=wanted, at=at))
        refused = [str(outcome.refusal.code) for outcome in bought if outcome.refusal is not None]
        yearend.expect(not refused, f"{zone}: purchases in the last microsecond were refused: {refused}")
        yearend.last_purchases += len(bought) - len(refused)
    now = balances_by_number()
    spent = {order.participation_id: order.price_rupiah for order in orders}
    moved = [one for one, left in before.items() if now[one] != left - spent.get(one, 0)]
    yearend.expect(not moved, f"{len(moved)} balances changed before the end otherwise than by a purchase")


def _from_the_next(yearend: Yearend, owner_ids: Sequence[int], before: Mapping[int, int], world: World) -> None:
    """Everything returns: a part of the people in each zone, the rest by a mass run while the clock steps back."""
    groups = [owner_ids[number :: len(ZONES) + 1] for number in range(len(ZONES))]
    bar = Bar(len(before), "balances")
    with bar:
        for zone, group in zip(ZONES, groups, strict=True):
            at = NEXT_AT.astimezone(ZoneInfo(zone))
            ended = in_zone(zone, partial(end_balances, at=at, participation_ids=group))
            wanted = Ended(len(group), sum(before[one] for one in group))
            yearend.expect(ended == wanted, f"{zone}: {ended} in the first microsecond after, not {wanted}")
            back = in_zone(zone, partial(end_balances, at=BACK_AT, participation_ids=group))
            yearend.expect(back == Ended(0, 0), f"{zone}: {back} when the clock had stepped back")
            _count(yearend, zone, ended.participation_count, ended.returned_rupiah)
            bar.update(len(group))
        _by_a_mass_run(yearend, before, world, bar)


def _by_a_mass_run(yearend: Yearend, before: Mapping[int, int], world: World, bar: Any) -> None:
    """Planned at midnight, worked at 23.00 and 00.00 in turn: the run has its own instant."""
    early = plan_mass_run(operation="end_balances", planned_by_id=world.officer_ids[0], at=LAST_AT)
    yearend.expect(early.run_id is None, f"a run was planned on the last day: {early}")
    planned = plan_mass_run(operation="end_balances", planned_by_id=world.officer_ids[0], at=NEXT_AT)
    if planned.run_id is None or planned.list_sha256 is None:
        yearend.violations.append(f"no run was planned after the last day: {planned.refusal}")
        return
    run_id, officer_id = planned.run_id, world.officer_ids[1]
    approve_mass_run(run_id=run_id, officer_id=officer_id, list_sha256=planned.list_sha256, at=BACK_AT)
    connections.close_all()
    count = rupiah = turn = 0
    while True:
        zone, at = ZONES[turn % len(ZONES)], (BACK_AT, NEXT_AT)[turn % 2]
        done = in_zone(zone, partial(work, run_id=run_id, at=at, chunk_limit=1))
        if not done.chunk_count:
            break
        count, rupiah, turn = count + done.subject_count, rupiah + done.total_rupiah, turn + 1
        bar.update(done.subject_count)
    _count(yearend, "a mass run while the clock stepped back", count, rupiah)
    wanted = (planned.subject_count, planned.total_rupiah)
    yearend.expect((count, rupiah) == wanted, f"the mass run planned {wanted} and ended {(count, rupiah)}")


def _count(yearend: Yearend, way: str, count: int, rupiah: int) -> None:
    yearend.ended_by[way] = count
    yearend.returned_rupiah += rupiah


def _afterwards(yearend: Yearend, before: Mapping[int, int], orders: Sequence[Any]) -> None:
    """The sums agree, nothing is left, nothing ends twice, nothing can be spent, and the ledger is whole."""
    ended_count = sum(yearend.ended_by.values())
    yearend.expect(ended_count == len(before), f"{ended_count} of {len(before)} balances ended")
    returned, wanted = yearend.returned_rupiah, yearend.before_rupiah
    yearend.expect(returned == wanted, f"{format_rupiah(returned)} returned of {format_rupiah(wanted)}")
    yearend.expect(left_over() == 0, f"{format_rupiah(left_over())} stayed in training balances")
    wrong = wrong_returns(before, NEXT_AT)
    yearend.expect(not wrong, f"{len(wrong)} people got back otherwise than they had: {wrong[:3]}")
    again = end_balances(at=NEXT_AT + timedelta(days=1))
    yearend.expect(again == Ended(0, 0), f"the same again ended {again}")
    late = buy(orders=orders, at=BACK_AT)
    repeated = [outcome.repeated for outcome in late]
    yearend.expect(all(repeated), "an order was not answered with its purchase after the clock had stepped back")
    yearend.violations += ledger_faults()


# Days that a careless verb would go by. Each is tried in a transaction that is taken back.


def _utc_day(at: datetime) -> date:
    return at.astimezone(UTC).date()


def _machine_day(at: datetime) -> date:
    return at.astimezone().date()


def _session_day(at: datetime) -> date:
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s::timestamptz::date", [at])
        (day,) = cursor.fetchone()
    return day


PLANTED: Mapping[str, Callable[[datetime], date]] = {
    "the day in UTC": _utc_day,
    "the day of the machine's zone": _machine_day,
    "the day of the database's session": _session_day,
}


def _plant(yearend: Yearend, owner_ids: Sequence[int]) -> None:
    """Each careless day in each zone: it must end balances early or late somewhere. One that fails otherwise has not
    been noticed: what was planted was never tried."""
    for name, day in PLANTED.items():
        yearend.planted[name] = None
        try:
            seen = {zone: in_zone(zone, partial(_ends_with, day, zone, owner_ids)) for zone in ZONES}
        except WorkerFailed as error:
            yearend.violations.append(f"a verb that goes by {name} could not be tried: {str(error).strip()[-300:]}")
            continue
        wrong = {zone: ends for zone, ends in seen.items() if ends != (0, len(owner_ids))}
        for zone, (early, late) in wrong.items():
            told = f"of {len(owner_ids)} balances it ended {early} on the last day and {late} on the next, in {zone}"
            yearend.planted[name] = yearend.planted[name] or told


def _ends_with(day: Callable[[datetime], date], zone: str, owner_ids: Sequence[int]) -> tuple[int, int]:
    """How many of these balances a verb with that day ends in the last microsecond, and in the next."""
    counts = []
    with mock.patch("bekal.lifecycle.end_balances.programme_day", day):
        for at in (LAST_AT, NEXT_AT):
            with transaction.atomic():
                ended = end_balances(at=at.astimezone(ZoneInfo(zone)), participation_ids=owner_ids)
                transaction.set_rollback(True)
            counts.append(ended.participation_count)
    return counts[0], counts[1]


def lines_of(yearend: Yearend) -> Iterator[str]:
    """The report, line by line."""
    yield f"  {yearend.seconds:.1f} s after {yearend.setup_seconds:.1f} s of set-up"
    yield f"  bought {yearend.last_purchases} trainings in the last microsecond, in {len(ZONES)} zones"
    for way, count in yearend.ended_by.items():
        yield f"  ended {count:10,} balances: {way}"
    yield f"  returned {format_rupiah(yearend.returned_rupiah)} of {format_rupiah(yearend.before_rupiah)}"
    for name, noticed in yearend.planted.items():
        verdict = "UNSEEN  " if noticed is None else "noticed "
        yield f"  {verdict} a verb that goes by {name}: {noticed or 'nothing told'}"
    for violation in yearend.violations[:EXAMPLE_COUNT]:
        yield f"  VIOLATED {violation}"
