"""The bank as a server (`manage bank`).

Under `/PARTNER/`: files in (`POST files/NAME`), files out (`GET files?after=N`, `GET files/N`), whether a file arrived
(`GET orders/MESSAGE-ID`), the day's statement (`GET statements/YYYY-MM-DD?form=mt940`), the SNAP interface (`POST
v1.0/…`). Under `/PARTNER/told/`, for whoever plays the bank: `accounts`, `faults`, `returns`, `money`, `work`, `paid`.
Both sides show a bearer token; the programme's does not open what is told.
"""

import hmac
import json
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qs, unquote, urlsplit

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from bekal.ledger.clock import machine_now
from bekal.simulation.bank.bank import Bank
from bekal.simulation.bank.books import Books
from bekal.simulation.bank.faults import KINDS
from bekal.simulation.bank.snap import Snap

MAX_BYTES = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Settings:
    """Who may call: the programme's token and public key, and the token of whoever plays the bank."""

    token: str
    told_token: str
    client_id: str
    public_key_pem: str
    partners: tuple[str, ...]
    old_partners: tuple[str, ...] = ()
    knows_everybody: bool = False
    works_by_itself: bool = True


class Service:
    """Everything the server answers, without the sockets."""

    def __init__(self, books: Books, settings: Settings, clock: Callable[[], datetime] = machine_now) -> None:
        key = load_pem_public_key(settings.public_key_pem.encode())
        if not isinstance(key, RSAPublicKey):
            raise TypeError("the programme's public key is an RSA key")
        self.settings = settings
        self.books = books
        self.banks = {name: Bank(books, name, is_old=name in settings.old_partners) for name in settings.partners}
        self._clock = clock
        self._snaps = {name: Snap(bank, settings.client_id, key, clock) for name, bank in self.banks.items()}

    def work(self) -> int:
        """Book every file that waits; how many."""
        return sum(bank.work(self._clock()) for bank in self.banks.values())

    def answer(self, method: str, target: str, headers: Mapping[str, str], content: bytes) -> tuple[int, bytes] | None:
        """HTTP status and body of one request; None closes the line without an answer."""
        split = urlsplit(target)
        _, _, rest = split.path.partition("/")
        partner, _, path = rest.partition("/")
        bank = self.banks.get(partner)
        if bank is None:
            return _json(404, error=f"there is no partner {partner!r:.40}")
        seconds = self.books.take_fault(partner, "slow", f"/{path}")
        if seconds is not None:
            time.sleep(float(seconds))
        if path.startswith("v1.0/"):
            called = self._snaps[partner].call(f"/{path}", headers, content)
            return None if called is None else _json(called.status, **called.body)
        is_told = path.startswith("told/")
        token = self.settings.told_token if is_told else self.settings.token
        if not hmac.compare_digest(headers.get("authorization", ""), f"Bearer {token}"):
            return _json(401, error="the bearer token is not the one of this side")
        query = {name: values[-1] for name, values in parse_qs(split.query).items()}
        try:
            if is_told:
                return self._told(bank, path.removeprefix("told/"), content)
            return self._asked(bank, method, path, query, content)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            return _json(422, error=f"{type(error).__name__}: {error}"[:300])

    def _asked(
        self, bank: Bank, method: str, path: str, query: Mapping[str, str], content: bytes
    ) -> tuple[int, bytes] | None:
        kind, _, name = path.partition("/")
        if (method, kind) == ("POST", "files") and name:
            return self._take_file(bank, unquote(name), content)
        if (method, kind, name) == ("GET", "files", ""):
            rows = self.books.answers_after(bank.partner, int(query.get("after", "0")))
            names = ("number", "name", "sha256", "size")
            return _json(200, files=[dict(zip(names, row, strict=True)) for row in rows])
        if (method, kind) == ("GET", "files"):
            found = self.books.answer(bank.partner, int(name))
            return _json(404, error="there is no such file") if found is None else (200, found)
        if (method, kind) == ("GET", "orders"):
            received = self.books.received(bank.partner, unquote(name))
            if received is None:
                return _json(404, error="no file of that name was received")
            return _json(200, payment_count=received[0], total_rupiah=received[1], is_booked=received[2])
        if (method, kind) == ("GET", "statements"):
            form, day = query.get("form", "camt.053"), date.fromisoformat(name)
            self.books.close_day(bank.partner, day)
            return 200, bank.statement(day, form, self._clock())
        return _json(404, error="there is no such address")

    def _take_file(self, bank: Bank, name: str, content: bytes) -> tuple[int, bytes] | None:
        if self.books.take_fault(bank.partner, "timeout_before_acceptance", name) is not None:
            return None
        status = self.books.take_fault(bank.partner, "refuse", name)
        if status is not None:
            return _json(int(status), error="not now")
        error = bank.take_file(name, content)
        if self.books.take_fault(bank.partner, "timeout_after_acceptance", name) is not None:
            return None
        return _json(202, received=True) if error is None else _json(422, error=error)

    def _told(self, bank: Bank, path: str, content: bytes) -> tuple[int, bytes]:
        said: Any = json.loads(content or b"{}")
        if path == "accounts":
            rows = [
                (
                    str(row["number"]),
                    str(row["holder_name"]),
                    str(row.get("standing", "active")),
                    int(bool(row.get("is_known", True))),
                    int(row.get("balance", 0)),
                    None if row.get("ceiling") is None else int(row["ceiling"]),
                    None if row.get("identity") is None else str(row["identity"]),
                )
                for row in said
            ]
            return _json(200, changed=self.books.open_accounts(bank.partner, rows))
        if path == "faults":
            if said["kind"] not in KINDS:
                return _json(422, error=f"kind is one of {', '.join(KINDS)}")
            times = int(said.get("times", 1))
            target, value = str(said.get("target", "*")), str(said.get("value", ""))
            self.books.order_fault(bank.partner, said["kind"], target, value, times)
            return _json(200, ordered=True)
        if path == "returns":
            day = date.fromisoformat(said["day"])
            done = bank.give_back(str(said["reference"]), str(said["reason"]), day, self._clock())
            return _json(200 if done else 404, returned=done)
        if path == "money":
            self.books.put_in(bank.partner, date.fromisoformat(said["day"]), int(said["amount"]))
            return _json(200, put_in=True)
        if path == "work":
            return _json(200, booked=bank.work(self._clock()))
        if path == "paid":
            return _json(200, paid=self.books.paid(bank.partner))
        return _json(404, error="there is no such address")


def _json(status: int, **values: Any) -> tuple[int, bytes]:
    return status, json.dumps(values).encode()


class Handler(BaseHTTPRequestHandler):
    """One connection; `service` is set by `serve`."""

    protocol_version = "HTTP/1.1"
    service: ClassVar[Service]

    def do_GET(self) -> None:
        self._do("GET")

    def do_POST(self) -> None:
        self._do("POST")

    def _do(self, method: str) -> None:
        length = self.headers.get("Content-Length", "0")
        if not length.isdigit() or int(length) > MAX_BYTES:
            self.close_connection = True
            return
        content = self.rfile.read(int(length))
        headers = {name.lower(): value for name, value in self.headers.items()}
        answered = self.service.answer(method, self.path, headers, content)
        if answered is None:
            self.close_connection = True
            return
        status, body = answered
        self.send_response(status)
        self.send_header("Content-Type", "application/json" if body[:1] == b"{" else "application/octet-stream")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: a line for each call would hide what matters."""


def serve(
    service: Service,
    port: int = 0,
    listener: socket.socket | None = None,
    server_class: type[ThreadingHTTPServer] = ThreadingHTTPServer,
) -> ThreadingHTTPServer:
    """A server on the loopback address, or on a socket that listens already, not yet running; the caller runs and
    closes it."""
    handler = type("BankHandler", (Handler,), {"service": service})
    server = server_class(("127.0.0.1", port), handler, bind_and_activate=listener is None)
    if listener is not None:
        server.socket.close()
        server.socket = listener
        server.server_address = listener.getsockname()
    server.daemon_threads = True
    return server


def settings_of(said: Mapping[str, Any]) -> Settings:
    """The settings as a JSON file says them. Raises KeyError, TypeError and ValueError."""
    return Settings(
        str(said["token"]),
        str(said["told_token"]),
        str(said["client_id"]),
        str(said["public_key_pem"]),
        tuple(said["partners"]),
        tuple(said.get("old_partners", ())),
        bool(said.get("knows_everybody", False)),
    )
