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
from bekal.incentives.refusals import PayoutRefusal

MAX_FILE_BYTES = 128 * 1024 * 1024
"""50,000 payments take about 30 MiB; a bank that says more of each still fits."""
_NAMESPACE = re.compile(r"urn:iso:std:iso:20022:tech:xsd:(pain\.002|camt\.053|camt\.054)\.001\.([0-9]{2})")
_MAX_DEPTH = 40
_MAX_TEXT_LENGTH = 4_000
_BLOCK_BYTES = 1 << 18

Record = dict[str, str]


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
    reading = _Reading()
    try:
        for start in range(0, len(content), _BLOCK_BYTES):
            reading.feed(content[start : start + _BLOCK_BYTES])
        return reading.finish()
    except _Refused as refused:
        return BankFile("", faults=(refused.refusal,))
    except expat.ExpatError as error:
        values: dict[str, int | str] = {"line": error.lineno, "value": expat.ErrorString(error.code) or str(error.code)}
        return BankFile("", faults=(Refusal(PayoutRefusal.FILE_XML, values),))


class _Reading:
    """What has been read so far: the path, the open records, and the taker that the first element has named."""

    def __init__(self) -> None:
        # Only UTF-8 and its subset: another encoding could hide from us what another reader sees.
        self._parser = expat.ParserCreate("UTF-8", namespace_separator=" ")
        self._parser.buffer_text = True
        self._parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
        self._parser.StartDoctypeDeclHandler = self._doctype
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._characters
        self._taker: Taker | None = None
        self._locals: dict[str, str] = {}
        self._paths: list[str] = []
        self._records: list[Record] = [{}]
        self._text: list[str] = []
        self._text_length = 0
        self._is_leaf = False

    def feed(self, block: bytes) -> None:
        self._parser.Parse(block, False)
        if self._taker is not None and len(self._taker.faults) >= MAX_FAULTS:
            raise _Refused(self._taker.faults[0].code, **self._taker.faults[0].values)  # type: ignore[arg-type]

    def finish(self) -> BankFile:
        self._parser.Parse(b"", True)
        if self._taker is None:
            raise _Refused(PayoutRefusal.FILE_NO_LINES, line=1)
        return self._taker.finish(self._records[0])

    def _doctype(self, *_: object) -> None:
        raise _Refused(PayoutRefusal.FILE_DTD, line=self._parser.CurrentLineNumber)

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        paths = self._paths
        local = self._locals.get(name) or self._local(name)
        if self._taker is not None and local in self._taker.takes:
            path = ""
            self._records.append({})
        else:
            path = f"{paths[-1]}/{local}" if paths and paths[-1] else local
        paths.append(path)
        if len(paths) > _MAX_DEPTH:
            raise _Refused(PayoutRefusal.FILE_XML, line=self._parser.CurrentLineNumber, value="elements too deep")
        for attribute, value in attributes.items():
            self._records[-1].setdefault(f"{path}@{attribute}", value[:_MAX_TEXT_LENGTH])
        self._text.clear()
        self._text_length = 0
        self._is_leaf = True

    def _characters(self, text: str) -> None:
        if self._is_leaf:
            self._text_length += len(text)
            if self._text_length > _MAX_TEXT_LENGTH:
                raise _Refused(PayoutRefusal.FILE_XML, line=self._parser.CurrentLineNumber, value="a text too long")
            self._text.append(text)

    def _end(self, name: str) -> None:
        path = self._paths.pop()
        if path:
            if self._is_leaf:
                self._records[-1].setdefault(path, "".join(self._text).strip())
        elif self._taker is not None:
            self._taker.takes[self._locals[name]](self._records.pop())
        self._is_leaf = False

    def _local(self, name: str) -> str:
        """The name without its namespace; the first one says what kind of file this is."""
        namespace, _, local = name.rpartition(" ")
        if self._taker is None:
            found = _NAMESPACE.fullmatch(namespace)
            if found is None or local != "Document":
                raise _Refused(PayoutRefusal.FILE_KIND, value=shown(name), expected="pain.002, camt.053, camt.054")
            self._taker = _TAKERS[found[1]](found[1])
        self._locals[name] = local
        return local
