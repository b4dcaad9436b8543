"""The codes of Papua change over from the old list of provinces, and back, on rows that are there."""

from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from django.db import connections
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader

from bekal.proofs.scratch import connected_to
from tests import databases

BEFORE = [("participants", "0001_initial"), ("recommender", "0001_initial"), ("catalogue", "0002_sessions_and_seats")]
TABLES = {
    "participants_participant": """
        INSERT INTO participants_participant
            (full_name, nik_encrypted, sex, born_on, education, employment, province, registered_at)
        SELECT 'Siti', 'x', 'F', '1990-01-01', 3, 1, unnest(%s::int[]), '2020-04-12'""",
    "recommender_earlierlearner": """
        INSERT INTO recommender_earlierlearner (key_hash, sex, province)
        SELECT convert_to(code::text, 'UTF8'), '', code FROM unnest(%s::int[]) code""",
    "catalogue_training": """
        INSERT INTO catalogue_training
            (code, title, description, category_id, institution_id, price_rupiah, mode, session_count, on_sale,
             listed_at, bought_count, completed_count, rating_count, rating_sum, province)
        SELECT 't-' || code, 't', '', 1, 1, 1, 'on_site', 1, true, '2020-04-12', 0, 0, 0, 0, code
        FROM unnest(%s::int[]) code""",
}
Migrate = Callable[[list[tuple[str, str | None]]], None]


@pytest.fixture
def elsewhere(
    new_database: Callable[..., databases.TestDatabase], django_db_blocker: Any
) -> Iterator[tuple[Any, Migrate]]:
    """A migrated database of its own: a plain connection, and a function that migrates it to and fro."""
    database = new_database("provinces")

    def migrate(targets: list[tuple[str, str | None]]) -> None:
        # The recorder of migrations asks for its connection by alias, so the alias itself has to lead there.
        with django_db_blocker.unblock(), connected_to(database.name):
            MigrationExecutor(connections["owner"]).migrate(targets)

    with databases.owner_connection(database.name) as plain:
        yield plain, migrate


def codes(plain: psycopg.Connection[Any], table: str) -> list[int]:
    return [code for (code,) in plain.execute(f"SELECT province FROM {table} ORDER BY id").fetchall()]


def test_old_codes_become_new_ones_and_return(elsewhere: tuple[Any, Migrate]) -> None:
    plain, migrate = elsewhere
    newest = MigrationLoader(None).graph.leaf_nodes()
    migrate([*BEFORE])
    plain.execute("INSERT INTO catalogue_institution (id, code, name) VALUES (1, 'l', 'L')")
    plain.execute("INSERT INTO catalogue_category (id, slug, name_id, name_en) VALUES (1, 'k', 'K', 'K')")
    for insert in TABLES.values():
        plain.execute(insert, [[94, 32, 91]])
    with pytest.raises(psycopg.errors.CheckViolation):
        plain.execute(TABLES["participants_participant"], [[92]])

    migrate(newest)
    for table, insert in TABLES.items():
        assert codes(plain, table) == [91, 32, 92], table
        plain.execute(insert, [[93, 96]])

    migrate([*BEFORE])
    for table in TABLES:
        assert codes(plain, table) == [94, 32, 91, 94, 91], f"{table}: the provinces of 2022 fall into the older ones"
