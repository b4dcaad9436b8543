"""`manage analyze`: the database plans with what is there now."""

import pytest
from django.core.management import call_command
from django.db import connections

from tests import factories


@pytest.mark.django_db(transaction=True, databases=["default", "owner"])
def test_the_database_knows_how_many_rows_there_are() -> None:
    for _ in range(3):
        factories.institution()
    call_command("analyze")
    with connections["owner"].cursor() as cursor:
        cursor.execute("SELECT reltuples FROM pg_class WHERE oid = 'catalogue_institution'::regclass")
        assert cursor.fetchone() == (3,)
