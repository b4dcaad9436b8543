"""Does evidence come in while a reconciliation runs? Messages over the partner API, with their latencies.

    dev bench intake [--purchases 100000] [--seconds 60] [--rate 200] [--lines 1 5] [--seed 20200411]

In a database of its own people buy and redeem through the verbs. gunicorn serves as deployed, two processes. Partners'
systems, each with a key of its own, send signed calls over sockets, at a fixed rate whatever the answers take (a
latency counts from when a message was due, so that waiting in the queue is not left out), while reconciliation sweeps
over all purchases again and again in a process of its own: once with a call for each message, once with five messages
in a call. Everything, the senders included, runs on this machine's cores; who had them is told, too. Exit code 1 where
a target is missed.
"""

import argparse
import contextlib
import http.client
import json
import multiprocessing
import os
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

if not __package__:  # run as a file: its folder is on the path, the repository is not
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import django

from benchmarks import machine
from benchmarks._processor_time import Named, Watch, with_children
from benchmarks.verbs import analyse, migrate, own_database

ROOT = Path(__file__).resolve().parents[1]
DATABASE = "bekal_bench_intake"
LEAST_RATE, MOST_P99_MS = 200.0, 300.0
SENDER_COUNT = 20
Figures = dict[str, Any]


def main(arguments: list[str] | None = None) -> int:
    """Exit code 0 when both targets are met and nothing was refused."""
    parser = argparse.ArgumentParser(prog="dev bench intake", description="Evidence, while reconciliation runs.")
    parser.add_argument("--purchases", type=int, default=100_000)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--rate", type=float, default=LEAST_RATE, help="messages a second (default 200)")
    parser.add_argument("--lines", type=int, nargs="+", default=[1, 5], help="messages in one call (default 1, then 5)")
    parser.add_argument("--seed", type=int, default=20_200_411)
    options = parser.parse_args(arguments)
    print(f"{machine.one_line(machine.describe())}; seed {options.seed}, {options.purchases:,} purchases", flush=True)
    with own_database(DATABASE):
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bekal.config.settings")
        django.setup()
        migrate()
        runs = _measure(options, random.Random(options.seed))
    figures = {"purchases": options.purchases, "seed": options.seed, "runs": runs}
    print(f"Written to {machine.write_result('intake', figures)}")
    return 0 if all(run["met"] for run in runs) else 1


def _measure(options: argparse.Namespace, rng: random.Random) -> list[Figures]:
    from django.db import connections

    from benchmarks.reconciliation import SESSION_COUNT, _bought

    bought = _bought(options.purchases)
    systems = _systems(bought)
    analyse()
    connections.close_all()
    wanted = int(options.rate * options.seconds) * len(options.lines)
    there = min(len(pairs) for _, _, pairs in systems) * len(systems)
    if wanted > there:
        raise SystemExit(f"{wanted:,} messages need over {options.purchases:,} purchases of {SESSION_COUNT} sessions")
    stop, swept = multiprocessing.Event(), multiprocessing.Value("i", 0)
    backend = multiprocessing.Value("i", 0)
    sweeper = multiprocessing.Process(target=_sweep, args=(stop, swept, backend))
    runs = []
    with _server() as web:
        sweeper.start()
        for lines in options.lines:
            sweeps_before = swept.value
            watch = Watch(lambda: _processes(web.number, int(sweeper.pid or 0), backend.value))
            watch.start()
            calls = _send(web.port, systems, int(options.rate * options.seconds) // lines, options.rate, lines, rng)
            runs.append(_figures(calls, lines, swept.value - sweeps_before, watch.end()))
        stop.set()
        sweeper.join()
    return runs


def _figures(calls: list["Sent"], lines: int, sweeps: int, used: dict[str, float]) -> Figures:
    latencies = sorted(call.milliseconds for call in calls)
    statuses = Counter(call.status for call in calls)
    took = max(call.ended_after for call in calls)
    figures: Figures = {
        "lines_of_a_call": lines,
        "messages": len(calls) * lines,
        "messages_per_second": round(len(calls) * lines / took, 1),
        "p50_ms": round(latencies[len(latencies) // 2], 1),
        "p99_ms": round(latencies[int(len(latencies) * 0.99)], 1),
        "worst_ms": round(latencies[-1], 1),
        "answers": {str(status): count for status, count in statuses.items()},
        "sweeps": sweeps,
        "cores_used": {name: round(seconds / took, 2) for name, seconds in used.items()},
        "web_and_database_ms_of_a_call": round((used["web"] + used["database"]) * 1_000 / len(calls), 2),
    }
    figures["met"] = (
        statuses.keys() == {200}
        and figures["messages_per_second"] >= LEAST_RATE * 0.99
        and figures["p99_ms"] < MOST_P99_MS
        and sweeps > 0
    )
    for name, value in figures.items():
        print(f"{name}: {value}", flush=True)
    return figures


def _processes(web: int, sweeper: int, sweepers_backend: int) -> Named:
    """Who is at work on these cores. The database's share has what it does for everybody: log, buffers, cleaning."""
    import psycopg

    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
        rows = connection.execute("SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid()").fetchall()
    backends = {number for (number,) in rows} - {sweepers_backend}
    return {
        "senders": [os.getpid()],
        "web": with_children(web),
        "sweep": [sweeper, sweepers_backend],
        "database": backends,
    }


def _systems(bought: list[tuple[int, int]]) -> list[tuple[str, str, list[tuple[int, int]]]]:
    """(key id, secret, purchases and sessions to speak of) of the systems of the institutions with most of them."""
    from bekal.catalogue.models import Institution
    from bekal.proofs.partner_calls import system_of
    from bekal.purchases.models import Purchase
    from benchmarks.reconciliation import SESSION_COUNT

    rows = Purchase.objects.filter(pk__in=[purchase_id for purchase_id, _ in bought]).order_by("pk")
    of_institution: dict[int, list[int]] = {}
    for purchase_id, institution_id in rows.values_list("pk", "training__institution_id"):
        of_institution.setdefault(institution_id, []).append(purchase_id)
    largest = sorted(of_institution, key=lambda number: (-len(of_institution[number]), number))[:SENDER_COUNT]
    systems = []
    for number in largest:
        system = system_of(Institution.objects.get(pk=number), scopes=("evidence",))
        pairs = [(each, session) for each in of_institution[number] for session in range(1, SESSION_COUNT + 1)]
        systems.append((system.key_id, system.secret, pairs))
    return systems


def _sweep(stop: Any, swept: Any, backend: Any) -> None:
    """Reconcile everything, over and over, as the daily sweep does; `backend` is its process in the database."""
    django.setup()
    from django.db import connection

    from bekal.proofs.small_world import RECONCILED_AT
    from bekal.purchases.reconcile_changed import reconcile_changed

    connection.ensure_connection()
    backend.value = connection.connection.info.backend_pid
    day = 5
    while not stop.is_set():
        reconcile_changed(at=RECONCILED_AT + timedelta(days=day))
        day += 1
        with swept.get_lock():
            swept.value += 1


class Web(NamedTuple):
    """The server: its port and its process."""

    port: int
    number: int


@contextlib.contextmanager
def _server() -> Iterator[Web]:
    """gunicorn as deployed, on a free port, on the benchmark's database."""
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = int(taken.getsockname()[1])
    command = [sys.executable, "-m", "gunicorn", "--no-control-socket", "-c", "src/bekal/config/gunicorn.py"]
    environ = {**os.environ, "BEKAL_BIND": f"127.0.0.1:{port}", "BEKAL_DEMO": "0", "PYTHONPATH": str(ROOT / "src")}
    process = subprocess.Popen([*command, "bekal.config.wsgi"], cwd=ROOT, env=environ)
    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
                connection.request("GET", "/masuk/")
                if connection.getresponse().status == 200:
                    break
            time.sleep(0.2)
        yield Web(port, process.pid)
    finally:
        process.terminate()
        process.wait()


class Sent(NamedTuple):
    """One call: from when it was due, with its status, and when it was answered, in seconds from the first."""

    milliseconds: float
    status: int
    ended_after: float


def _send(
    port: int,
    systems: list[tuple[str, str, list[tuple[int, int]]]],
    total: int,
    rate: float,
    lines: int,
    rng: random.Random,
) -> list[Sent]:
    """Every call; `rate` messages a second. What was spoken of is taken from the systems' pairs."""
    calls: list[Sent] = []
    started = time.monotonic() + 1

    def work(number: int) -> None:
        key_id, secret, pairs = systems[number % len(systems)]
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        for turn in range(number, total, SENDER_COUNT):
            due = started + turn * lines / rate
            time.sleep(max(0.0, due - time.monotonic()))
            some = [pairs.pop() for _ in range(lines)]
            status = _post(connection, key_id, secret, some, UUID(int=rng.getrandbits(128)))
            now = time.monotonic()
            calls.append(Sent((now - due) * 1_000, status, now - started))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(SENDER_COUNT)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return calls


def _post(
    connection: http.client.HTTPConnection, key_id: str, secret: str, pairs: list[tuple[int, int]], key: UUID
) -> int:
    """One signed call, written as an institution's system would; the status of its answer."""
    from bekal.core.partner_signature_v2 import signature, string_to_sign

    lines = [
        {"purchase": purchase, "sequence": session, "happened_at": "2020-04-23T10:00:00+07:00"}
        for purchase, session in pairs
    ]
    body, stamp, path = json.dumps({"lines": lines}).encode(), str(int(time.time())), "/api/v2/attendance"
    signed = string_to_sign(
        key_id=key_id, timestamp=stamp, method="POST", target=path, idempotency_key=str(key), body=body
    )
    headers = {
        "Bekal-Key": key_id,
        "Bekal-Timestamp": stamp,
        "Bekal-Signature": f"v1={signature(secret, signed)}",
        "Idempotency-Key": str(key),
        "Content-Type": "application/json",
    }
    try:
        connection.request("POST", path, body, headers)
        answer = connection.getresponse()
        told = answer.read()
    except (OSError, http.client.HTTPException):
        connection.close()
        return 0
    refused = answer.status == 200 and json.loads(told)["refused_count"]
    return -1 if refused else answer.status


if __name__ == "__main__":
    raise SystemExit(main())
