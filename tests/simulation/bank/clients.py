"""The bank over a socket, and the programme's clients for it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from threading import Thread
from typing import Any

import httpx
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from bekal.incentives.partners.file_exchange import FileAccess, FileExchange
from bekal.incentives.partners.snap_bi import SnapAccess, SnapClient
from bekal.ledger.clock import machine_now
from bekal.simulation.bank.books import Books
from bekal.simulation.bank.server import Service, Settings, serve

TOKEN, TOLD = "programme", "whoever plays the bank"
PARTNERS = ("bni", "ovo", "linkaja")


@cache
def key() -> RSAPrivateKey:
    """One key for all tests: making one takes a second."""
    return generate_private_key(public_exponent=65537, key_size=2048)


@dataclass(slots=True)
class RunningBank:
    """A bank on a port of this machine, working only when it is told to."""

    address: str
    service: Service
    _clients: list[SnapClient | FileExchange] = field(default_factory=list)

    @property
    def books(self) -> Books:
        return self.service.books

    def snap(self, partner: str = "ovo", **changed: Any) -> SnapClient:
        whole: dict[str, Any] = {
            "address": f"{self.address}/{partner}",
            "client_id": "bekal",
            "private_key": key(),
            "channel_id": "95221",
            "bank_code": partner,
            **changed,
        }
        client = SnapClient(SnapAccess(**whole), now=machine_now)
        self._clients.append(client)
        return client

    def files(self, partner: str = "bni", token: str = TOKEN) -> FileExchange:
        exchange = FileExchange(FileAccess(f"{self.address}/{partner}", token))
        self._clients.append(exchange)
        return exchange

    def tell(self, path: str, said: Any, partner: str = "ovo") -> httpx.Response:
        """What whoever plays the bank tells it."""
        headers = {"Authorization": f"Bearer {TOLD}"}
        return httpx.post(f"{self.address}/{partner}/told/{path}", json=said, headers=headers, trust_env=False)

    def fail(self, kind: str, target: str = "*", value: str = "", partner: str = "ovo", times: int = 1) -> None:
        said = {"kind": kind, "target": target, "value": value, "times": times}
        assert self.tell("faults", said, partner).status_code == httpx.codes.OK

    def close(self) -> None:
        for client in self._clients:
            client.close()


@contextmanager
def running_bank(**settings: Any) -> Iterator[RunningBank]:
    """A bank with books in memory, on a free port."""
    pem = key().public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    books = Books(knows_everybody=settings.pop("knows_everybody", False))
    service = Service(books, Settings(TOKEN, TOLD, "bekal", pem, PARTNERS, **settings))
    server = serve(service)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    bank = RunningBank(f"http://127.0.0.1:{server.server_address[1]}", service)
    try:
        yield bank
    finally:
        bank.close()
        server.shutdown()
        server.server_close()
        thread.join()
        books.close()
