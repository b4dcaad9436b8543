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
    """Migration operation: refuse UPDATE and DELETE on `table` for every role, the owner included. With it goes
    `guard_against_truncate`: a trigger of its own, because it is one for whole statements."""
    return migrations.RunSQL(
        f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table} "
        "FOR EACH ROW EXECUTE FUNCTION refuse_change()",
        f"DROP TRIGGER {table}_append_only ON {table}",
    )


def guard_against_truncate(table: str) -> migrations.RunSQL:
    """Migration operation: refuse TRUNCATE of `table` for every role, the owner included."""
    return migrations.RunSQL(
        f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()",
        f"DROP TRIGGER {table}_no_truncate ON {table}",
    )


# What is numbered up to here is final: an INSERT holds its lock on the table before it draws a number, and this waits
# for every such lock to be given back. Whoever would insert meanwhile waits, so the wait is a short one or none.
BOUNDARY_SQL = """
CREATE FUNCTION ledger_digest_boundary() RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public SET lock_timeout = '2s' AS $$
BEGIN
    LOCK TABLE public.ledger_transfer IN SHARE MODE;
    RETURN (SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM public.ledger_transfer_id_seq);
END $$;
REVOKE ALL ON FUNCTION ledger_digest_boundary() FROM PUBLIC;
"""


def digest_boundary_function() -> migrations.RunSQL:
    """Migration operation: the one thing the program's role may do with the owner's rights (`ledger.digests`)."""
    return migrations.RunSQL(BOUNDARY_SQL, "DROP FUNCTION ledger_digest_boundary()")
