"""SWIFT MT940, the older form of a day's statement: what banks send that do not speak `camt.053`.

Fields start with `:NN:` at the start of a line. A reference of ours is longer than the sixteen characters of field 61,
so it stands in field 86 as `/EREF/…`, the account that was paid to as `/CNTP/…`, and the reason of what came back as
`/RTRN/…`. A statement may be cut into pages
(60M, 62M); it is taken only from its first balance (60F) to its last (62F), and only where it adds up.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date

from bekal.core.money import MoneyError, parse_rupiah
from bekal.core.refusal import Refusal
from bekal.core.text import shown
from bekal.incentives.partners.bank_lines import (
    ACCOUNT_LENGTH,
    MAX_FAULTS,
    BankFile,
    BankLine,
    DayStatement,
    Others,
    Said,
)
from bekal.incentives.partners.pain002 import NO_REASON
from bekal.incentives.refusals import PayoutRefusal

MAX_FILE_BYTES = 128 * 1024 * 1024
_FIELD = re.compile(r":([0-9]{2}[A-Z]?):(.*)")
_BALANCE = re.compile(r"([CD])([0-9]{6})([A-Z]{3})([0-9]{1,15}),0{0,2}")
_MOVEMENT = re.compile(
    r"[0-9]{6}(?:[0-9]{4})?(R?[CD])[A-Z]?([0-9]{1,15}),0{0,2}[NFS][A-Z0-9]{3}([^/]{0,16})(?://.{0,34})?"
)
_REFERENCE = re.compile(r"/EREF/([A-Za-z0-9]{1,35})")
_ACCOUNT = re.compile(r"/CNTP/([A-Za-z0-9]{1,34})")
_RETURN = re.compile(r"/RTRN/([A-Z0-9]{4})")


@dataclass(slots=True)
class _Statement:
    """One statement while it is read, in rupiah."""

    account: str = ""
    opening: int | None = None
    closing: int | None = None
    running: int = 0
    debits: int = 0
    credits: int = 0
    line_start: int = 0
    others: list[int] = field(default_factory=lambda: [0, 0, 0])


@dataclass(slots=True)
class _Reading:
    line: int = 0
    count: int = 0
    message_id: str = ""
    open: _Statement | None = None
    movement: tuple[str, int, str] | None = None
    lines: list[BankLine] = field(default_factory=list)
    statements: list[DayStatement] = field(default_factory=list)
    faults: list[Refusal] = field(default_factory=list)

    def fault(self, code: PayoutRefusal, **values: int | str) -> None:
        self.faults.append(Refusal(code, {"line": self.line, **values}))


def read_mt940(content: bytes) -> BankFile:
    """Read a day's statements strictly: all their lines, or the faults (at most 100), each naming line and value."""
    if len(content) > MAX_FILE_BYTES:
        values = {"size_bytes": len(content), "limit_bytes": MAX_FILE_BYTES}
        return BankFile("mt940", faults=(Refusal(PayoutRefusal.FILE_TOO_LARGE, values),))
    reading = _Reading()
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        reading.line = content.count(b"\n", 0, error.start) + 1
        reading.fault(PayoutRefusal.FILE_NOT_UTF8)
        return BankFile("mt940", faults=tuple(reading.faults))
    for number, tag, value in _fields(text):
        reading.line = number
        _take(reading, tag, value)
        if len(reading.faults) >= MAX_FAULTS:
            break
    _end_movement(reading, "")
    if reading.open is not None:
        reading.fault(PayoutRefusal.FILE_NO_TRAILER)
    elif not reading.faults and not reading.statements:
        reading.fault(PayoutRefusal.FILE_NO_LINES)
    if reading.faults:
        return BankFile("mt940", reading.message_id, faults=tuple(reading.faults))
    return BankFile("mt940", reading.message_id, tuple(reading.lines), (), tuple(reading.statements))


def _fields(text: str) -> Iterator[tuple[int, str, str]]:
    """Line, tag and value of each field, its further lines joined; what stands between statements is left out."""
    number, tag, parts = 0, "", [""]
    for line_number, raw in enumerate(text.split("\n"), start=1):
        line = raw.removesuffix("\r")
        found = _FIELD.fullmatch(line)
        if found is None and line[:1] not in ("-", "{"):
            parts.append(line)
            continue
        if tag:
            yield number, tag, "".join(parts)
        number, tag, parts = (line_number, found[1], [found[2]]) if found else (line_number, "", [""])
    if tag:
        yield number, tag, "".join(parts)


def _take(reading: _Reading, tag: str, value: str) -> None:
    if tag != "86":
        _end_movement(reading, "")
    if tag == "20":
        if reading.open is None or not reading.message_id:
            reading.message_id = value.strip()
    elif tag == "25":
        _begin(reading, value.strip())
    elif tag in ("60F", "60M", "62F", "62M"):
        _balance(reading, tag, value)
    elif tag == "61":
        found = _MOVEMENT.fullmatch(value)
        if found is None:
            reading.fault(PayoutRefusal.FILE_AMOUNT, column="61", value=shown(value))
        elif (amount_rupiah := _amount(reading, "61", found[2])) is not None:
            reading.movement = found[1], amount_rupiah, found[3]
    elif tag == "86":
        _end_movement(reading, value)


def _begin(reading: _Reading, account: str) -> None:
    if reading.open is not None and reading.open.account == account:
        return
    if reading.open is not None:
        reading.fault(PayoutRefusal.FILE_NO_TRAILER)
    reading.open = _Statement(account, line_start=len(reading.lines))


def _balance(reading: _Reading, tag: str, value: str) -> None:
    found = _BALANCE.fullmatch(value.strip())
    if found is None:
        reading.fault(PayoutRefusal.FILE_AMOUNT, column=tag, value=shown(value))
        return
    if found[3] != "IDR":
        reading.fault(PayoutRefusal.FILE_CURRENCY, column=tag, value=found[3])
        return
    amount_rupiah, on = _amount(reading, tag, found[4]), _day(reading, tag, found[2])
    statement = reading.open
    if amount_rupiah is None or statement is None:
        if statement is None:
            reading.fault(PayoutRefusal.FILE_HEADER, value=f":{tag}:", expected=":25:")
        return
    signed = amount_rupiah if found[1] == "C" else -amount_rupiah
    if tag == "60F" and statement.opening is None:
        statement.opening = statement.running = signed
    elif statement.opening is None:
        reading.fault(PayoutRefusal.FILE_HEADER, value=f":{tag}:", expected=":60F:")
    elif signed != statement.running:
        reading.fault(PayoutRefusal.FILE_TOTAL, column=tag, value=signed, expected=statement.running)
        reading.open = None
    elif tag == "62F" and on is not None:
        reading.statements.append(
            DayStatement(
                shown(statement.account, limit=ACCOUNT_LENGTH),
                statement.opening,
                statement.debits,
                statement.credits,
                signed,
                on,
                len(reading.lines) - statement.line_start,
                Others(*statement.others),
            )
        )
        reading.open = None


def _end_movement(reading: _Reading, details: str) -> None:
    """The movement of field 61, now that it is known what field 86 says of it."""
    if reading.movement is None:
        return
    (mark, amount_rupiah, short_reference), reading.movement = reading.movement, None
    statement = reading.open
    if statement is None or statement.opening is None:
        reading.fault(PayoutRefusal.FILE_HEADER, value=":61:", expected=":60F:")
        return
    # RC takes a credit back, RD a debit: the one leaves the account, the other comes in.
    leaves = mark in ("D", "RC")
    if leaves:
        statement.debits += amount_rupiah
    else:
        statement.credits += amount_rupiah
    statement.running += -amount_rupiah if leaves else amount_rupiah
    reading.count += 1
    named, returned = _REFERENCE.search(details), _RETURN.search(details)
    reference = named[1] if named else short_reference.strip()
    is_ours = bool(reference) and reference not in ("NONREF", "NOTPROVIDED")
    if is_ours and mark == "D":
        paid_to = _ACCOUNT.search(details)
        account = paid_to[1] if paid_to else ""
        reading.lines.append(BankLine(reading.count, reference, amount_rupiah, Said.SETTLED, account=account))
    elif is_ours and (mark == "RD" or (mark == "C" and returned)):
        reason = returned[1] if returned else NO_REASON
        reading.lines.append(BankLine(reading.count, reference, amount_rupiah, Said.RETURNED, reason))
    else:
        statement.others[0] += 1
        statement.others[1 if leaves else 2] += amount_rupiah


def _day(reading: _Reading, column: str, digits: str) -> date | None:
    try:
        return date.fromisoformat(f"20{digits}")
    except ValueError:
        reading.fault(PayoutRefusal.FILE_DAY, column=column, value=digits)
        return None


def _amount(reading: _Reading, column: str, digits: str) -> int | None:
    try:
        return parse_rupiah(digits.lstrip("0") or "0")
    except MoneyError:
        reading.fault(PayoutRefusal.FILE_AMOUNT, column=column, value=shown(digits))
        return None
