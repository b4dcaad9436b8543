"""How fast is reconciliation over a million messages, beside the COPY of the same rows, and how fast are its pages?

    dev bench reconciliation [--messages 1000000] [--seed 20200411]

In a database of its own people buy and redeem through the verbs, ten messages to a purchase. The messages are written
by COPY into the evidence table (its indexes and constraints as they are), some of them missing, some contested; then
one sweep releases what is complete, moves its price, opens the cases and writes down what the rest waits for. A round
over the messages of a moment, and what each page of the console asks, are timed after it; for the pages the server has
counted its tables, as it does by itself within a minute or two (autovacuum). Exit code 1 where the sweep does not end
as it was planted, or a page asks for more than half a second.
"""

import argparse
import os
import random
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

if not __package__:  # run as a file: its folder is on the path, the repository is not
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import django

from benchmarks import machine
from benchmarks.verbs import analyse, migrate, own_database

SESSION_COUNT = 7
MESSAGES_OF_EACH = SESSION_COUNT + 3
AT_ONCE, TRAININGS, INSTITUTIONS = 5_000, 300, 100
MOMENT_MESSAGES = 1_000
# Of a hundred purchases; the rest is complete.
UNREVIEWED, UNTAUGHT, CONTESTED = 15, 5, 3
TRIES = 5
PAGE_MS = 500.0
# What a file is made of, not a page.
EVERYBODY = "all people in one query"
Figures = dict[str, Any]


def main(arguments: list[str] | None = None) -> int:
    """Exit code 0 when everything ended where it was planted."""
    parser = argparse.ArgumentParser(prog="dev bench reconciliation", description="A million messages, reconciled.")
    parser.add_argument("--messages", type=int, default=1_000_000, help="messages (default 1,000,000)")
    parser.add_argument("--seed", type=int, default=20_200_411)
    options = parser.parse_args(arguments)
    print(f"{machine.one_line(machine.describe())}; seed {options.seed}, {options.messages:,} messages", flush=True)
    with own_database("bekal_bench_reconciliation"):
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bekal.config.settings")
        django.setup()
        migrate()
        figures = _measure(random.Random(options.seed), max(1, options.messages // MESSAGES_OF_EACH))
    figures |= {"seed": options.seed}
    print(f"Written to {machine.write_result('reconciliation', figures)}")
    return 0 if figures["ended_as_planted"] and figures["pages_met"] else 1


def _measure(rng: random.Random, purchase_count: int) -> Figures:

    from bekal.proofs.small_world import RECONCILED_AT
    from bekal.purchases.reconcile_changed import PURCHASES_LIMIT, reconcile_changed, refresh_standings

    purchases = _bought(purchase_count)
    planted = {purchase: _fate(rng) for purchase in purchases}
    message_count, copy_seconds = _copy(planted)
    _complete(planted)
    analyse()
    print(
        f"COPY: {message_count:,} rows in {copy_seconds:.1f} s, {message_count / copy_seconds:,.0f} rows/s", flush=True
    )
    at = RECONCILED_AT + timedelta(days=5)
    looked, sweep_seconds = _timed(lambda: reconcile_changed(at=at))
    rate = message_count / sweep_seconds
    print(f"sweep: {sweep_seconds:.1f} s, {rate:,.0f} rows/s, {len(looked.released_ids):,} released", flush=True)
    some = [purchase_id for purchase_id, _ in purchases][:PURCHASES_LIMIT]
    _, again_seconds = _timed(lambda: refresh_standings(purchase_ids=some))
    moment = _moment(planted, at)
    analyse()
    pages = {name: _best(question) for name, question in _questions(at)}
    for name, milliseconds in {"a round of a moment": moment, **pages}.items():
        print(f"{name}: {milliseconds:.1f} ms", flush=True)
    return {
        "messages": message_count,
        "purchases": purchase_count,
        "copy_rows_per_second": round(message_count / copy_seconds),
        "sweep_seconds": round(sweep_seconds, 2),
        "sweep_rows_per_second": round(rate),
        "copy_over_sweep": round(sweep_seconds / copy_seconds, 2),
        "refreshed_again": len(some),
        "refreshed_again_seconds": round(again_seconds, 2),
        "released": len(looked.released_ids),
        "round_of_a_moment_ms": round(moment, 1),
        "page_ms": {name: round(milliseconds, 1) for name, milliseconds in pages.items()},
        "pages_met": all(milliseconds <= PAGE_MS for name, milliseconds in pages.items() if name != EVERYBODY),
        "ended_as_planted": _ended(planted, set(looked.released_ids)),
    }


def _bought(number: int) -> list[tuple[int, int]]:
    """(purchase, participation) of redeemed purchases, at many institutions."""
    from django.db import connection

    from bekal.catalogue.models import Institution
    from bekal.proofs.small_world import World

    world = World()
    training_ids = world.trainings(TRAININGS, price_rupiah=50_000, session_count=SESSION_COUNT)
    bought = []
    for first in range(0, number, AT_ONCE):
        people = world.accept(min(AT_ONCE, number - first))
        some = world.buy([(person, training_ids[person % TRAININGS]) for person in people])
        world.redeem(some)
        bought += [(each.purchase_id, each.participation_id) for each in some]
        print(f"{len(bought):,} of {number:,} bought and redeemed", end="\r", flush=True)
    made = Institution.objects.bulk_create(
        Institution(code=f"lembaga-{n}", name=f"Lembaga {n}") for n in range(INSTITUTIONS)
    )
    with connection.cursor() as cursor:
        cursor.execute("UPDATE catalogue_training SET institution_id = %s + id %% %s", [made[0].pk, INSTITUTIONS])
    return bought


def _fate(rng: random.Random) -> str:
    drawn = rng.randrange(100)
    for fate, share in (("unreviewed", UNREVIEWED), ("untaught", UNTAUGHT), ("contested", CONTESTED)):
        if drawn < share:
            return fate
        drawn -= share
    return "complete"


def _copy(planted: dict[tuple[int, int], str]) -> tuple[int, float]:
    """All messages by one COPY; how many, and the seconds."""
    from bekal.ledger.copy_rows import copy_rows
    from bekal.purchases.models import Evidence

    columns = ("purchase_id", "piece", "source", "sequence", "holds", "recorded_at", "door")
    return _timed(lambda: copy_rows(Evidence, columns, _rows(planted)))


def _rows(planted: dict[tuple[int, int], str]) -> Iterator[tuple[object, ...]]:
    from bekal.proofs.small_world import PROVEN_AT

    for (purchase_id, _), fate in planted.items():
        for number in range(1, SESSION_COUNT + (fate != "untaught")):
            yield purchase_id, "attendance", "institution", number, True, PROVEN_AT, "v2"
        if fate == "contested":
            yield purchase_id, "attendance", "participant", 1, False, PROVEN_AT, "page"
        yield purchase_id, "completion", "institution", 1, True, PROVEN_AT, "v2"
        if fate != "unreviewed":
            yield purchase_id, "rating", "participant", 1, True, PROVEN_AT, "page"
            yield purchase_id, "review", "participant", 1, True, PROVEN_AT, "page"


def _complete(planted: dict[tuple[int, int], str]) -> None:
    """What the intake would have written of those that are taught."""
    from django.db import connection

    from bekal.ledger.copy_rows import int_array
    from bekal.proofs.small_world import PROVEN_AT

    taught = int_array(purchase_id for (purchase_id, _), fate in planted.items() if fate != "untaught")
    with connection.cursor() as cursor:
        complete = "UPDATE purchases_purchase SET completed_at = %s WHERE id = ANY(%s::bigint[])"
        cursor.execute(complete, [PROVEN_AT, taught])


def _moment(planted: dict[tuple[int, int], str], at: Any) -> float:
    """Milliseconds of one round over the messages of a moment: those who owed a review rate and review."""
    from bekal.ledger.copy_rows import copy_rows
    from bekal.purchases.models import Evidence
    from bekal.purchases.reconcile_changed import reconcile_changed

    owing = [purchase_id for (purchase_id, _), fate in planted.items() if fate == "unreviewed"][: MOMENT_MESSAGES // 2]
    columns = ("purchase_id", "piece", "source", "sequence", "holds", "recorded_at", "door")
    rows = ((each, piece, "participant", 1, True, at, "page") for each in owing for piece in ("rating", "review"))
    copy_rows(Evidence, columns, rows)
    looked, seconds = _timed(lambda: reconcile_changed(at=at))
    assert len(looked.released_ids) == len(owing)
    return seconds * 1_000


def _questions(at: Any) -> list[tuple[str, Callable[[], object]]]:
    """What each page of the console asks."""
    from bekal.incentives.finished_unpaid import (
        WaitingChoice,
        every_finished_unpaid,
        finished_unpaid,
        waiting_figures,
    )
    from bekal.ledger.clock import programme_day
    from bekal.purchases.reconciliation_queries import (
        Choice,
        institution_figures,
        standing_figures,
        waiting_pieces,
    )

    on = programme_day(at)
    matched_from = on - timedelta(days=30)
    return [
        ("figures of pieces", lambda: standing_figures(on=on)),
        ("figures of institutions", lambda: institution_figures(on=on, matched_from=matched_from, limit=50)),
        ("figures of people", lambda: waiting_figures(at=at)),
        ("a page of people", lambda: finished_unpaid(WaitingChoice(), at=at, limit=50)),
        (EVERYBODY, lambda: sum(1 for _ in every_finished_unpaid(WaitingChoice(), at=at))),
        ("a page of pieces", lambda: waiting_pieces(Choice(), on=on, limit=51)),
        ("a page of overdue pieces", lambda: waiting_pieces(Choice(overdue=True), on=on, limit=51)),
    ]


def _ended(planted: dict[tuple[int, int], str], released: set[int]) -> bool:
    """Whether exactly what was complete was released, and each contested purchase has its case."""
    from bekal.purchases.models import EvidenceCase

    complete = {purchase_id for (purchase_id, _), fate in planted.items() if fate == "complete"}
    contested = {purchase_id for (purchase_id, _), fate in planted.items() if fate == "contested"}
    cases = set(EvidenceCase.objects.filter(closed_at=None).order_by("pk").values_list("purchase_id", flat=True))
    return released == complete and cases == contested


def _best(question: Callable[[], object]) -> float:
    """The median of some tries, in milliseconds."""
    return sorted(_timed(question)[1] for _ in range(TRIES))[TRIES // 2] * 1_000


def _timed(question: Callable[[], Any]) -> tuple[Any, float]:
    started = time.perf_counter()
    found = question()
    return found, time.perf_counter() - started


if __name__ == "__main__":
    raise SystemExit(main())
