"""Payments in a bank's XML that all have one of a few shapes, found by one pattern a shape instead of a call a tag.

A file of 50,000 payments says the same twelve tags 50,000 times. Each shape is learned once, from the reader itself:
which text of it stands at which path. What is not plain (a comment, an entity, shapes without end) is left to the
reader, tag by tag, and so is every file with a fault: nothing is read here that it would read otherwise.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

MARK = "BekalPlainRecords"
"""The element that stands for a run of records in what is left of the file."""
MAX_TEXT_LENGTH = 4_000
_MAX_SHAPES = 40
_TEXT = re.compile(r">([^<>]*)<")

Record = dict[str, str]
# Reads one record that stands alone: its texts and attributes by path; None where it cannot be read.
Learn = Callable[[str], Record | None]
Texts = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Shape:
    """One form of a record: what matches it, the paths of its texts in their order (None: of no path, or of one that
    came before), and what is the same in every record of the form."""

    pattern: re.Pattern[str]
    paths: tuple[str | None, ...]
    constants: Record

    def record(self, texts: Texts) -> Record:
        record = self.constants.copy()
        for path, text in zip(self.paths, texts, strict=True):
            if path is not None:
                record[path] = text.strip()
        return record


@dataclass(frozen=True, slots=True)
class PlainFile:
    """A file with MARK in the place of each run of records, and the runs in their order."""

    rest: bytes
    runs: list[list[tuple[_Shape, Texts]]]

    def records(self) -> Iterator[Iterator[Record]]:
        """The records of each run."""
        for run in self.runs:
            yield (shape.record(texts) for shape, texts in run)


def without_records(content: bytes, name: str, learn: Learn) -> PlainFile | None:
    """The file without its plain records of that name; None where it has none, or is not plain throughout. That it is
    well-formed has to be known from elsewhere."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None
    # As XML reads the end of a line.
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    start, end = f"<{name}>", f"</{name}>"
    if "&" in text or "<!" in text or text.rfind("<?") > 0 or MARK in text or start not in text:
        return None
    shapes: list[_Shape] = []
    rest: list[str] = []
    runs: list[list[tuple[_Shape, Texts]]] = []
    position = 0
    while (first := text.find(start, position)) >= 0:
        rest += (text[position:first], f"<{MARK}/>")
        position, run = first, list[tuple[_Shape, Texts]]()
        while text.startswith(start, position):
            for shape in shapes:
                if (match := shape.pattern.match(text, position)) is not None:
                    run.append((shape, match.groups()))
                    position = match.end()
                    break
            else:
                stop = text.find(end, position)
                learned = _shape_of(text[position : stop + len(end)], learn) if stop > 0 else None
                if learned is None or len(shapes) >= _MAX_SHAPES:
                    return None
                shapes.append(learned)
        runs.append(run)
    rest.append(text[position:])
    return PlainFile("".join(rest).encode(), runs)


def _shape_of(raw: str, learn: Learn) -> _Shape | None:
    """The shape of this record, learned by reading it with a mark for each of its texts."""
    pieces = _TEXT.split(raw)
    tags, marks = pieces[::2], [f"\ue000{number}" for number in range(len(pieces) // 2)]
    marked = "".join(piece for pair in zip(tags, [f">{mark}<" for mark in marks] + [""], strict=True) for piece in pair)
    record = learn(marked)
    if record is None:
        return None
    path_of = {text: path for path, text in record.items()}
    constants = {path: text for path, text in record.items() if text not in marks}
    # Whatever else is a text of the record is one that the marks were not set in for: it is not so plain.
    if any("@" not in path for path in constants) or len(path_of) < len(record) - len(constants):
        return None
    pattern = f">([^<>]{{0,{MAX_TEXT_LENGTH}}})<".join(map(re.escape, tags))
    return _Shape(re.compile(pattern + r"\s*"), tuple(path_of.get(mark) for mark in marks), constants)
