"""Files to a bank and back over HTTPS: hand one over, ask whether it arrived, fetch what is new.

A file is handed over under the name that stands in it, so that a bank which hears it twice knows it. What is not a
clear yes or no is unknown, and only asking resolves it.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from urllib.parse import quote

import httpx

from bekal.core.text import shown
from bekal.incentives.partners.https import client_to

TIMEOUT_SECONDS = 60.0
MAX_FILE_BYTES = 128 * 1024 * 1024


class HandedOver(StrEnum):
    """What came of handing a file over, or of asking for it."""

    TAKEN = "taken"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    NOT_THERE = "not_there"


@dataclass(frozen=True, slots=True)
class Told:
    """What the bank said, with its own words where it refused."""

    outcome: HandedOver
    words: str = ""


@dataclass(frozen=True, slots=True)
class Fetched:
    """One file of the bank: its number there, which only grows, its name and its bytes."""

    number: int
    name: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class FileAccess:
    """Where a bank's exchange is, and the token that opens it."""

    address: str
    token: str = field(repr=False)


class ExchangeError(Exception):
    """The bank's exchange cannot be read now; the message says why. Try again later."""


class NotThereError(ExchangeError):
    """The bank answers, and has nothing there yet."""


class FileExchange:
    """One bank's exchange. Handing over and asking never raise for what a bank or a network may do."""

    def __init__(self, access: FileAccess) -> None:
        self._http = client_to(
            access.address.rstrip("/") + "/",
            timeout_seconds=TIMEOUT_SECONDS,
            headers={"Authorization": f"Bearer {access.token}"},
        )

    def close(self) -> None:
        self._http.close()

    def hand_over(self, name: str, content: bytes) -> Told:
        """Send a file. *Unknown* where the line broke, or the answer is none of those that were agreed on."""
        try:
            response = self._http.post(f"files/{quote(name, safe='')}", content=content)
        except (httpx.HTTPError, OSError):
            return Told(HandedOver.UNKNOWN)
        if response.status_code == httpx.codes.ACCEPTED:
            return Told(HandedOver.TAKEN)
        if response.status_code == httpx.codes.UNPROCESSABLE_ENTITY:
            return Told(HandedOver.REFUSED, _words(response))
        # Busy, or closed for the night: the bank says that it has not looked at it.
        if response.status_code in (httpx.codes.SERVICE_UNAVAILABLE, httpx.codes.TOO_MANY_REQUESTS):
            return Told(HandedOver.NOT_THERE, _words(response))
        return Told(HandedOver.UNKNOWN, _words(response))

    def ask(self, message_id: str) -> Told:
        """Whether a file arrived."""
        try:
            response = self._http.get(f"orders/{quote(message_id, safe='')}")
        except (httpx.HTTPError, OSError):
            return Told(HandedOver.UNKNOWN)
        if response.status_code == httpx.codes.OK:
            return Told(HandedOver.TAKEN)
        is_not_there = response.status_code == httpx.codes.NOT_FOUND
        return Told(HandedOver.NOT_THERE if is_not_there else HandedOver.UNKNOWN, _words(response))

    def new_files(self, after: int) -> Iterator[Fetched]:
        """What the bank has put out after that number, in its order. Raises ExchangeError, after whole files only: a
        file whose bytes do not have the hash that was announced is not given."""
        while listed := self._list(after):
            for number, name, sha256 in listed:
                content = self._get(f"files/{number}")
                if hashlib.sha256(content).hexdigest() != sha256:
                    raise ExchangeError(f"file {number} does not have the hash that was announced: fetched again later")
                yield Fetched(number, name, content)
                after = number

    def statement(self, day: str, form: str) -> bytes:
        """The statement of a day (ISO date) as `camt.053` or `mt940`. Raises ExchangeError, NotThereError."""
        return self._get(f"statements/{day}?form={form}")

    def _list(self, after: int) -> list[tuple[int, str, str]]:
        content = self._get(f"files?after={after}")
        try:
            found: Any = httpx.Response(200, content=content).json()
            rows = [
                (int(one["number"]), shown(str(one["name"]), limit=120), str(one["sha256"])) for one in found["files"]
            ]
        except (ValueError, TypeError, KeyError, RecursionError):
            raise ExchangeError("the list of files cannot be read") from None
        numbers = [number for number, _, _ in rows]
        if numbers != sorted(set(numbers)) or (numbers and numbers[0] <= after):
            raise ExchangeError("the list of files is not in the order of their numbers")
        return rows

    def _get(self, path: str) -> bytes:
        try:
            with self._http.stream("GET", path) as response:
                if response.status_code == httpx.codes.NOT_FOUND:
                    raise NotThereError("the exchange has nothing there")
                if response.status_code != httpx.codes.OK:
                    raise ExchangeError(f"the exchange answers {response.status_code}")
                content = bytearray()
                for part in response.iter_bytes():
                    content += part
                    if len(content) > MAX_FILE_BYTES:
                        raise ExchangeError(f"a file has more than {MAX_FILE_BYTES} bytes")
                return bytes(content)
        except (httpx.HTTPError, OSError) as error:
            raise ExchangeError(f"the exchange does not answer ({type(error).__name__})") from None


def _words(response: httpx.Response) -> str:
    return shown(response.text, limit=200)
