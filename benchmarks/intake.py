"""Does evidence come in while a reconciliation runs? Messages over the partner API, with their latencies.

    dev bench intake [--purchases 100000] [--seconds 60] [--rate 200] [--lines 5] [--seed 20200411]

In a database of its own people buy and redeem through the verbs. gunicorn serves as deployed, two processes. Partners'
systems, each with a key of its own, send signed calls of some messages each over sockets, at a fixed rate whatever the
answers take (a latency counts from when a message was due, so that waiting in the queue is not left out), while
reconciliation sweeps over all purchases again and again in a process of its own. Everything, the senders included, runs
on this machine's cores. Exit code 1 where a target is missed.
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
from typing import Any
from uuid import UUID

if not __package__:  # run as a file: its folder is on the path, the repository is not
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import django

from benchmarks import machine
from benchmarks.verbs import migrate, own_database

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
    parser.add_argument("--lines", type=int, default=5, help="messages in one call (default 5)")
    parser.add_argument("--seed", type=int, default=20_200_411)
    options = parser.parse_args(arguments)
    print(f"{machine.one_line(machine.describe())}; seed {options.seed}, {options.purchases:,} purchases", flush=True)
    with own_database(DATABASE):
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bekal.config.settings")
        django.setup()
        migrate()
        figures = _measure(options, random.Random(options.seed))
    figures |= {"seed": options.seed}
    print(f"Written to {machine.write_result('intake', figures)}")
    return 0 if figures["met"] else 1


def _measure(options: argparse.Namespace, rng: random.Random) -> Figures:
    from django.db import connection, connections

    from benchmarks.reconciliation import SESSION_COUNT, _bought

    purchase_count = options.purchases
    bought = _bought(purchase_count)
    systems = _systems(bought)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    connections.close_all()
    total = int(options.rate * options.seconds) // options.lines
    if total * options.lines > purchase_count * SESSION_COUNT:
        raise SystemExit(
            f"{total * options.lines:,} messages need over {purchase_count:,} purchases of {SESSION_COUNT} sessions"
        )
    stop = multiprocessing.Event()
    swept = multiprocessing.Value("i", 0)
    sweeper = multiprocessing.Process(target=_sweep, args=(stop, swept))
    with _server() as port:
        sweeper.start()
        answers = _send(port, systems, total, options.rate / options.lines, options.lines, rng)
        stop.set()
        sweeper.join()
    latencies = sorted(milliseconds for milliseconds, _ in answers)
    statuses = Counter(status for _, status in answers)
    ended = max(at for at, _ in _ends)
    figures = {
        "purchases": purchase_count,
        "lines_of_a_call": options.lines,
        "messages": len(answers) * options.lines,
        "messages_per_second": round(len(answers) * options.lines / ended, 1),
        "p50_ms": round(latencies[len(latencies) // 2], 1),
        "p99_ms": round(latencies[int(len(latencies) * 0.99)], 1),
        "worst_ms": round(latencies[-1], 1),
        "answers": {str(status): count for status, count in statuses.items()},
        "sweeps": swept.value,
    }
    figures["met"] = (
        statuses.keys() == {200}
        and figures["messages_per_second"] >= LEAST_RATE * 0.99
        and figures["p99_ms"] < MOST_P99_MS
        and swept.value > 0
    )
    for name, value in figures.items():
        print(f"{name}: {value}", flush=True)
    return figures


def _systems(bought: list[tuple[int, int]]) -> list[tuple[str, str, list[int]]]:
    """(key id, secret, its purchases) of the systems of the institutions with most of them."""
    from bekal.catalogue.models import Institution
    from bekal.proofs.partner_calls import system_of
    from bekal.purchases.models import Purchase

    rows = Purchase.objects.filter(pk__in=[purchase_id for purchase_id, _ in bought]).order_by("pk")
    of_institution: dict[int, list[int]] = {}
    for purchase_id, institution_id in rows.values_list("pk", "training__institution_id"):
        of_institution.setdefault(institution_id, []).append(purchase_id)
    largest = sorted(of_institution, key=lambda number: (-len(of_institution[number]), number))[:SENDER_COUNT]
    systems = []
    for number in largest:
        system = system_of(Institution.objects.get(pk=number), scopes=("evidence",))
        systems.append((system.key_id, system.secret, of_institution[number]))
    return systems


def _sweep(stop: Any, swept: Any) -> None:
    """Reconcile everything, over and over, as the daily sweep does."""
    django.setup()
    from bekal.proofs.small_world import RECONCILED_AT
    from bekal.purchases.reconcile_changed import reconcile_changed

    day = 5
    while not stop.is_set():
        reconcile_changed(at=RECONCILED_AT + timedelta(days=day))
        day += 1
        with swept.get_lock():
            swept.value += 1


@contextlib.contextmanager
def _server() -> Iterator[int]:
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
        yield port
    finally:
        process.terminate()
        process.wait()


_ends: list[tuple[float, int]] = []


def _send(
    port: int, systems: list[tuple[str, str, list[int]]], total: int, rate: float, lines: int, rng: random.Random
) -> list[tuple[float, int]]:
    """(milliseconds from when it was due, status) of every call; `rate` calls a second."""
    from benchmarks.reconciliation import SESSION_COUNT

    answers: list[tuple[float, int]] = []
    started = time.monotonic() + 1

    def work(number: int) -> None:
        key_id, secret, own = systems[number % len(systems)]
        pairs = [(purchase, session) for purchase in own for session in range(1, SESSION_COUNT + 1)]
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        for place, turn in enumerate(range(number, total, SENDER_COUNT)):
            due = started + turn / rate
            time.sleep(max(0.0, due - time.monotonic()))
            status = _post(
                connection, key_id, secret, pairs[place * lines : (place + 1) * lines], UUID(int=rng.getrandbits(128))
            )
            now = time.monotonic()
            answers.append(((now - due) * 1_000, status))
            _ends.append((now - started, status))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(SENDER_COUNT)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


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
