"""Many rows at once, by PostgreSQL's COPY: several times faster than INSERT, with the same constraints and rights.

A row is a tuple, not a model instance: what a verb writes for hundreds of thousands of people costs a microsecond a row
here. Defaults of a model's fields are Python's and do not count; only columns with a default in the database (a number
drawn from a sequence) may be left out. A statement about many rows takes each column as one array, written as text: the
driver would look at every value of a list.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any

from django.db import connection
from django.db.models import Model

MAX_BIGINT = 2**63 - 1


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
