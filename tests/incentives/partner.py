"""The other side of the CSV rail, written from docs/payout-csv.md without the product's code: what a partner does."""

import csv
import hashlib
import io
from collections.abc import Iterable, Mapping, Sequence

STATUS_HEADER = "reference,amount_rupiah,state,reason_code"


def read_instructions(content: bytes) -> list[dict[str, str]]:
    """The payments of an outgoing file, its trailer checked."""
    body, _, trailer = content.removesuffix(b"\n").rpartition(b"\n")
    rows = list(csv.DictReader(io.StringIO(body.decode(), newline="")))
    total = sum(int(row["amount_rupiah"]) for row in rows)
    digest = hashlib.sha256(body + b"\n").hexdigest()
    assert trailer.decode() == f"TRAILER,{len(rows)},{total},{digest}"
    return rows


def status_file(lines: Iterable[Sequence[object]], *, line_end: str = "\n") -> bytes:
    """A status file of lines (reference, amount, state, reason), with the trailer it should have."""
    rows = [tuple(line) for line in lines]
    texts = [STATUS_HEADER, *(",".join(str(value) for value in row) for row in rows)]
    digest = hashlib.sha256("".join(f"{text}\n" for text in texts).encode()).hexdigest()
    total = sum(int(str(row[1])) for row in rows)
    return "".join(f"{text}{line_end}" for text in [*texts, f"TRAILER,{len(rows)},{total},{digest}"]).encode()


def answers(content: bytes, rejected: Mapping[str, str] | None = None) -> bytes:
    """Answer an outgoing file: everything settled, but for the references `rejected` names with their reasons."""
    rejected = rejected or {}
    return status_file(
        (row["reference"], row["amount_rupiah"], *_state(row["reference"], rejected))
        for row in read_instructions(content)
    )


def _state(reference: str, rejected: Mapping[str, str]) -> tuple[str, str]:
    return ("rejected", rejected[reference]) if reference in rejected else ("settled", "")
