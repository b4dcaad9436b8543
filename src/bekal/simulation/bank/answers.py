"""What the bank writes back: `pain.002`, `camt.054`, `camt.053`, MT940 and the CSV of the small wallets."""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from xml.sax.saxutils import escape

from bekal.simulation.bank.books import Booked

PAIN_002, PAIN_002_OLD = "pain.002.001.10", "pain.002.001.03"
CAMT_054, CAMT_054_OLD = "camt.054.001.08", "camt.054.001.02"
CAMT_053, CAMT_053_OLD = "camt.053.001.08", "camt.053.001.02"
STATUS_HEADER = "reference,amount_rupiah,state,reason_code"
# Beside the code of the standard each bank has one of its own, which its staff know.
OWN_CODES = {"AC01": "0014", "AC04": "0076", "AC06": "0078", "BE01": "0088", "AM05": "0094", "AM14": "0061"}
_WORDS = {"settled": "ACSC", "returned": "ACSC", "pending": "ACSP", "rejected": "RJCT"}


def report(
    message_id: str, form: str, original: tuple[str, str, int, int], lines: Sequence[Booked] | None, at: datetime
) -> bytes:
    """A `pain.002`: what became of a file (its name, form, count, sum); without `lines` only that it was received."""
    name, original_form, count, total = original
    rejected = sum(1 for line in lines or () if line.state == "rejected")
    status = "ACTC" if lines is None else "PART" if 0 < rejected < count else "RJCT" if rejected else "ACSC"
    head = (
        f"<GrpHdr><MsgId>{message_id}</MsgId><CreDtTm>{at.isoformat(timespec='seconds')}</CreDtTm></GrpHdr>\n"
        f"<OrgnlGrpInfAndSts><OrgnlMsgId>{escape(name)}</OrgnlMsgId><OrgnlMsgNmId>{original_form}</OrgnlMsgNmId>"
        f"<OrgnlNbOfTxs>{count}</OrgnlNbOfTxs><OrgnlCtrlSum>{total}</OrgnlCtrlSum><GrpSts>{status}</GrpSts>"
        "</OrgnlGrpInfAndSts>\n"
    )
    body = ""
    if lines:
        body = (
            f"<OrgnlPmtInfAndSts><OrgnlPmtInfId>{escape(name)}</OrgnlPmtInfId>\n"
            + "".join(_reported(line) for line in lines)
            + "</OrgnlPmtInfAndSts>\n"
        )
    return _document(form, "CstmrPmtStsRpt", head + body)


def _reported(line: Booked) -> str:
    reason = ""
    if line.state == "rejected":
        own = OWN_CODES.get(line.reason, "0099")
        reason = f"<StsRsnInf><Rsn><Cd>{line.reason}</Cd></Rsn><AddtlInf>{own}</AddtlInf></StsRsnInf>"
    return (
        f"<TxInfAndSts><OrgnlInstrId>{line.reference}</OrgnlInstrId><OrgnlEndToEndId>{line.reference}"
        f"</OrgnlEndToEndId><TxSts>{_WORDS[line.state]}</TxSts>{reason}<OrgnlTxRef><Amt>"
        f'<InstdAmt Ccy="IDR">{line.amount}</InstdAmt></Amt>{_creditor(line)}</OrgnlTxRef></TxInfAndSts>\n'
    )


def notification(message_id: str, form: str, account: str, lines: Sequence[Booked], day: date, at: datetime) -> bytes:
    """A `camt.054`: what left the account as one entry with its payments, and each return as an entry of its own."""
    entries = _entries(lines, day, form)
    content = (
        f"<GrpHdr><MsgId>{message_id}</MsgId><CreDtTm>{at.isoformat(timespec='seconds')}</CreDtTm></GrpHdr>\n"
        f"<Ntfctn><Id>{message_id}</Id><CreDtTm>{at.isoformat(timespec='seconds')}</CreDtTm>{_account(account)}"
        f"{_summary(entries)}{''.join(text for text, _, _ in entries)}</Ntfctn>"
    )
    return _document(form, "BkToCstmrDbtCdtNtfctn", content)


def statement(
    message_id: str,
    form: str,
    account: str,
    opening: int,
    money_in: Sequence[int],
    lines: Sequence[Booked],
    day: date,
    at: datetime,
) -> bytes:
    """A `camt.053`: one day of the account, from balance to balance."""
    entries = [_other_entry(amount, day, form) for amount in money_in] + _entries(lines, day, form)
    closing = opening + sum(-amount if direction == "DBIT" else amount for _, direction, amount in entries)
    content = (
        f"<GrpHdr><MsgId>{message_id}</MsgId><CreDtTm>{at.isoformat(timespec='seconds')}</CreDtTm></GrpHdr>\n"
        f"<Stmt><Id>{message_id}</Id><CreDtTm>{at.isoformat(timespec='seconds')}</CreDtTm>{_account(account)}"
        f"{_balance('OPBD', opening, day)}{_balance('CLBD', closing, day)}{_summary(entries)}"
        f"{''.join(text for text, _, _ in entries)}</Stmt>"
    )
    return _document(form, "BkToCstmrStmt", content)


def _entries(lines: Sequence[Booked], day: date, form: str) -> list[tuple[str, str, int]]:
    """Entries with their direction and amount: the day's payments as one, each return by itself."""
    text = day.isoformat()
    paid = [line for line in lines if line.state in ("settled", "returned") and line.day == text]
    entries = []
    if paid:
        details = "".join(_details(line, form) for line in paid)
        entries.append(_entry(sum(line.amount for line in paid), "DBIT", day, form, details))
    entries += [
        _entry(line.amount, "CRDT", day, form, _details(line, form, line.reason))
        for line in lines
        if line.state == "returned" and line.returned_day == text
    ]
    return entries


def _other_entry(amount: int, day: date, form: str) -> tuple[str, str, int]:
    return _entry(amount, "CRDT", day, form, "")


def _entry(amount: int, direction: str, day: date, form: str, details: str) -> tuple[str, str, int]:
    status = "BOOK" if form.endswith(".02") else "<Cd>BOOK</Cd>"
    text = (
        f'<Ntry><Amt Ccy="IDR">{amount}.00</Amt><CdtDbtInd>{direction}</CdtDbtInd><Sts>{status}</Sts>'
        f"<BookgDt><Dt>{day.isoformat()}</Dt></BookgDt><BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>ICDT</Cd>"
        f"<SubFmlyCd>{'DMCT' if direction == 'DBIT' else 'RRTN'}</SubFmlyCd></Fmly></Domn></BkTxCd>"
        + (f"<NtryDtls>{details}</NtryDtls>" if details else "")
        + "</Ntry>\n"
    )
    return text, direction, amount


def _details(line: Booked, form: str, returned: str = "") -> str:
    amount = f'<Amt Ccy="IDR">{line.amount}.00</Amt>'
    if form.endswith(".02"):
        amount = f"<AmtDtls><TxAmt>{amount}</TxAmt></AmtDtls>"
    else:
        amount += f"<CdtDbtInd>{'CRDT' if returned else 'DBIT'}</CdtDbtInd>"
    who = "" if returned else f"<RltdPties>{_creditor(line)}</RltdPties>"
    why = f"<RtrInf><Rsn><Cd>{returned}</Cd></Rsn></RtrInf>" if returned else ""
    return f"<TxDtls><Refs><EndToEndId>{line.reference}</EndToEndId></Refs>{amount}{who}{why}</TxDtls>"


def _creditor(line: Booked) -> str:
    return f"<CdtrAcct><Id><Othr><Id>{escape(line.number)}</Id></Othr></Id></CdtrAcct>"


def _summary(entries: Sequence[tuple[str, str, int]]) -> str:
    sums = {"CRDT": [0, 0], "DBIT": [0, 0]}
    for _, direction, amount in entries:
        sums[direction][0] += 1
        sums[direction][1] += amount
    parts = "".join(
        f"<Ttl{name}Ntries><NbOfNtries>{sums[mark][0]}</NbOfNtries><Sum>{sums[mark][1]}</Sum></Ttl{name}Ntries>"
        for name, mark in (("Cdt", "CRDT"), ("Dbt", "DBIT"))
    )
    return f"<TxsSummry><TtlNtries><NbOfNtries>{len(entries)}</NbOfNtries></TtlNtries>{parts}</TxsSummry>\n"


def _balance(code: str, amount: int, day: date) -> str:
    direction = "CRDT" if amount >= 0 else "DBIT"
    return (
        f'<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp><Amt Ccy="IDR">{abs(amount)}.00</Amt>'
        f"<CdtDbtInd>{direction}</CdtDbtInd><Dt><Dt>{day.isoformat()}</Dt></Dt></Bal>"
    )


def _account(number: str) -> str:
    return f"<Acct><Id><Othr><Id>{number}</Id></Othr></Id><Ccy>IDR</Ccy></Acct>"


def _document(form: str, root: str, content: str) -> bytes:
    head = '<?xml version="1.0" encoding="UTF-8"?>\n'
    space = f"urn:iso:std:iso:20022:tech:xsd:{form}"
    return f'{head}<Document xmlns="{space}"><{root}>{content}</{root}></Document>\n'.encode()


def mt940(
    message_id: str, account: str, opening: int, money_in: Sequence[int], lines: Sequence[Booked], day: date
) -> bytes:
    """The same day as SWIFT MT940."""
    text, stamp = day.isoformat(), f"{day:%y%m%d}"
    rows = [f":20:{message_id[:16]}", f":25:{account}", f":28C:{day:%j}/1", f":60F:{_signed(opening, stamp)}"]
    closing = opening
    for amount in money_in:
        rows += [f":61:{stamp}C{amount},00NTRFNONREF", ":86:SETORAN"]
        closing += amount
    for line in lines:
        if line.day == text and line.state in ("settled", "returned"):
            rows += [
                f":61:{stamp}D{line.amount},00NTRF{line.reference[-16:]}",
                f":86:/EREF/{line.reference}/CNTP/{line.number}",
            ]
            closing -= line.amount
    for line in lines:
        if line.returned_day == text:
            rows += [
                f":61:{stamp}C{line.amount},00NRTI{line.reference[-16:]}",
                f":86:/EREF/{line.reference}/RTRN/{line.reason}",
            ]
            closing += line.amount
    rows += [f":62F:{_signed(closing, stamp)}", "-", ""]
    return "\r\n".join(rows).encode()


def _signed(amount: int, stamp: str) -> str:
    return f"{'C' if amount >= 0 else 'D'}{stamp}IDR{abs(amount)},00"


def csv_statuses(lines: Iterable[Booked]) -> bytes:
    """The status file of the small wallets, with its trailer."""
    rows, count, total = [STATUS_HEADER], 0, 0
    for line in lines:
        if line.state != "pending":
            rows.append(f"{line.reference},{line.amount},{line.state},{line.reason}")
            count += 1
            total += line.amount
    body = "".join(row + "\n" for row in rows).encode()
    return body + f"TRAILER,{count},{total},{hashlib.sha256(body).hexdigest()}\n".encode()
