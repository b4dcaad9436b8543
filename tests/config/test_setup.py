"""`manage setup` can be repeated."""

import pytest
from django.core.management import call_command
from django.db import connections

from tests.databases import TestDatabase


@pytest.mark.django_db(transaction=True, databases=["default", "owner", "proof"])
def test_setup_again_changes_nothing(sandbox: TestDatabase, capsys: pytest.CaptureFixture[str]) -> None:
    def rights() -> list[tuple[str, str, str]]:
        with connections["owner"].cursor() as cursor:
            cursor.execute(
                "SELECT table_name, grantee, privilege_type FROM information_schema.role_table_grants "
                "WHERE table_schema = 'public' ORDER BY 1, 2, 3"
            )
            return list(cursor.fetchall())

    before = rights()
    call_command("setup")
    assert rights() == before
    assert capsys.readouterr().err == "The database and the static files are ready.\n"
