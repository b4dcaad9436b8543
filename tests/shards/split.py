"""One programme cut in two: a whole copy on each server, from which everything of the other shard's people is removed.

Who goes where is decided by a hash of the participant's number, which is how a sharded PostgreSQL decides. What belongs
to no person (waves, trainings, institutions, officers) stays in both.
"""

import os
import subprocess
from typing import Any

import psycopg
from django.apps import apps
from django.db.models import Field, Model
from psycopg import sql

from bekal.proofs.own_server import OwnServer, server_binaries

SHARD_COUNT = 2
SHARD_SQL = "(hashint8(id) & 1)"
# Keyed by the person or the participation with a bare number: the ledger and the messages lie below them.
BARE_KEYS = {
    "ledger_transfer": ("owner_id", "participants_participation"),
    "ledger_trainingbalance": ("owner_id", "participants_participation"),
    "messaging_onetimecode": ("holder_id", "participants_participant"),
    "messaging_outboxmessage": ("holder_id", "participants_participant"),
    "recommender_exposure": ("participation_id", "participants_participation"),
    "recommender_preparedlist": ("participation_id", "participants_participation"),
}
ROLES = "CREATE ROLE bekal_app NOLOGIN; CREATE ROLE bekal_proof NOLOGIN; CREATE ROLE bekal_owner NOLOGIN"


def make_shard(number: int, server: OwnServer, source: str, *, triggers: bool) -> None:
    """Copy the database `source` (an address) to the server, and keep the people of shard `number` alone.

    Without `triggers` none fires in any later session: neither the guards of append-only tables nor those behind
    foreign keys."""
    programs = server_binaries()
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(ROLES)
    dumped = subprocess.run(
        [programs / "pg_dump", "--no-owner", "--format=plain", source], check=True, capture_output=True
    )
    restoring = [programs / "psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-d", server.url]
    subprocess.run(restoring, input=dumped.stdout, check=True, capture_output=True, env=os.environ | {"PGOPTIONS": ""})
    with psycopg.connect(server.url) as connection:
        # Neither foreign keys nor the guards of append-only tables: this is the move, not the programme.
        connection.execute("SET session_replication_role = replica")
        _remove_others(connection, number)
        _count_again(connection)
        _draw_numbers_apart(connection, number)
        if not triggers:
            connection.execute("ALTER DATABASE bekal SET session_replication_role = replica")


def _remove_others(connection: psycopg.Connection[Any], number: int) -> None:
    connection.execute(f"DELETE FROM participants_participant WHERE {SHARD_SQL} <> {number}")
    for _ in range(8):  # as deep as foreign keys follow each other
        removed = sum(
            connection.execute(
                sql.SQL(
                    "DELETE FROM {} t WHERE {} IS NOT NULL AND NOT EXISTS (SELECT FROM {} r WHERE r.{} = t.{})"
                ).format(*map(sql.Identifier, (table, column, target, key, column)))
            ).rowcount
            for table, column, target, key in _references()
        )
        if not removed:
            return
    raise AssertionError("rows of the other shard are still left")


def _references() -> list[tuple[str, str, str, str]]:
    """(table, column, table it points at, column there) of everything that names a row of another table."""
    found = [
        (model._meta.db_table, field.column, field.related_model._meta.db_table, field.target_field.column)
        for model in apps.get_models(include_auto_created=True)
        for field in model._meta.concrete_fields
        if _points_at_a_table(model, field)
    ]
    return found + [(table, column, target, "id") for table, (column, target) in BARE_KEYS.items()]


def _points_at_a_table(model: type[Model], field: "Field[Any, Any]") -> bool:
    return bool(field.is_relation and model._meta.managed and model.__module__.startswith("bekal."))


def _count_again(connection: psycopg.Connection[Any]) -> None:
    """The summaries kept on trainings say what this shard has sold; the programme's are their sum."""
    connection.execute(
        """
        UPDATE catalogue_training training SET
            bought_count = (SELECT count(*) FROM purchases_purchase WHERE training_id = training.id),
            completed_count = (SELECT count(completed_at) FROM purchases_purchase WHERE training_id = training.id),
            rating_count = (
                SELECT count(*) FROM purchases_review WHERE training_id = training.id AND hidden_at IS NULL),
            rating_sum = (
                SELECT coalesce(sum(rating), 0) FROM purchases_review
                WHERE training_id = training.id AND hidden_at IS NULL)
        """
    )


def _draw_numbers_apart(connection: psycopg.Connection[Any], number: int) -> None:
    """Every sequence goes on in steps of the number of shards: no two shards ever draw one number."""
    rows = connection.execute(
        "SELECT sequencename, coalesce(last_value, 0) FROM pg_sequences WHERE schemaname = 'public'"
    ).fetchall()
    for name, last in rows:
        first = (last // SHARD_COUNT + 1) * SHARD_COUNT + number
        connection.execute(f"ALTER SEQUENCE {name} INCREMENT BY {SHARD_COUNT} RESTART WITH {first}")
