"""The certificate of a closed day as a text: CSV, a line for each figure, so that anybody can read and hash it.

`item,kind,owner,count,rupiah,days`: what, of which exception, whose turn, how many, how much, how old the oldest is.
"""

import csv
import hashlib
import io
from collections.abc import Iterable
from typing import NamedTuple

HEADER = "item,kind,owner,count,rupiah,days"


class Line(NamedTuple):
    """One line of a certificate; None where the column says nothing."""

    item: str
    kind: str = ""
    owner: str = ""
    item_count: int | None = None
    rupiah: int | None = None
    days: int | None = None


def write_content(lines: Iterable[Line]) -> str:
    """The text of a certificate, its lines in that order."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(HEADER.split(","))
    for line in lines:
        writer.writerow("" if value is None else value for value in line)
    return text.getvalue()


def read_content(content: str) -> list[Line]:
    """The lines of a text that `write_content` made."""
    rows = csv.reader(io.StringIO(content, newline=""))
    next(rows)
    return [Line(row[0], row[1], row[2], *(int(value) if value else None for value in row[3:])) for row in rows]


def sha256_of(content: str) -> bytes:
    return hashlib.sha256(content.encode()).digest()


def with_trailer(content: str) -> bytes:
    """As it is downloaded: the text, and under it the SHA-256 of everything above."""
    return f"{content}SHA256,{sha256_of(content).hex()},,,,\n".encode()
