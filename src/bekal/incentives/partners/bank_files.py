"""One reader for everything a partner may send back: which form it is, the file says itself."""

from bekal.incentives.partners.bank_lines import BankFile, BankLine, Said
from bekal.incentives.partners.csv_rail import read_statuses
from bekal.incentives.partners.iso20022 import read_iso20022
from bekal.incentives.partners.mt940 import read_mt940


def read_bank_file(content: bytes) -> BankFile:
    """Read a file of a partner strictly, whatever its form: all its lines, or its faults. `kind`: `csv`, `mt940`,
    `pain.002`, `camt.053` or `camt.054`."""
    start = content[:200].lstrip()
    if start.startswith((b"<", b"\xef\xbb\xbf<")):
        return read_iso20022(content)
    if start.startswith((b":20:", b"{1:")):
        return read_mt940(content)
    read = read_statuses(content)
    lines = tuple(
        BankLine(line.line, line.reference, line.amount_rupiah, Said(line.state), line.reason_code)
        for line in read.lines
    )
    return BankFile("csv", lines=lines, faults=read.faults)
