"""`nothing_changes`: a refusal leaves every row of the house as it was."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager

from django.apps import apps
from django.db import connection
from django.db.models import Model


@contextmanager
def nothing_changes(*, but: Collection[type[Model]] = ()) -> Iterator[None]:
    """Fails where any row of any room's table differs afterwards, but for the tables of `but`."""
    models = [model for model in apps.get_models() if model.__module__.startswith("bekal.") and model not in but]
    tables = sorted(model._meta.db_table for model in models)
    assert len(tables) > 20, "the house has more tables than these"
    before = _rows(tables)
    yield
    for table, rows in _rows(tables).items():
        assert rows == before[table], table


def _rows(tables: list[str]) -> dict[str, list[str]]:
    contents: dict[str, list[str]] = {}
    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f'SELECT row::text FROM "{table}" AS row ORDER BY 1')
            contents[table] = [text for (text,) in cursor.fetchall()]
    return contents
