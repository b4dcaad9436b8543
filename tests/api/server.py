"""gunicorn as deployed, on a test's own database, and calls of partners' systems over a socket of their own making."""

import hashlib
import hmac
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.databases import ROOT
from tests.journeys.world import free_port, listen

BASE = "/api/v1/integration/"
# The loopback network has many addresses: a peer that no default lists.
ELSEWHERE = "127.0.0.2"


@dataclass(frozen=True)
class Reply:
    """An answer as it came over the socket."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def envelope(self) -> dict[str, Any]:
        """The body as v1 promises it; AssertionError where it is something else."""
        read = json.loads(self.body)
        assert set(read) == {"success", "message", "data"}, read
        assert isinstance(read["success"], bool) and isinstance(read["message"], str) and read["message"], read
        assert isinstance(read["data"], dict), read
        assert read["success"] == (self.status == 200), (self.status, read)
        return dict(read)

    @property
    def data(self) -> dict[str, Any]:
        return dict(self.envelope["data"])

    @property
    def refusal(self) -> str:
        """The code of the refusal; "" where it was answered."""
        return self.headers.get("bekal-refusal", "")


@dataclass(frozen=True)
class Server:
    """Where it listens, and what it has said so far (standard error)."""

    port: int
    said: list[str] = field(repr=False)

    def send(self, raw: bytes, *, peer: str = "127.0.0.1", to: str = "127.0.0.1", port: int | None = None) -> Reply:
        """Exactly these bytes, from a socket with that address; the connection is closed for writing after them."""
        with socket.create_connection((to, port or self.port), 20, source_address=(peer, 0)) as sock:
            sock.sendall(raw)
            sock.shutdown(socket.SHUT_WR)
            received = b"".join(iter(lambda: sock.recv(65_536), b""))
        return reply_of(received)


@dataclass(frozen=True)
class Client:
    """An institution's system as the public clients of v1 behave."""

    server: Server
    client_code: str
    key: str = field(repr=False)

    def call(self, operation: str, fields: object, **how: Any) -> Reply:
        """A compact body, signed as it is sent."""
        body = fields if isinstance(fields, bytes) else json.dumps(fields, separators=(",", ":")).encode()
        return self.server.send(self.request(operation, body, **how), peer=how.get("peer", "127.0.0.1"))

    def request(
        self,
        operation: str,
        body: bytes,
        *,
        signed: bytes | None = None,
        timestamp: int | str | None = None,
        signature: str | None = None,
        headers: Sequence[tuple[str, str]] | None = None,
        method: str = "POST",
        path: str | None = None,
        name: str = "client_code",
        peer: str = "",
    ) -> bytes:
        """The bytes of a call; `headers` stand instead of the three of the contract."""
        stamp = str(int(time.time()) if timestamp is None else timestamp)
        text = f"{self.client_code}{stamp}POST{BASE}{operation}".encode() + (body if signed is None else signed)
        right = hmac.new(self.key.encode(), text, hashlib.sha1).hexdigest()
        own = [(name, self.client_code), ("signature", signature or right), ("timestamp", stamp)]
        lines = [f"{method} {path or BASE + operation} HTTP/1.1", "Host: 127.0.0.1", "Content-Type: application/json"]
        lines += [f"{key}: {value}" for key, value in (own if headers is None else headers)]
        lines += [f"Content-Length: {len(body)}", "Connection: close", "", ""]
        return "\r\n".join(lines).encode("latin-1") + body


def reply_of(received: bytes) -> Reply:
    """One answer out of the bytes that a server sent before it closed."""
    head, _, body = received.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    if headers.get("transfer-encoding") == "chunked":
        body = _unchunked(body)
    return Reply(int(first.split()[1]), headers, body)


@contextmanager
def serving(environ: dict[str, str], *, configuration: Path | None = None) -> Iterator[Server]:
    """The server with the deployed configuration on a free port of two addresses, ended afterwards.

    AssertionError where it wrote an error: no call may make it."""
    port = free_port()
    command = [sys.executable, "-m", "gunicorn", "--no-control-socket", "--log-level", "info"]
    command += [part for number in ("127.0.0.1", ELSEWHERE) for part in ("--bind", f"{number}:{port}")]
    process = subprocess.Popen(
        [*command, "-c", str(configuration or "src/bekal/config/gunicorn.py"), "bekal.config.wsgi"],
        cwd=ROOT,
        env=environ | {"BEKAL_WORKERS": "1", "PYTHONPATH": "src"},
        stderr=subprocess.PIPE,
        text=True,
    )
    said: list[str] = []
    assert process.stderr is not None
    listening = threading.Event()
    listener = threading.Thread(target=listen, args=[process.stderr, said, listening])
    listener.start()
    try:
        listening.wait()
        assert any("Listening at" in line for line in said), "the server did not start:\n" + "".join(said)
        yield Server(port, said)
    finally:
        process.terminate()
        process.wait()
        listener.join()
        process.stderr.close()
    assert not any("Traceback" in line or " ERROR " in line for line in said), "".join(said)


def _unchunked(body: bytes) -> bytes:
    parts = []
    while body:
        size, _, rest = body.partition(b"\r\n")
        length = int(size, 16)
        if length == 0:
            break
        parts.append(rest[:length])
        body = rest[length + 2 :]
    return b"".join(parts)
