"""Credit transfers for a bank as ISO 20022 `pain.001.001.09`, written as a stream: memory is the same at any length.

One currency without decimals, one debtor, one day. The counts and sums of the header come from the list that two
officers approved, and the writer fails where what it has written does not add up to them.
"""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from itertools import islice
from typing import BinaryIO
from xml.sax.saxutils import escape

from bekal.incentives.partners.bank_lines import BI_FAST_LIMIT_RUPIAH
from bekal.incentives.partners.csv_rail import Instruction, one_line

MAX_PAYMENTS_COUNT = 50_000
"""Of one file: what the banks take."""
NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:pain.001.001.09"
NAME_LENGTH = 140
_IDENTIFIER = re.compile(r"[A-Za-z0-9]{1,35}")
_ACCOUNT = re.compile(r"[0-9]{1,34}")
_BIC = re.compile(r"[A-Z0-9]{4}[A-Z]{2}[A-Z0-9]{2}(?:[A-Z0-9]{3})?")
# Nothing of it needs to be changed: the usual name.
_PLAIN_NAME = re.compile(rf"(?=.{{1,{NAME_LENGTH}}}\Z)[A-Za-z0-9.'-]+(?: [A-Za-z0-9.'-]+)*", re.ASCII)
_CHUNK_COUNT = 2_000


@dataclass(frozen=True, slots=True)
class Account:
    """The account that pays, and the bank it is with."""

    holder_name: str
    number: str
    bic: str


@dataclass(frozen=True, slots=True)
class TransferFile:
    """What stands above the payments. `message_id` names the file to the bank for ever (at most 35 letters and digits);
    count and sum are those of the ledger."""

    message_id: str
    created_at: datetime
    execution_on: date
    payment_count: int
    total_rupiah: int
    debtor: Account
    creditor_bic: str


def write_transfers(out: BinaryIO, file: TransferFile, instructions: Iterable[Instruction]) -> bytes:
    """Write the file; its SHA-256 (32 bytes).

    Raises ValueError, after which `out` holds no file that may be sent: a header that cannot be, more than 50,000
    payments, an amount that is not within BI-FAST's bounds (Rp1 to Rp250.000.000), a count or a sum that differ.
    """
    _check(file)
    digest = hashlib.sha256()

    def write(text: str) -> None:
        content = text.encode()
        digest.update(content)
        out.write(content)

    write(_head(file))
    count = total_rupiah = 0
    rest = iter(instructions)
    while chunk := list(islice(rest, _CHUNK_COUNT)):
        write("".join([_payment(one, file.creditor_bic) for one in chunk]))
        count += len(chunk)
        total_rupiah += sum(one.amount_rupiah for one in chunk)
    if (count, total_rupiah) != (file.payment_count, file.total_rupiah):
        raise ValueError(
            f"{file.message_id}: {count} payments of Rp{total_rupiah} instead of the {file.payment_count} of "
            f"Rp{file.total_rupiah} that were approved"
        )
    write("</PmtInf></CstmrCdtTrfInitn></Document>\n")
    return digest.digest()


def _check(file: TransferFile) -> None:
    if not 1 <= file.payment_count <= MAX_PAYMENTS_COUNT:
        raise ValueError(f"{file.payment_count} payments: a file has from 1 to {MAX_PAYMENTS_COUNT}")
    if file.created_at.tzinfo is None:
        raise ValueError("created_at is an instant: it needs a time zone")
    for name, value, form in (
        ("message_id", file.message_id, _IDENTIFIER),
        ("debtor.number", file.debtor.number, _ACCOUNT),
        ("debtor.bic", file.debtor.bic, _BIC),
        ("creditor_bic", file.creditor_bic, _BIC),
    ):
        if not form.fullmatch(value):
            raise ValueError(f"{name} {value!r:.60} is not of the form {form.pattern}")


def _head(file: TransferFile) -> str:
    totals = f"<NbOfTxs>{file.payment_count}</NbOfTxs><CtrlSum>{file.total_rupiah}</CtrlSum>"
    name = _name(file.debtor.holder_name)
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<Document xmlns="{NAMESPACE}"><CstmrCdtTrfInitn><GrpHdr>'
        f"<MsgId>{file.message_id}</MsgId><CreDtTm>{file.created_at.isoformat(timespec='seconds')}</CreDtTm>{totals}"
        f"<InitgPty><Nm>{name}</Nm></InitgPty></GrpHdr>\n<PmtInf><PmtInfId>{file.message_id}</PmtInfId>"
        f"<PmtMtd>TRF</PmtMtd><BtchBookg>true</BtchBookg>{totals}"
        f"<ReqdExctnDt><Dt>{file.execution_on.isoformat()}</Dt></ReqdExctnDt><Dbtr><Nm>{name}</Nm></Dbtr>"
        f"<DbtrAcct><Id><Othr><Id>{file.debtor.number}</Id></Othr></Id><Ccy>IDR</Ccy></DbtrAcct>"
        f"<DbtrAgt><FinInstnId><BICFI>{file.debtor.bic}</BICFI></FinInstnId></DbtrAgt><ChrgBr>SLEV</ChrgBr>\n"
    )


def _payment(one: Instruction, creditor_bic: str) -> str:
    reference, _, number, holder_name, amount_rupiah, _ = one
    if not (_IDENTIFIER.fullmatch(reference) and _ACCOUNT.fullmatch(number)):
        # The number of an account does not belong into a message: the reference names the payment.
        raise ValueError(f"payment {reference!r:.60}: reference or account number cannot be written")
    if not 1 <= amount_rupiah <= BI_FAST_LIMIT_RUPIAH:
        raise ValueError(f"payment {reference}: Rp{amount_rupiah} is not from Rp1 to Rp{BI_FAST_LIMIT_RUPIAH}")
    return (
        f"<CdtTrfTxInf><PmtId><InstrId>{reference}</InstrId><EndToEndId>{reference}</EndToEndId></PmtId>"
        f'<Amt><InstdAmt Ccy="IDR">{amount_rupiah}</InstdAmt></Amt>'
        f"<CdtrAgt><FinInstnId><BICFI>{creditor_bic}</BICFI></FinInstnId></CdtrAgt>"
        f"<Cdtr><Nm>{_name(holder_name)}</Nm></Cdtr>"
        f"<CdtrAcct><Id><Othr><Id>{number}</Id></Othr></Id></CdtrAcct></CdtTrfTxInf>\n"
    )


def _name(text: str) -> str:
    """A name on one line, without what XML forbids, cut to what the standard takes before it is escaped."""
    if _PLAIN_NAME.fullmatch(text):
        return text
    return escape(one_line(text)[:NAME_LENGTH].rstrip())
