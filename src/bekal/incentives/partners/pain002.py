"""`pain.002`, a bank's report on a file of payments: what became of the file, and of each payment it names."""

from collections.abc import Mapping

from bekal.core.money import MoneyError
from bekal.core.refusal import Refusal
from bekal.core.text import shown
from bekal.incentives.partners.bank_lines import BankFile, BankLine, GroupStatus, Said, rupiah_of, total_of
from bekal.incentives.refusals import PayoutRefusal

SAID: Mapping[str, Said] = {
    # Received, checked or under way: it will be paid or rejected.
    "RCVD": Said.ACCEPTED,
    "PATC": Said.ACCEPTED,
    "PDNG": Said.ACCEPTED,
    "ACCP": Said.ACCEPTED,
    "ACTC": Said.ACCEPTED,
    "ACFC": Said.ACCEPTED,
    "ACSP": Said.ACCEPTED,
    "ACWC": Said.ACCEPTED,
    "ACWP": Said.ACCEPTED,
    # The creditor's account has it; ACSC is the debtor's side of the same.
    "ACSC": Said.SETTLED,
    "ACCC": Said.SETTLED,
    "RJCT": Said.REJECTED,
    "CANC": Said.REJECTED,
}
"""ISO 20022 external codes of payment status and what they mean here."""
PARTLY = "PART"
NO_REASON = "NARR"
"""The ISO code for "as the narrative says": a bank that rejects without a code."""


class ReportTaker:
    """Records of a `pain.002`; see `iso20022.Taker`."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._lines: list[BankLine] = []
        self._groups: list[GroupStatus] = []
        self.faults: list[Refusal] = []
        self.takes = {"OrgnlGrpInfAndSts": self._group, "OrgnlPmtInfAndSts": self._batch, "TxInfAndSts": self._payment}
        self._count = 0

    def finish(self, top: dict[str, str]) -> BankFile:
        message_id = top.get("Document/CstmrPmtStsRpt/GrpHdr/MsgId", "")
        if not message_id or not self._groups:
            self._fault(PayoutRefusal.FILE_NO_LINES)
        if self.faults:
            return BankFile(self._kind, message_id, faults=tuple(self.faults))
        return BankFile(self._kind, message_id, tuple(self._lines), tuple(self._groups))

    def _group(self, record: dict[str, str]) -> None:
        self._add_group(record, record.get("OrgnlMsgId", ""), record.get("GrpSts", ""))

    def _batch(self, record: dict[str, str]) -> None:
        """A file of ours is one batch with the name of the file: what is said of it is said of the file."""
        if "PmtInfSts" in record:
            self._add_group(record, record.get("OrgnlPmtInfId", ""), record["PmtInfSts"])

    def _add_group(self, record: dict[str, str], message_id: str, status: str) -> None:
        if not message_id:
            self._fault(PayoutRefusal.FILE_REFERENCE, column="OrgnlMsgId", value="")
        if status and status != PARTLY and status not in SAID:
            self._fault(PayoutRefusal.FILE_STATE, column="GrpSts", value=shown(status))
        count = record.get("OrgnlNbOfTxs", "")
        counted = int(count) if count.isascii() and count.isdigit() and len(count) <= 15 else None
        reason = _reason(record)
        self._groups.append(GroupStatus(message_id, status, reason, counted, total_of(record, "OrgnlCtrlSum")))

    def _payment(self, record: dict[str, str]) -> None:
        self._count += 1
        said = SAID.get(record.get("TxSts", ""))
        if said is None:
            self._fault(PayoutRefusal.FILE_STATE, column="TxSts", value=shown(record.get("TxSts", "")))
            return
        reference = record.get("OrgnlEndToEndId") or record.get("OrgnlInstrId", "")
        if not reference:
            self._fault(PayoutRefusal.FILE_REFERENCE, column="OrgnlEndToEndId", value="")
            return
        amount_rupiah = None
        path = "OrgnlTxRef/Amt/InstdAmt"
        if path in record:
            try:
                amount_rupiah = rupiah_of(record[path], minimum=1)
            except MoneyError:
                self._fault(PayoutRefusal.FILE_AMOUNT, column="InstdAmt", value=shown(record[path]))
                return
            if record.get(f"{path}@Ccy") != "IDR":
                self._fault(PayoutRefusal.FILE_CURRENCY, column="Ccy", value=shown(record.get(f"{path}@Ccy", "")))
                return
        reason = (_reason(record) or NO_REASON) if said is Said.REJECTED else ""
        partner_code = shown(record.get("StsRsnInf/Rsn/Prtry") or record.get("StsRsnInf/AddtlInf", ""))
        account = record.get("OrgnlTxRef/CdtrAcct/Id/Othr/Id") or record.get("OrgnlTxRef/CdtrAcct/Id/IBAN", "")
        self._lines.append(BankLine(self._count, reference, amount_rupiah, said, reason, partner_code, account))

    def _fault(self, code: PayoutRefusal, **values: int | str) -> None:
        self.faults.append(Refusal(code, {"line": self._count, **values}))


def _reason(record: Mapping[str, str]) -> str:
    """The reason's ISO code: four letters and digits, or nothing."""
    code = record.get("StsRsnInf/Rsn/Cd", "")
    return code if len(code) == 4 and code.isascii() and code.isalnum() else ""
