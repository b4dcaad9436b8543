"""HTTP over a socket of one's own: exactly the headers and the bytes that were signed, one connection kept open."""

import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Answer:
    """A status, the headers in small letters, and the bytes."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON; an empty object where it is none."""
        try:
            return json.loads(self.body)
        except ValueError:
            return {}

    def __str__(self) -> str:
        return f"{self.status} {self.body[:400].decode(errors='replace')}"


class Wire:
    """Calls to one server."""

    def __init__(self, base: str) -> None:
        self.parts = urlsplit(base)
        self.connection: http.client.HTTPConnection | None = None

    def send(self, method: str, target: str, headers: Mapping[str, str], body: bytes = b"") -> Answer:
        """One call; over a new connection where the server has closed the old one."""
        for is_again in (False, True):
            if self.connection is None:
                kinds = {"https": http.client.HTTPSConnection}
                kind = kinds.get(self.parts.scheme, http.client.HTTPConnection)
                self.connection = kind(self.parts.hostname or "", self.parts.port, timeout=60)
            try:
                self.connection.request(method, target, body or None, dict(headers))
                answer = self.connection.getresponse()
                names = {name.lower(): value for name, value in answer.getheaders()}
                return Answer(answer.status, names, answer.read())
            except (http.client.RemoteDisconnected, ConnectionError, BrokenPipeError):
                self.connection.close()
                self.connection = None
                if is_again:
                    raise
        raise AssertionError("a call ends above")
