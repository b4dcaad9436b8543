"""A payment partner that does not exist: takes instructions, pays nobody, and answers as docs/payout-csv.md says.

It reads and writes the documented format by itself and shares no code with the programme's own rail, so that what it
accepts is what the document says.
"""

import csv
import hashlib
import io
from dataclasses import dataclass

INSTRUCTION_HEADER = ["reference", "partner", "account_number", "holder_name", "amount_rupiah"]
STATUS_HEADER = "reference,amount_rupiah,state,reason_code"
# Closed account, name that differs, wallet that is full.
REASONS = ("AC04", "BE01", "AM14")


class InstructionError(ValueError):
    """A file the partner does not take; the sentence says why."""


@dataclass(frozen=True, slots=True)
class Instruction:
    """One payment the partner is asked for."""

    reference: str
    partner: str
    account_number: str
    holder_name: str
    amount_rupiah: int


def instructions_of(content: bytes) -> list[Instruction]:
    """Every payment of an instruction file. Raises InstructionError for a file that is cut, changed or malformed."""
    body, _, trailer = content.replace(b"\r\n", b"\n").removesuffix(b"\n").rpartition(b"\n")
    fields = trailer.decode("utf-8", "replace").split(",")
    if len(fields) != 4 or fields[0] != "TRAILER":
        raise InstructionError("the last line is no trailer TRAILER,count,sum,sha256: fetch the whole file again")
    if hashlib.sha256(body + b"\n").hexdigest() != fields[3]:
        raise InstructionError("the lines do not have the hash of the trailer: the file was changed, fetch it again")
    try:
        rows = list(csv.reader(io.StringIO(body.decode("utf-8"), newline=""), strict=True))
        lines = [_instruction(row) for row in rows[1:]]
    except (csv.Error, ValueError) as error:
        raise InstructionError(f"a line cannot be read ({error}): correct the file") from None
    if not rows or rows[0] != INSTRUCTION_HEADER:
        raise InstructionError(f"the first line must be {','.join(INSTRUCTION_HEADER)}")
    if [str(len(lines)), str(sum(line.amount_rupiah for line in lines))] != fields[1:3]:
        raise InstructionError("count or sum differ from the trailer's: correct the file")
    return lines


def _instruction(row: list[str]) -> Instruction:
    if len(row) != len(INSTRUCTION_HEADER) or not (row[4].isascii() and row[4].isdigit() and len(row[4]) <= 15):
        raise ValueError(f"{row!r:.80} has not five fields with a whole amount at the end")
    return Instruction(row[0], row[1], row[2], row[3], int(row[4]))


def answer(content: bytes, *, reject_every: int = 0) -> bytes:
    """The status file for an instruction file: everything settled, but every `reject_every`-th line (0: none)
    rejected.

    The same file gets the same answer. Raises InstructionError.
    """
    lines = [STATUS_HEADER]
    total_rupiah = 0
    instructions = instructions_of(content)
    for number, one in enumerate(instructions, start=1):
        rejected = reject_every > 0 and number % reject_every == 0
        reason = REASONS[(number // reject_every - 1) % len(REASONS)] if rejected else ""
        lines.append(f"{one.reference},{one.amount_rupiah},{'rejected' if rejected else 'settled'},{reason}")
        total_rupiah += one.amount_rupiah
    body = "".join(line + "\n" for line in lines).encode()
    return body + f"TRAILER,{len(instructions)},{total_rupiah},{hashlib.sha256(body).hexdigest()}\n".encode()
