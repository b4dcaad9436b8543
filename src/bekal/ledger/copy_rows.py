"""Many rows at once, by PostgreSQL's COPY: several times faster than INSERT, with the same constraints and rights.

A row is a tuple, not a model instance: what a verb writes for hundreds of thousands of people costs a microsecond a row
here. Defaults of a model's fields are Python's and do not count; only columns with a default in the database (a number
drawn from a sequence) may be left out. A statement about many rows takes each column as one array, written as text: the
driver would look at every value of a list.
"""

import struct
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any, Final

from django.db import connection
from django.db.models import Model
from psycopg.pq import Format

MAX_BIGINT = 2**63 - 1
# PostgreSQL, "COPY", file formats, binary format: signature, flags, length of what follows; at the end a count of -1.
_HEADER, _TRAILER = b"PGCOPY\n\xff\r\n\0" + bytes(8), b"\xff\xff"
_COUNT, _LENGTH, _BIGINT = struct.Struct("!h"), struct.Struct("!i"), struct.Struct("!q")
_BLOCK_ROWS = 20_000


class _Each:
    """See EACH."""


# In a row of `copy_alike`: the number of the one whose row it is.
EACH: Final = _Each()


NEW_IDS_SQL = """
WITH own AS MATERIALIZED (SELECT pg_get_serial_sequence(%s, %s)::regclass AS sequence)
SELECT nextval(sequence) FROM own, generate_series(1, %s)
"""


def new_ids(model: type[Model], count: int) -> list[int]:
    """So many numbers of new rows from the table's own sequence, ascending; they are used up whatever follows.

    Raises ValueError where the table draws no numbers."""
    if count == 0:
        return []
    column = getattr(model._meta.pk, "column", None)
    numbers: list[int] = []
    if column is not None:
        with connection.cursor() as cursor:
            cursor.execute(NEW_IDS_SQL, [f'"{model._meta.db_table}"', column, count])
            numbers = [number for (number,) in cursor.fetchall() if number is not None]
    if not numbers:
        raise ValueError(f"{model.__name__} draws no numbers from a sequence of its own")
    return numbers


def copy_rows(model: type[Model], columns: Sequence[str], rows: Iterable[Sequence[object]]) -> int:
    """Add rows to the model's table, in the caller's transaction; returns how many.

    `columns` name the values of a row by the attributes that hold them (`participation_id`, not `participation`).
    `rows` may be a generator, but one that asks the database nothing. Values must be of the column's own type (int,
    str, bytes, date, aware datetime; for JSON anything json.dumps takes). Raises what an INSERT would raise, as
    django.db's errors; then no row is there."""
    iterator = iter(rows)
    first = next(iterator, None)
    if first is None:
        return 0
    statement, types = _statement(model, tuple(columns))
    with connection.wrap_database_errors, connection.cursor() as cursor:
        with cursor.copy(statement) as copy:
            copy.set_types(types)
            for row in chain((first,), iterator):
                copy.write_row(row)
        return int(cursor.rowcount)


def copy_alike(
    model: type[Model], columns: Sequence[str], groups: Iterable[tuple[Sequence[int], Sequence[Sequence[object]]]]
) -> int:
    """As `copy_rows`, for many who get rows alike: each group is the numbers of some and the rows that every one of
    them gets, in which EACH stands for the number. How many rows were added.

    A row is turned into bytes once for its group, and only the number is set in for each: a tenth of the cost."""
    statement, types = _statement(model, tuple(columns))
    with connection.wrap_database_errors, connection.cursor() as cursor:
        with cursor.copy(statement) as copy:
            copy.write(_HEADER)
            for numbers, rows in groups:
                # Between two pieces stands the number, in every row where EACH does.
                pieces = _pieces(rows, types)
                size = max(1, _BLOCK_ROWS // max(1, len(rows)))
                for first in range(0, len(numbers), size):
                    some = map(_BIGINT.pack, numbers[first : first + size])
                    copy.write(b"".join([number.join(pieces) for number in some]))
            copy.write(_TRAILER)
        return int(cursor.rowcount)


def _pieces(rows: Sequence[Sequence[object]], types: Sequence[str]) -> list[bytes]:
    """The rows in binary form, cut where the number of each has to be set in."""
    pieces = [bytearray()]
    adapters = connection.connection.adapters
    for row in rows:
        pieces[-1] += _COUNT.pack(len(row))
        for value, name in zip(row, types, strict=True):
            if value is EACH:
                pieces[-1] += _LENGTH.pack(_BIGINT.size)
                pieces.append(bytearray())
                continue
            dumper = adapters.get_dumper_by_oid(adapters.types[name].oid, Format.BINARY)
            data = None if value is None else dumper(type(value), connection.connection).dump(value)
            pieces[-1] += _LENGTH.pack(-1) if data is None else _LENGTH.pack(len(data)) + data
    return [bytes(piece) for piece in pieces]


@lru_cache(maxsize=256)
def _statement(model: type[Model], columns: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """The COPY statement, and each column's type by the name psycopg knows it by."""
    fields: list[Any] = [model._meta.get_field(name) for name in columns]
    wrong = [name for name, field in zip(columns, fields, strict=True) if field.attname != name]
    if wrong:
        raise ValueError(f"columns are named by their attribute: {wrong[0]}_id, not {wrong[0]}")
    named = ", ".join(f'"{field.column}"' for field in fields)
    types = tuple(field.db_type(connection).partition("(")[0] for field in fields)
    return f'COPY "{model._meta.db_table}" ({named}) FROM STDIN (FORMAT BINARY)', types


def int_array(values: Iterable[int]) -> str:
    """Whole numbers as the text of an array, for a column of `unnest(%s::bigint[], …)`."""
    return "{" + ",".join(map(str, values)) + "}"


def id_array(ids: Iterable[int]) -> str:
    """Numbers of rows to look for, for `= ANY(%s::bigint[])`: what no row can have as its number is left out."""
    return int_array([number for number in ids if -MAX_BIGINT <= number <= MAX_BIGINT])


def text_array(values: Iterable[str]) -> str:
    """Texts as the text of an array, for `%s::text[]`."""
    quoted = [value.replace("\\", "\\\\").replace('"', '\\"') for value in values]
    return '{"' + '","'.join(quoted) + '"}' if quoted else "{}"


def bytes_array(values: Iterable[bytes]) -> str:
    """Bytes as the text of an array, for `%s::bytea[]`."""
    return "{" + ",".join([f'"\\\\x{value.hex()}"' for value in values]) + "}"
