"""Rows that are written once: the program has no right to change them, and a trigger is the second guard."""

from typing import ClassVar

from django.db import migrations, models


class AppendOnlyModel(models.Model):
    """Base of every table whose rows are facts. `manage setup` withholds the rights, `guard` installs the trigger."""

    append_only: ClassVar[bool] = True

    class Meta:
        abstract = True


FUNCTION_SQL = """
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rows of % are facts: they are added, never changed or removed', TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END $$;
"""


def guard_function() -> migrations.RunSQL:
    """The trigger function shared by all append-only tables; the ledger's first migration installs it."""
    return migrations.RunSQL(FUNCTION_SQL, "DROP FUNCTION refuse_change()")


def guard(table: str) -> migrations.RunSQL:
    """Migration operation: refuse UPDATE and DELETE on `table` for every role, the owner included."""
    return migrations.RunSQL(
        f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table} "
        "FOR EACH ROW EXECUTE FUNCTION refuse_change()",
        f"DROP TRIGGER {table}_append_only ON {table}",
    )
