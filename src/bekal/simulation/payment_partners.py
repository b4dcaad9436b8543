"""What the payment partners of the simulated year answer, in their own forms: files in, files out, paying nobody.

Read and written by the bank's code (`bank/orders.py`, `bank/answers.py`), which shares nothing with the programme's
rails. Nothing is remembered: an answer follows from the file and from what is rejected, so that a walk can be stopped
and taken up anywhere.
"""

from collections.abc import Mapping
from datetime import date, datetime

from bekal.simulation.bank import answers
from bekal.simulation.bank.books import Booked
from bekal.simulation.bank.orders import read_orders

# A file that was cut has so many per cent of its bytes.
CUT_PER_CENT = 60
PAYING_ACCOUNT = "0000000001"


def booked(name: str, content: bytes, rejected: Mapping[str, str], day: date) -> tuple[str, tuple[Booked, ...]]:
    """The name under which the partner knows a file, and what became of each of its orders: settled, or rejected for
    the reason of its reference. Raises OrderError for a file that it does not take."""
    file = read_orders(name, content)
    return file.message_id, tuple(
        Booked(
            order.reference,
            order.number,
            order.holder_name,
            order.amount,
            "rejected" if order.reference in rejected else "settled",
            rejected.get(order.reference, ""),
            day.isoformat(),
            None,
        )
        for order in file.orders
    )


def answer_to(name: str, content: bytes, rejected: Mapping[str, str], *, at: datetime, day: date) -> tuple[str, bytes]:
    """Name and content of the partner's answer to a file, in the form in which it was ordered: CSV or `pain.002`."""
    message_id, lines = booked(name, content, rejected, day)
    if name.endswith(".csv"):
        return f"status-{name}", answers.csv_statuses(lines)
    original = (message_id, "pain.001.001.09", len(lines), sum(line.amount for line in lines))
    return f"status-{name}", answers.report(f"RPT{message_id}"[:35], answers.PAIN_002, original, lines, at)


def statement_of(lines: tuple[Booked, ...], form: str, *, partner: str, day: date, at: datetime) -> bytes:
    """The partner's statement of a day: what was put in for it, and what was paid."""
    paid_rupiah = sum(line.amount for line in lines if line.state == "settled")
    name = f"STM{day:%Y%m%d}{partner.upper()}"
    if form == "mt940":
        return answers.mt940(name, PAYING_ACCOUNT, 0, [paid_rupiah], lines, day)
    return answers.statement(name, answers.CAMT_053, PAYING_ACCOUNT, 0, [paid_rupiah], lines, day, at)


def cut(content: bytes) -> bytes:
    """The first part of a file."""
    return content[: len(content) * CUT_PER_CENT // 100]
