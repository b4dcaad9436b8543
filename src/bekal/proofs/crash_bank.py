"""The counterparty of the payers that `prove crash` kills: a bank over sockets, in a process of its own, with books of
its own. It remembers nothing: whatever it hears twice it pays twice, so that exactly once is the programme's doing.

Programme, machine and bank go by one clock, which stands still until whoever watches says how much has passed.
"""

import http.client
import json
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from http.server import ThreadingHTTPServer
from multiprocessing.sharedctypes import RawValue
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock
from typing import Any, ClassVar

from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from bekal.incentives.house_rails import Rail, rails_of
from bekal.proofs.workers import Worker, fork
from bekal.simulation.bank.bank import ACCOUNT
from bekal.simulation.bank.books import Books
from bekal.simulation.bank.server import Service, Settings, serve

BANK, CALLED, WALLET = "bni", "ovo", "linkaja"
"""One partner over bank files and `camt.053`, one over SNAP, one over CSV and MT940."""
PARTNERS = (BANK, CALLED, WALLET)
CLIENT_ID = "bekal"
ANSWER_LIMIT_SECONDS = 60


class Clock:
    """One instant in memory that every process forked from here shares. Only whoever watches moves it."""

    def __init__(self, starts_at: datetime) -> None:
        self._starts_at = starts_at
        self._seconds: Any = RawValue("d", 0.0)

    def instant(self) -> datetime:
        return self._starts_at + timedelta(seconds=self._seconds.value)

    def pass_to(self, at: datetime) -> None:
        self._seconds.value = (at - self._starts_at).total_seconds()

    def pass_by(self, time: timedelta) -> None:
        self.pass_to(self.instant() + time)


class _Counting(ThreadingHTTPServer):
    """Counts its open lines: in one of a payer that was killed something may stand that nobody has read yet."""

    lines: ClassVar[Any]
    lock: ClassVar[Lock] = Lock()
    daemon_threads = True

    def process_request(self, request: Any, client_address: Any) -> None:
        self._count(1)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        super().shutdown_request(request)
        self._count(-1)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Nothing: whoever was killed in the middle of a call does not answer."""

    def _count(self, number: int) -> None:
        with self.lock:
            self.lines.value += number


@dataclass(slots=True)
class RunningBank:
    """The bank as whoever watches has it: its books, which several processes keep, and what it is told to do."""

    books: Books
    service: Service = field(repr=False)
    rails: dict[str, Rail] = field(repr=False)
    port: int
    _lines: Any = field(repr=False)

    def work(self) -> int:
        """Book what waits; how many files."""
        return self.service.work()

    def is_idle(self) -> bool:
        """Whether it has done everything that anybody had asked of it before now. Lines are taken in their order: once
        a call of ours is answered, everyone who called before is counted."""
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=ANSWER_LIMIT_SECONDS)
        try:
            line.request("GET", "/", headers={"Connection": "close"})
            line.getresponse().read()
        finally:
            line.close()
        return bool(self._lines.value == 0)


@contextmanager
def running_bank(clock: Clock) -> Iterator[RunningBank]:
    """A bank with empty books; it ends with the block."""
    private_pem, public_pem = _key()
    settings = Settings(secrets.token_hex(8), secrets.token_hex(8), CLIENT_ID, public_pem, PARTNERS)
    lines: Any = RawValue("i", 0)
    with TemporaryDirectory(prefix="bekal-crash-") as folder, socket.create_server(("127.0.0.1", 0)) as listener:
        kept_in, port = Path(folder) / "books.sqlite", listener.getsockname()[1]
        books = Books(kept_in, memory=None)
        worker = fork(lambda: _serve(kept_in, settings, clock, listener, lines))
        try:
            rails = _rails(Path(folder) / "rails.json", f"http://127.0.0.1:{port}", settings.token, private_pem)
            yield RunningBank(books, Service(books, settings, clock.instant), rails, port, lines)
        finally:
            _end(worker)
            books.close()


def _serve(kept_in: Path, settings: Settings, clock: Clock, listener: socket.socket, lines: Any) -> None:
    books = Books(kept_in, memory=None)
    _Counting.lines = lines
    serve(Service(books, settings, clock.instant), listener=listener, server_class=_Counting).serve_forever()


def _end(worker: Worker) -> None:
    worker.kill()
    worker.result()


def _rails(path: Path, address: str, token: str, private_pem: str) -> dict[str, Rail]:
    """As a house has them: read from a file."""

    def files(partner: str) -> dict[str, str]:
        return {"address": f"{address}/{partner}", "token": token}

    snap = {
        "address": f"{address}/{CALLED}",
        "client_id": CLIENT_ID,
        "private_key": private_pem,
        "channel_id": "95221",
        "bank_code": CALLED,
    }
    debtor = {"holder_name": "Manajemen Pelaksana", "number": ACCOUNT, "bic": "BNINIDJA"}
    bank = {"form": "pain.001", "creditor_bic": "BNINIDJA", "debtor": debtor, "statement": "camt.053"}
    said = {
        BANK: {**bank, "files": files(BANK)},
        CALLED: {"form": "calls", "snap": snap},
        WALLET: {"form": "csv", "files": files(WALLET), "statement": "mt940"},
    }
    path.write_text(json.dumps(said), encoding="utf-8")
    return dict(rails_of(str(path)))


@cache
def _key() -> tuple[str, str]:
    """The programme's key, private and public, in PEM: making one takes a while."""
    key = generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return private, key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
