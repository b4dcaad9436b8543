"""`camt.053` and `camt.054`: what moved on the account that pays, over a day or as it happens.

What leaves the account with a reference of ours is paid; what comes back with one was returned. One entry may stand for
a whole file and list its payments; they have to add up to it. A day's statement has to add up to its balances.
"""

from collections.abc import Mapping
from datetime import date

from bekal.core.money import MoneyError
from bekal.core.refusal import Refusal
from bekal.core.text import shown
from bekal.incentives.partners.bank_lines import (
    ACCOUNT_LENGTH,
    BankFile,
    BankLine,
    DayStatement,
    Others,
    Said,
    rupiah_of,
)
from bekal.incentives.partners.pain002 import NO_REASON
from bekal.incentives.refusals import PayoutRefusal

_OPENING, _CLOSING = ("OPBD", "PRCD"), ("CLBD",)
# From the newest generation back: the amount of one payment within an entry.
_AMOUNT_PATHS = ("Amt", "AmtDtls/TxAmt/Amt", "AmtDtls/InstdAmt/Amt")
_REFERENCE_PATHS = ("Refs/EndToEndId", "Refs/InstrId")
_ACCOUNT_PATHS = ("RltdPties/CdtrAcct/Id/Othr/Id", "RltdPties/CdtrAcct/Id/IBAN")


class EntryTaker:
    """Records of a `camt.053` or `camt.054`; see `iso20022.Taker`."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self.faults: list[Refusal] = []
        self.takes = {
            "TxDtls": self._hold_details,
            "Ntry": self._entry,
            "Bal": self._hold_balance,
            "Stmt": self._statement,
            "Ntfctn": self._notification,
        }
        self._lines: list[BankLine] = []
        self._statements: list[DayStatement] = []
        self._details: list[dict[str, str]] = []
        self._balances: dict[str, int] = {}
        self._on: date | None = None
        self._count = self._entry_count = self._line_start = 0
        self._debits = self._credits = 0
        self._others = [0, 0, 0]

    def finish(self, top: dict[str, str]) -> BankFile:
        root = "BkToCstmrStmt" if self._kind == "camt.053" else "BkToCstmrDbtCdtNtfctn"
        message_id = top.get(f"Document/{root}/GrpHdr/MsgId", "")
        page = f"Document/{root}/GrpHdr/MsgPgntn/"
        if top.get(f"{page}LastPgInd", "true") not in ("true", "1") or top.get(f"{page}PgNb", "1") != "1":
            self._fault(PayoutRefusal.FILE_PAGES, value=shown(top.get(f"{page}PgNb", "")))
        if not message_id or (self._kind == "camt.053" and not self._statements):
            self._fault(PayoutRefusal.FILE_NO_LINES)
        if self.faults:
            return BankFile(self._kind, message_id, faults=tuple(self.faults))
        return BankFile(self._kind, message_id, tuple(self._lines), (), tuple(self._statements))

    def _hold_details(self, record: dict[str, str]) -> None:
        self._details.append(record)

    def _hold_balance(self, record: dict[str, str]) -> None:
        code = record.get("Tp/CdOrPrtry/Cd", "")
        amount_rupiah = self._amount(record, "Amt")
        if amount_rupiah is not None:
            sign = -1 if record.get("CdtDbtInd") == "DBIT" else 1
            # Of several pages' balances the first opening and the last closing one.
            if code in _OPENING:
                self._balances.setdefault("opening", sign * amount_rupiah)
            elif code in _CLOSING:
                self._balances["closing"] = sign * amount_rupiah
                self._on = self._day(record.get("Dt/Dt") or record.get("Dt/DtTm", ""), "Bal")

    def _entry(self, record: dict[str, str]) -> None:
        """One movement of the account, with the payments it stands for."""
        details, self._details = self._details, []
        self._entry_count += 1
        status = record.get("Sts/Cd") or record.get("Sts", "")
        if status in ("PDNG", "INFO", "FUTR"):
            return  # It has not moved anything; what is booked comes again.
        amount_rupiah = self._amount(record, "Amt")
        direction = record.get("CdtDbtInd", "")
        if amount_rupiah is None or status != "BOOK" or direction not in ("DBIT", "CRDT"):
            if amount_rupiah is not None:
                self._fault(PayoutRefusal.FILE_STATE, column="Ntry", value=shown(f"{status} {direction}"))
            return
        booked = record.get("BookgDt/Dt") or record.get("BookgDt/DtTm", "")
        if self._on is not None and booked and ((day := self._day(booked, "BookgDt")) is None or day > self._on):
            self._fault(PayoutRefusal.FILE_DAY, column="BookgDt", value=shown(booked))
        if direction == "DBIT":
            self._debits += amount_rupiah
        else:
            self._credits += amount_rupiah
        is_reversal = record.get("RvslInd") in ("true", "1")
        if not details:
            self._other(direction, amount_rupiah)
            return
        parts = [self._payment(one, record, direction, is_reversal, len(details) == 1) for one in details]
        if None not in parts and sum(part for part in parts if part) != amount_rupiah:
            total = sum(part for part in parts if part)
            self._fault(PayoutRefusal.FILE_TOTAL, column="Ntry", value=total, expected=amount_rupiah)

    def _payment(
        self, record: dict[str, str], entry: dict[str, str], direction: str, is_reversal: bool, is_only: bool
    ) -> int | None:
        """One payment of an entry; its amount, which is the entry's where it stands alone and says none."""
        self._count += 1
        path = next((path for path in _AMOUNT_PATHS if path in record), None)
        if path is None and not is_only:
            self._fault(PayoutRefusal.FILE_AMOUNT, column="TxDtls", value="")
            return None
        amount_rupiah = self._amount(entry, "Amt") if path is None else self._amount(record, path)
        if amount_rupiah is None:
            return None
        reference = next(
            (record[path] for path in _REFERENCE_PATHS if record.get(path, "NOTPROVIDED") != "NOTPROVIDED"), ""
        )
        direction = record.get("CdtDbtInd", direction)
        code = record.get("RtrInf/Rsn/Cd", "")
        came_back = is_reversal or any(path.startswith("RtrInf") for path in record)
        if not reference or (direction == "CRDT" and not came_back):
            self._other(direction, amount_rupiah)
            return amount_rupiah
        said = Said.SETTLED if direction == "DBIT" else Said.RETURNED
        reason = (code or NO_REASON) if said is Said.RETURNED else ""
        partner_code = shown(record.get("RtrInf/Rsn/Prtry") or record.get("RtrInf/AddtlInf", ""))
        account = next((record[path] for path in _ACCOUNT_PATHS if path in record), "") if direction == "DBIT" else ""
        self._lines.append(BankLine(self._count, reference, amount_rupiah, said, reason[:4], partner_code, account))
        return amount_rupiah

    def _statement(self, record: dict[str, str]) -> None:
        """The end of a day: what it began with and what moved make what it ended with."""
        expected = self._balances.get("opening", 0) + self._credits - self._debits
        if not {"opening", "closing"} <= self._balances.keys():
            self._fault(PayoutRefusal.FILE_TOTAL, column="Bal", value="", expected="OPBD, CLBD")
        elif self._balances["closing"] != expected:
            self._fault(PayoutRefusal.FILE_TOTAL, column="CLBD", value=self._balances["closing"], expected=expected)
        elif self._on is not None:
            account = record.get("Acct/Id/Othr/Id") or record.get("Acct/Id/IBAN", "")
            line_count, opening = len(self._lines) - self._line_start, self._balances["opening"]
            self._statements.append(
                DayStatement(
                    shown(account, limit=ACCOUNT_LENGTH),
                    opening,
                    self._debits,
                    self._credits,
                    expected,
                    self._on,
                    line_count,
                    Others(*self._others),
                )
            )
        self._notification(record)

    def _notification(self, record: dict[str, str]) -> None:
        """What the bank has counted itself has to be what is there."""
        moved = {"TtlNtries": self._entry_count, "TtlDbtNtries": self._debits, "TtlCdtNtries": self._credits}
        for name, found in moved.items():
            path = f"TxsSummry/{name}/{'NbOfNtries' if name == 'TtlNtries' else 'Sum'}"
            if path in record and _number(record[path]) != found:
                self._fault(PayoutRefusal.FILE_TOTAL, column=name, value=shown(record[path]), expected=found)
        self._balances, self._on = {}, None
        self._entry_count = self._debits = self._credits = 0
        self._others, self._line_start = [0, 0, 0], len(self._lines)

    def _day(self, text: str, column: str) -> date | None:
        try:
            return date.fromisoformat(text[:10])
        except ValueError:
            self._fault(PayoutRefusal.FILE_DAY, column=column, value=shown(text))
            return None

    def _amount(self, record: Mapping[str, str], path: str) -> int | None:
        text, currency = record.get(path, ""), record.get(f"{path}@Ccy", "")
        if currency != "IDR":
            self._fault(PayoutRefusal.FILE_CURRENCY, column=path, value=shown(currency))
            return None
        try:
            return rupiah_of(text)
        except MoneyError:
            self._fault(PayoutRefusal.FILE_AMOUNT, column=path, value=shown(text))
            return None

    def _other(self, direction: str, amount_rupiah: int) -> None:
        self._others[0] += 1
        self._others[1 if direction == "DBIT" else 2] += amount_rupiah

    def _fault(self, code: PayoutRefusal, **values: int | str) -> None:
        self.faults.append(Refusal(code, {"line": self._count, **values}))


def _number(text: str) -> int | None:
    try:
        return rupiah_of(text)
    except MoneyError:
        return None
