"""The CSV rail for small wallets, as docs/payout-csv.md describes it: instructions out, statuses back.

Both files end in a trailer with count, sum and SHA-256 of everything above it. The reader believes nothing before it
has seen the whole file: it gives every line or none.
"""

import csv
import hashlib
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from bekal.core.money import MoneyError, parse_rupiah
from bekal.core.refusal import Refusal
from bekal.incentives.refusals import PayoutRefusal

INSTRUCTION_COLUMNS = ("reference", "partner", "account_number", "holder_name", "amount_rupiah")
STATUS_COLUMNS = ("reference", "amount_rupiah", "state", "reason_code")
TRAILER_COLUMNS = ("TRAILER", "count", "sum", "sha256")
SETTLED, REJECTED, RETURNED = STATES = ("settled", "rejected", "returned")

MAX_FILE_BYTES = 32 * 1024 * 1024
"""About half a million status lines; a run that is larger is answered in several files."""
MAX_FAULTS = 100
"""So many faults are listed, the rest of the file is not read: it is refused anyway."""
_QUOTED_LENGTH = 40
_REFERENCE = re.compile(r"[A-Z0-9]{1,35}")
_REASON = re.compile(r"[A-Z0-9]{1,8}")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class Instruction(NamedTuple):
    """One payment to make: whole rupiah to one account; `payout_id`, where it comes from the books."""

    reference: str
    partner: str
    account_number: str
    holder_name: str
    amount_rupiah: int
    payout_id: int = 0


@dataclass(frozen=True, slots=True)
class StatusLine:
    """What a partner says of one instruction; `line` counts from 1, the header included."""

    line: int
    reference: str
    amount_rupiah: int
    state: str
    reason_code: str


@dataclass(frozen=True, slots=True)
class StatusFile:
    """A file as read: its lines, or what is wrong with it. Never both."""

    lines: tuple[StatusLine, ...]
    faults: tuple[Refusal, ...]


def write_instructions(instructions: Iterable[Instruction]) -> bytes:
    """The outgoing file: UTF-8, LF, quotes where RFC 4180 asks for them, a trailer at the end."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(INSTRUCTION_COLUMNS)
    count = total_rupiah = 0
    for one in instructions:
        name = one_line(one.holder_name)
        writer.writerow((one.reference, one.partner, one.account_number, name, one.amount_rupiah))
        count += 1
        total_rupiah += one.amount_rupiah
    body = text.getvalue().encode()
    return body + f"TRAILER,{count},{total_rupiah},{hashlib.sha256(body).hexdigest()}\n".encode()


def read_instructions(text: str) -> Iterator[Instruction]:
    """The payments of a file that `write_instructions` made, in its order."""
    for row in csv.reader(io.StringIO(text, newline="")):
        if row[0] not in (INSTRUCTION_COLUMNS[0], TRAILER_COLUMNS[0]):
            reference, partner, account_number, holder_name, amount_rupiah = row
            yield Instruction(reference, partner, account_number, holder_name, int(amount_rupiah))


def one_line(text: str) -> str:
    """The text on a single line: control characters and line ends become blanks, runs of blanks one blank."""
    if not text.isprintable():
        text = "".join(char if char.isprintable() else " " for char in text)
    return " ".join(text.split())


def read_statuses(content: bytes) -> StatusFile:
    """Read a partner's status file strictly. All its lines, or its faults (at most 100), each naming line and value."""
    if len(content) > MAX_FILE_BYTES:
        values = {"size_bytes": len(content), "limit_bytes": MAX_FILE_BYTES}
        return StatusFile((), (Refusal(PayoutRefusal.FILE_TOO_LARGE, values),))
    if content.startswith(_BYTE_ORDER_MARK):
        return StatusFile((), (Refusal(PayoutRefusal.FILE_BYTE_ORDER_MARK, {"line": 1}),))
    reading = _Reading()
    for number, raw in enumerate(io.BytesIO(content), start=1):
        reading.take(number, raw.removesuffix(b"\n").removesuffix(b"\r"))
        if reading.is_hopeless:
            break
    return reading.result()


@dataclass(slots=True)
class _Reading:
    """What has been read so far. The hash is of each line followed by LF, so that CRLF does not change it."""

    digest: "hashlib._Hash" = field(default_factory=hashlib.sha256)
    lines: list[StatusLine] = field(default_factory=list)
    faults: list[Refusal] = field(default_factory=list)
    line_of: dict[str, int] = field(default_factory=dict)
    number: int = 0
    has_trailer: bool = False
    is_hopeless: bool = False

    def take(self, number: int, raw: bytes) -> None:
        self.number = number
        try:
            text = raw.decode()
        except UnicodeDecodeError:
            self._give_up(PayoutRefusal.FILE_NOT_UTF8)
            return
        if self.has_trailer:
            self._give_up(PayoutRefusal.FILE_AFTER_TRAILER, value=text)
        elif text.startswith("TRAILER,"):
            self._take_trailer(text)
        elif number == 1 and text != ",".join(STATUS_COLUMNS):
            self._give_up(PayoutRefusal.FILE_HEADER, value=text, expected=",".join(STATUS_COLUMNS))
        else:
            self.digest.update(raw + b"\n")
            if number > 1:
                self._take_status(text)

    def result(self) -> StatusFile:
        if not self.is_hopeless and not self.has_trailer:
            self.number += 1
            self._fault(PayoutRefusal.FILE_NO_TRAILER)
        elif not self.faults and not self.lines:
            self._fault(PayoutRefusal.FILE_NO_LINES)
        return StatusFile((), tuple(self.faults[:MAX_FAULTS])) if self.faults else StatusFile(tuple(self.lines), ())

    def _take_status(self, text: str) -> None:
        fields = text.split(",")
        if len(fields) != len(STATUS_COLUMNS):
            self._fault(PayoutRefusal.FILE_FIELD_COUNT, value=len(fields), expected=len(STATUS_COLUMNS))
            return
        reference, amount, state, reason = fields
        faults_before = len(self.faults)
        amount_rupiah = self._amount(amount)
        if not _REFERENCE.fullmatch(reference):
            self._fault(PayoutRefusal.FILE_REFERENCE, column="reference", value=reference)
        if state not in STATES:
            self._fault(PayoutRefusal.FILE_STATE, column="state", value=state)
        elif reason if state == SETTLED else not _REASON.fullmatch(reason):
            self._fault(PayoutRefusal.FILE_REASON, column="reason_code", value=reason)
        first_line = self.line_of.setdefault(reference, self.number)
        if first_line != self.number:
            self._fault(PayoutRefusal.FILE_DUPLICATE, column="reference", value=reference, first_line=first_line)
        if len(self.faults) == faults_before:
            self.lines.append(StatusLine(self.number, reference, amount_rupiah, state, reason))

    def _amount(self, text: str) -> int:
        try:
            return parse_rupiah(text, minimum=1)
        except MoneyError:
            self._fault(PayoutRefusal.FILE_AMOUNT, column="amount_rupiah", value=text)
            return 0

    def _take_trailer(self, text: str) -> None:
        self.has_trailer = True
        if self.faults:
            return  # the lines above are wrong, so a trailer that does not fit them says nothing new
        found = text.split(",")
        if len(found) != len(TRAILER_COLUMNS):
            self._fault(PayoutRefusal.FILE_FIELD_COUNT, value=len(found), expected=len(TRAILER_COLUMNS))
            return
        total_rupiah = sum(line.amount_rupiah for line in self.lines)
        expected = ("TRAILER", str(len(self.lines)), str(total_rupiah), self.digest.hexdigest())
        for column, value, right in zip(TRAILER_COLUMNS, found, expected, strict=True):
            if value != right:
                self._fault(PayoutRefusal.FILE_TRAILER, column=column, value=value, expected=right)

    def _give_up(self, code: PayoutRefusal, **values: int | str) -> None:
        self.is_hopeless = True
        self._fault(code, **values)

    def _fault(self, code: PayoutRefusal, **values: int | str) -> None:
        quoted = {name: _quoted(value) if name == "value" else value for name, value in values.items()}
        self.faults.append(Refusal(code, {"line": self.number, **quoted}))
        self.is_hopeless = self.is_hopeless or len(self.faults) >= MAX_FAULTS


def _quoted(value: int | str) -> int | str:
    """What was found, fit to stand in a sentence: one line, at most 40 characters, but a hash in full."""
    if isinstance(value, int) or len(value) <= _QUOTED_LENGTH:
        return one_line(value) if isinstance(value, str) else value
    return one_line(value[: _QUOTED_LENGTH - 1]) + "…"
