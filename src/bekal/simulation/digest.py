"""What happened in a programme as one number for each kind of thing: two walks with one seed must agree."""

from pathlib import Path

from django.db import connection, transaction

DIGEST_SQL = Path(__file__).with_name("digest.sql").read_text(encoding="utf-8")


def digest() -> dict[str, tuple[int, int]]:
    """For each kind of thing how many there are and the sum of a 64-bit hash of each, whatever their order; what is
    secret or drawn from the machine (codes, encrypted bytes) and numbers of rows are left out."""
    with transaction.atomic(), connection.cursor() as cursor:
        # Right after a walk the planner knows nothing of the tables' sizes, and would look through everybody per row.
        cursor.execute("SET LOCAL enable_nestloop = off")
        cursor.execute(DIGEST_SQL)
        found = cursor.fetchall()
        cursor.execute("SET LOCAL enable_nestloop = on")
        return {what: (count, int(summed)) for what, count, summed in found}
