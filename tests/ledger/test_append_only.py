"""What is added and never removed: no role empties such a table, the owner included."""

import pytest
from django.apps import apps
from django.db import DatabaseError, connections, transaction

from bekal.ledger.append_only import AppendOnlyModel

TABLES = sorted(model._meta.db_table for model in apps.get_models() if issubclass(model, AppendOnlyModel))


@pytest.mark.django_db(databases=["default", "owner", "proof"], transaction=True)
@pytest.mark.parametrize(
    ("role", "words"),
    [("default", "permission denied"), ("owner", "are facts"), ("proof", "permission denied|read-only")],
)
def test_no_role_empties_a_table_of_facts(role: str, words: str) -> None:
    assert "ledger_transfer" in TABLES
    for table in TABLES:
        with (
            pytest.raises(DatabaseError, match=words),
            transaction.atomic(using=role),
            connections[role].cursor() as cursor,
        ):
            cursor.execute(f"TRUNCATE {table} CASCADE")


@pytest.mark.django_db
def test_every_table_of_facts_has_both_guards() -> None:
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT tgrelid::regclass::text, tgname FROM pg_trigger WHERE tgenabled = 'O'")
        guards = set(cursor.fetchall())
    wanted = {(table, f"{table}_{guard}") for table in TABLES for guard in ("append_only", "no_truncate")}
    assert wanted - guards == set()


@pytest.mark.django_db
def test_only_the_program_waits_for_the_boundary_of_a_digest() -> None:
    with connections["default"].cursor() as cursor:
        cursor.execute(
            "SELECT rolname FROM pg_roles WHERE rolname IN ('bekal_app', 'bekal_proof')"
            " AND has_function_privilege(oid, 'ledger_digest_boundary()', 'execute')"
        )
        assert cursor.fetchall() == [("bekal_app",)]
