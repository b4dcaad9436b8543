"""Files of orders as the bank reads them: `pain.001` of any generation, and the CSV of the small wallets.

Written from the standards, without a look at what the programme writes.
"""

import csv
import hashlib
import io
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from bekal.simulation.bank.books import Order

CSV_HEADER = ["reference", "partner", "account_number", "holder_name", "amount_rupiah"]
_NAMESPACE = re.compile(r"\{urn:iso:std:iso:20022:tech:xsd:pain\.001\.001\.[0-9]{2}\}")
_DOCTYPE = re.compile(rb"<!DOCTYPE", re.IGNORECASE)
_AMOUNT = re.compile(r"([0-9]{1,15})(\.0{1,2})?")
_CSV_NAME = re.compile(r"bekal-([0-9]{8})-[A-Za-z0-9-]+\.csv")
MAX_PAYMENTS = 50_000


class OrderError(ValueError):
    """A file the bank does not take; the sentence says why."""


@dataclass(frozen=True, slots=True)
class OrderFile:
    """What was ordered, for which day, and by which name the file is known."""

    message_id: str
    form: str
    day: date
    orders: tuple[Order, ...]


def read_orders(name: str, content: bytes) -> OrderFile:
    """The orders of a file. Raises OrderError for one that is cut, changed or malformed."""
    return _read_csv(name, content) if name.endswith(".csv") else _read_pain001(content)


def _read_pain001(content: bytes) -> OrderFile:
    if _DOCTYPE.search(content[:4096]):
        raise OrderError("a document type declaration is not taken")
    try:
        root = ET.fromstring(content)
    except ET.ParseError as error:
        raise OrderError(f"the file is not well-formed or was cut ({error})") from None
    found = _NAMESPACE.match(root.tag)
    if found is None:
        raise OrderError(f"{root.tag[:80]} is not a pain.001")
    space = found[0]
    initiation = root.find(f"{space}CstmrCdtTrfInitn")
    header = None if initiation is None else initiation.find(f"{space}GrpHdr")
    if initiation is None or header is None:
        raise OrderError("CstmrCdtTrfInitn/GrpHdr is missing")
    message_id = _text(header, f"{space}MsgId")
    batches = initiation.findall(f"{space}PmtInf")
    orders: list[Order] = []
    days = set()
    for batch in batches:
        requested = batch.find(f"{space}ReqdExctnDt")
        if requested is None:
            raise OrderError("ReqdExctnDt is missing")
        days.add(date.fromisoformat((requested.findtext(f"{space}Dt") or requested.text or "").strip()))
        of_batch = list(_payments(batch, space))
        _compare(batch, space, of_batch)
        orders += of_batch
    _compare(header, space, orders)
    if len(days) != 1 or len(orders) > MAX_PAYMENTS:
        raise OrderError(f"{len(days)} days and {len(orders)} payments: one day and at most {MAX_PAYMENTS} are taken")
    return OrderFile(message_id, space[-16:-1].removeprefix(":"), days.pop(), tuple(orders))


def _payments(batch: ET.Element, space: str) -> Iterator[Order]:
    # One step at a time: a path of several is looked up ten times slower.
    def steps(path: str) -> list[str]:
        return [space + name for name in path.split("/")]

    amount_steps, reference_steps = steps("Amt/InstdAmt"), steps("PmtId/EndToEndId")
    number_steps, name_steps = steps("CdtrAcct/Id/Othr/Id"), steps("Cdtr/Nm")
    for payment in batch.iterfind(f"{space}CdtTrfTxInf"):
        amount = _at(payment, amount_steps)
        if amount is None or amount.get("Ccy") != "IDR":
            raise OrderError("a payment is not in IDR")
        reference, number, name = (
            _said(_at(payment, each), each[-1]) for each in (reference_steps, number_steps, name_steps)
        )
        yield Order(reference, number, name, _rupiah(amount.text or ""))


def _at(element: ET.Element | None, steps: Sequence[str]) -> ET.Element | None:
    for name in steps:
        element = None if element is None else element.find(name)
    return element


def _compare(element: ET.Element, space: str, orders: list[Order]) -> None:
    count, total = _text(element, f"{space}NbOfTxs"), element.findtext(f"{space}CtrlSum")
    if int(count) != len(orders) or (total is not None and _rupiah(total) != sum(order.amount for order in orders)):
        raise OrderError(f"count or sum differ: {count} and {total} are said")


def _text(element: ET.Element, path: str) -> str:
    return _said(element.find(path), path)


def _said(element: ET.Element | None, path: str) -> str:
    text = "" if element is None else (element.text or "").strip()
    if not text:
        raise OrderError(f"{path.rpartition('}')[2]} is missing")
    return text


def _rupiah(text: str) -> int:
    found = _AMOUNT.fullmatch(text.strip())
    if found is None or int(found[1]) == 0:
        raise OrderError(f"{text[:40]!r} is not an amount of whole rupiah")
    return int(found[1])


def _read_csv(name: str, content: bytes) -> OrderFile:
    found = _CSV_NAME.fullmatch(name)
    if found is None:
        raise OrderError(f"{name[:80]!r} is not named bekal-YYYYMMDD-runN-PARTNER.csv")
    body, _, trailer = content.replace(b"\r\n", b"\n").removesuffix(b"\n").rpartition(b"\n")
    fields = trailer.decode("utf-8", "replace").split(",")
    if len(fields) != 4 or fields[0] != "TRAILER":
        raise OrderError("the last line is no trailer TRAILER,count,sum,sha256: fetch the whole file again")
    if hashlib.sha256(body + b"\n").hexdigest() != fields[3]:
        raise OrderError("the lines do not have the hash of the trailer: the file was changed, fetch it again")
    try:
        rows = list(csv.reader(io.StringIO(body.decode("utf-8"), newline=""), strict=True))
        orders = [Order(row[0], row[2], row[3], _rupiah(row[4])) for row in rows[1:]]
    except (csv.Error, ValueError, IndexError) as error:
        raise OrderError(f"a line cannot be read ({error}): correct the file") from None
    if not rows or rows[0] != CSV_HEADER:
        raise OrderError(f"the first line must be {','.join(CSV_HEADER)}")
    if [str(len(orders)), str(sum(order.amount for order in orders))] != fields[1:3]:
        raise OrderError("count or sum differ from the trailer's: correct the file")
    digits = found[1]
    day = date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    return OrderFile(name.removesuffix(".csv"), "csv", day, tuple(orders))
