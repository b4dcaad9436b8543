"""Bends a table of text (CSV): its bytes, its structure, one of its cells."""

import codecs
import csv
import io
import random
from collections.abc import Callable, Mapping, Sequence

from bekal.proofs.fuzz_corpus import AMOUNTS, ANY, DATES, TEXTS, bent_bytes
from bekal.proofs.fuzz_documents import archives, xml_documents

Rows = list[list[str]]
FORMULAS = ("=1+1", "+1", "-1", "@SUM(1)", "\t=1", "\r=1", '=HYPERLINK("http://x")', "=cmd|'/C calc'!A0")


def bent_table(content: bytes, rng: random.Random) -> tuple[str, bytes]:
    """How it was bent, and the table. Bends of its cells come most often: they are what passes the first look."""
    if rng.random() < 0.6:
        name, bend = rng.choice(list(CELLS.items()))
        rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))
        return name, written(bend(rows, rng))
    if rng.random() < 0.1:
        name, other = rng.choice([*archives().items(), *xml_documents().items()])
        return name, other
    name, turn = rng.choice(list(BYTES.items()))
    return name, turn(content, rng)


def written(rows: Sequence[Sequence[str]]) -> bytes:
    """The rows as CSV; half characters as the bytes no reader of UTF-8 takes."""
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode("utf-8", "surrogatepass")


def _after_heading(content: bytes, more: bytes) -> bytes:
    heading, _, rest = content.partition(b"\n")
    return heading + b"\n" + more + rest


BYTES: Mapping[str, Callable[[bytes, random.Random], bytes]] = {
    "bent bytes": bent_bytes,
    "cut": lambda content, rng: content[: rng.randrange(len(content) + 1)],
    "nothing": lambda content, rng: b"",
    "heading alone": lambda content, rng: content.partition(b"\n")[0],
    "a byte order mark": lambda content, rng: codecs.BOM_UTF8 + content,
    "two byte order marks": lambda content, rng: codecs.BOM_UTF8 * 2 + content,
    "UTF-16": lambda content, rng: content.decode("utf-8", "replace").encode("utf-16"),
    "UTF-16 without a mark": lambda content, rng: content.decode("utf-8", "replace").encode("utf-16-le"),
    "Latin-1": lambda content, rng: _after_heading(content, "Jos\u00e9,\u00ff\n".encode("latin-1")),
    "CRLF": lambda content, rng: content.replace(b"\n", b"\r\n"),
    "CR": lambda content, rng: content.replace(b"\n", b"\r"),
    "line ends of all kinds": lambda content, rng: b"".join(
        line + rng.choice((b"\n", b"\r", b"\r\n", b"\n\n", b"\x0b", b"\xe2\x80\xa8")) for line in content.split(b"\n")
    ),
    "semicolons": lambda content, rng: content.replace(b",", b";"),
    "tabs": lambda content, rng: content.replace(b",", b"\t"),
    "an unclosed quote": lambda content, rng: _after_heading(content, b'"'),
    "a quote within": lambda content, rng: _after_heading(content, b'a"b,"c"d,"""\n'),
    "NUL": lambda content, rng: _after_heading(content, b"\0,\0\n"),
    "only NUL": lambda content, rng: bytes(len(content)),
    "a line of 300,000": lambda content, rng: _after_heading(content, b"a" * 300_000 + b"\n"),
    "a quoted line of 300,000": lambda content, rng: _after_heading(content, b'"' + b"a\n" * 150_000),
    "50,000 columns": lambda content, rng: b"," * 50_000 + b"\n" + content,
    "50,000 fields": lambda content, rng: _after_heading(content, b"," * 50_000 + b"\n"),
    "blank lines": lambda content, rng: content.replace(b"\n", b"\n\n \n"),
    "twice": lambda content, rng: content * 2,
    "no heading": lambda content, rng: content.partition(b"\n")[2],
}


def _one_cell(values: Sequence[str]) -> Callable[[Rows, random.Random], Rows]:
    def bend(rows: Rows, rng: random.Random) -> Rows:
        if len(rows) > 1:
            row = rng.choice(rows[1:])
            if row:
                row[rng.randrange(len(row))] = rng.choice(values)
        return rows

    return bend


def _every_cell(rows: Rows, rng: random.Random) -> Rows:
    return [*rows[:1], *([rng.choice(ANY)[:2_000] for _ in row] for row in rows[1:])]


def _from_elsewhere(rows: Rows, rng: random.Random) -> Rows:
    """A cell gets what stands in another of its column, or of its row."""
    if len(rows) > 1 and rows[1]:
        row, other = rng.choice(rows[1:]), rng.choice(rows[1:])
        place = rng.randrange(len(row))
        row[place] = rng.choice((other[place % len(other)], rng.choice(row)))
    return rows


def _a_heading(rows: Rows, rng: random.Random) -> Rows:
    if rows and rows[0]:
        rows[0][rng.randrange(len(rows[0]))] = rng.choice([*TEXTS, *rows[0]])
    return rows


def _a_column_less(rows: Rows, rng: random.Random) -> Rows:
    place = rng.randrange(len(rows[0]) or 1) if rows else 0
    return [row[:place] + row[place + 1 :] for row in rows]


def _a_field_more_or_less(rows: Rows, rng: random.Random) -> Rows:
    if len(rows) > 1:
        row = rng.choice(rows[1:])
        row[:] = rng.choice((row[:-1], [*row, "x"], []))
    return rows


def _columns_in_another_order(rows: Rows, rng: random.Random) -> Rows:
    order = list(range(len(rows[0]) if rows else 0))
    rng.shuffle(order)
    return [[row[place] for place in order if place < len(row)] for row in rows]


def _a_row_again(rows: Rows, rng: random.Random) -> Rows:
    return [*rows, list(rng.choice(rows[1:] or rows))] if rows else rows


def _a_column_blank(rows: Rows, rng: random.Random) -> Rows:
    place = rng.randrange(len(rows[0]) or 1) if rows else 0
    return [*rows[:1], *([*row[:place], "", *row[place + 1 :]] for row in rows[1:])]


CELLS: Mapping[str, Callable[[Rows, random.Random], Rows]] = {
    "a text": _one_cell(TEXTS),
    "an amount": _one_cell(AMOUNTS),
    "a day": _one_cell(DATES),
    "a formula": _one_cell(FORMULAS),
    "anything everywhere": _every_cell,
    "a cell from elsewhere": _from_elsewhere,
    "another heading": _a_heading,
    "a column less": _a_column_less,
    "a field more or less": _a_field_more_or_less,
    "columns in another order": _columns_in_another_order,
    "a row again": _a_row_again,
    "a blank column": _a_column_blank,
    "as it was": lambda rows, rng: rows,
}
