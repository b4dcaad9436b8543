"""Officers as the files name them: by login name; who is unknown is added so that nobody can sign in as them."""

from collections.abc import Sequence

from django.contrib.auth.hashers import make_password

from bekal.accounts.models import Role, User
from bekal.exchange.history import LIMIT
from bekal.exchange.staging import Staged


def refuse_no_officers(staged: Staged, columns: Sequence[str]) -> None:
    """Login names in these staged columns that belong to somebody else."""
    for column in columns:
        staged.refuse(
            column,
            "this login name belongs to somebody who is no programme officer: write another",
            f"""
            SELECT line FROM {staged.table} row JOIN accounts_user known ON known.login_name = row.{column}
            WHERE known.role <> '{Role.OFFICER.value}' {LIMIT}
            """,
        )


def add_officers(staged: Staged, columns: Sequence[str]) -> int:
    """Everybody these staged columns name and nobody knows, without password and inactive; how many."""
    named = " UNION ".join(f"SELECT {column} AS name FROM {staged.table}" for column in columns)
    names = staged.fetch(f"""
        SELECT DISTINCT name FROM ({named}) names
        WHERE name IS NOT NULL AND NOT EXISTS (SELECT 1 FROM accounts_user known WHERE known.login_name = name)
        ORDER BY name
    """)
    officers = [
        User(login_name=name, display_name=name, role=Role.OFFICER, is_active=False, password=make_password(None))
        for (name,) in names
    ]
    User.objects.bulk_create(officers)
    return len(officers)
