"""ISO 20022 files that come back, read as a stream: `pain.002`, `camt.053` and `camt.054`, every generation of them.

The reader believes nothing before it has seen the whole file: it gives every line or none. A document type declaration
is refused before anything of it is read, so entities are never expanded. Generations differ in where some elements
stand, hardly in their names: each taker says where it looks.
"""

import re
from collections.abc import Callable, Mapping
from typing import Protocol
from xml.parsers import expat

from bekal.core.refusal import Refusal
from bekal.core.text import shown
from bekal.incentives.partners.bank_lines import MAX_FAULTS, BankFile
from bekal.incentives.partners.camt import EntryTaker
from bekal.incentives.partners.pain002 import ReportTaker
from bekal.incentives.partners.plain_records import MARK, MAX_TEXT_LENGTH, PlainFile, Record, without_records
from bekal.incentives.refusals import PayoutRefusal

MAX_FILE_BYTES = 128 * 1024 * 1024
"""50,000 payments take about 30 MiB; a bank that says more of each still fits."""
_NAMESPACE = re.compile(r"urn:iso:std:iso:20022:tech:xsd:(pain\.002|camt\.053|camt\.054)\.001\.([0-9]{2})")
_MAX_DEPTH = 40
_BLOCK_BYTES = 1 << 18


class Taker(Protocol):
    """What makes lines of records. A record is an element named in `takes`: the texts of the elements below it by
    their path (`StsRsnInf/Rsn/Cd`), attributes by `path@name`; of a path that comes twice the first."""

    faults: list[Refusal]

    @property
    def takes(self) -> Mapping[str, Callable[[Record], None]]: ...

    def finish(self, top: Record) -> BankFile: ...


_TAKERS: Mapping[str, Callable[[str], Taker]] = {
    "pain.002": ReportTaker,
    "camt.053": EntryTaker,
    "camt.054": EntryTaker,
}

# What there is of each payment, however many there are.
_PAYMENTS: Mapping[str, str] = {"pain.002": "TxInfAndSts", "camt.053": "TxDtls", "camt.054": "TxDtls"}
_KIND = re.compile(rb'"urn:iso:std:iso:20022:tech:xsd:(pain\.002|camt\.05[34])\.')
# A plain record goes no deeper; what it stands in leaves room for it.
_RECORD_DEPTH = 12


class _Refused(Exception):
    """What ends the reading at once."""

    def __init__(self, code: PayoutRefusal, **values: int | str) -> None:
        super().__init__(code)
        self.refusal = Refusal(code, values)


def read_iso20022(content: bytes) -> BankFile:
    """Read a bank's file strictly: all its lines, or its faults (at most 100), each naming place and value."""
    if len(content) > MAX_FILE_BYTES:
        too_large = {"size_bytes": len(content), "limit_bytes": MAX_FILE_BYTES}
        return BankFile("", faults=(Refusal(PayoutRefusal.FILE_TOO_LARGE, too_large),))
    if (plain := _read_plain(content)) is not None:
        return plain
    return _read_plain(content) or _read_each_tag(content)


def _read_each_tag(content: bytes) -> BankFile:
    reading = _Reading()
    try:
        return reading.read(content)
    except _Refused as refused:
        return BankFile("", faults=(refused.refusal,))
    except expat.ExpatError as error:
        values: dict[str, int | str] = {"line": error.lineno, "value": expat.ErrorString(error.code) or str(error.code)}
        return BankFile("", faults=(Refusal(PayoutRefusal.FILE_XML, values),))


def _read_plain(content: bytes) -> BankFile | None:
    """The file where its payments are plain and nothing is wrong with it; None where the reader has to look at each
    tag, which then says what is wrong and where."""
    found = _KIND.search(content, 0, 4_096)
    if found is None:
        return None
    kind = found[1].decode()
    plain = without_records(content, _PAYMENTS[kind], lambda raw: _learned(kind, raw))
    if plain is None:
        return None
    try:
        # That the file is well-formed is seen without a look at its payments.
        expat.ParserCreate("UTF-8", namespace_separator=" ").Parse(content, True)
        read = _Reading(kind, plain).read(plain.rest)
    except (_Refused, expat.ExpatError):
        return None
    return None if read.faults else read


def _learned(kind: str, raw: str) -> Record | None:
    """One record that stands alone, as the reader reads it; None where it is more than one, or none."""
    found: list[Record] = []
    reading = _Reading(kind, takes=dict.fromkeys(_TAKERS[kind](kind).takes, found.append), max_depth=_RECORD_DEPTH)
    try:
        reading.read(f'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:{kind}.001.01">{raw}</Document>'.encode())
    except (_Refused, expat.ExpatError):
        return None
    return found[0] if len(found) == 1 else None


class _Reading:
    """What has been read so far: the path, the open records, and the taker that the first element has named. `kind`:
    what it has to be; `plain`: the payments that are left out of what is read."""

    def __init__(
        self,
        kind: str = "",
        plain: PlainFile | None = None,
        *,
        takes: Mapping[str, Callable[[Record], None]] | None = None,
        max_depth: int = _MAX_DEPTH,
    ) -> None:
        # Only UTF-8 and its subset: another encoding could hide from us what another reader sees.
        self._parser = expat.ParserCreate("UTF-8", namespace_separator=" ")
        self._parser.buffer_text = True
        self._parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
        self._parser.StartDoctypeDeclHandler = self._doctype
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._characters
        self._kind = kind
        self._runs = iter(()) if plain is None else plain.records()
        self._taker: Taker | None = None
        self._takes = takes or {}
        self._max_depth = max_depth
        self._locals: dict[str, str] = {}
        self._paths: list[str] = []
        self._records: list[Record] = [{}]
        self._text: list[str] = []
        self._text_length = 0
        self._is_leaf = False

    def read(self, content: bytes) -> BankFile:
        """The whole file. Raises _Refused and expat.ExpatError."""
        for start in range(0, len(content), _BLOCK_BYTES):
            self._parser.Parse(content[start : start + _BLOCK_BYTES], False)
            if self._taker is not None and len(self._taker.faults) >= MAX_FAULTS:
                raise _Refused(self._taker.faults[0].code, **self._taker.faults[0].values)  # type: ignore[arg-type]
        self._parser.Parse(b"", True)
        if self._taker is None:
            raise _Refused(PayoutRefusal.FILE_NO_LINES, line=1)
        return self._taker.finish(self._records[0])

    def _doctype(self, *_: object) -> None:
        raise _Refused(PayoutRefusal.FILE_DTD, line=self._parser.CurrentLineNumber)

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        paths = self._paths
        local = self._locals.get(name) or self._local(name)
        if local in self._takes:
            path = ""
            self._records.append({})
        else:
            path = f"{paths[-1]}/{local}" if paths and paths[-1] else local
        paths.append(path)
        if len(paths) > self._max_depth:
            raise _Refused(PayoutRefusal.FILE_XML, line=self._parser.CurrentLineNumber, value="elements too deep")
        for attribute, value in attributes.items():
            self._records[-1].setdefault(f"{path}@{attribute}", value[:MAX_TEXT_LENGTH])
        self._text.clear()
        self._text_length = 0
        self._is_leaf = True

    def _characters(self, text: str) -> None:
        if self._is_leaf:
            self._text_length += len(text)
            if self._text_length > MAX_TEXT_LENGTH:
                raise _Refused(PayoutRefusal.FILE_XML, line=self._parser.CurrentLineNumber, value="a text too long")
            self._text.append(text)

    def _end(self, name: str) -> None:
        path = self._paths.pop()
        if path:
            if self._is_leaf:
                self._records[-1].setdefault(path, "".join(self._text).strip())
        else:
            self._takes[self._locals[name]](self._records.pop())
        self._is_leaf = False

    def _local(self, name: str) -> str:
        """The name without its namespace; the first one says what kind of file this is."""
        namespace, _, local = name.rpartition(" ")
        if self._taker is None:
            found = _NAMESPACE.fullmatch(namespace)
            if found is None or local != "Document" or self._kind not in ("", found[1]):
                raise _Refused(PayoutRefusal.FILE_KIND, value=shown(name), expected="pain.002, camt.053, camt.054")
            self._taker = _TAKERS[found[1]](found[1])
            self._takes = self._takes or {**self._taker.takes, **({MARK: self._take_run} if self._kind else {})}
        self._locals[name] = local
        return local

    def _take_run(self, _: Record) -> None:
        """The payments that stand here."""
        if len(self._paths) > self._max_depth - _RECORD_DEPTH:
            raise _Refused(PayoutRefusal.FILE_XML)
        take = self._takes[_PAYMENTS[self._kind]]
        for record in next(self._runs):
            take(record)
