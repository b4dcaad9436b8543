"""What an approval of a mass run is bound to: count, sum and SHA-256 of its list.

A line of the list is `number,amount` and a line feed, in ascending order of the numbers: anybody who has the list can
make the hash again.
"""

from django.db import connection

# Over rows of chunks.
SEAL_SQL = """
coalesce(sum(subject_count), 0)::bigint AS subject_count, coalesce(sum(total_rupiah), 0)::bigint AS total_rupiah,
sha256(convert_to(coalesce(string_agg(
    (SELECT string_agg(line.id || ',' || line.amount || chr(10), '' ORDER BY line.place)
     FROM unnest(subject_ids, amounts_rupiah) WITH ORDINALITY AS line(id, amount, place)),
    '' ORDER BY number), ''), 'UTF8')) AS list_sha256
"""

IS_SEALED_SQL = f"""
SELECT (run.subject_count, run.total_rupiah, run.list_sha256) = (now.subject_count, now.total_rupiah, now.list_sha256)
FROM lifecycle_massrun run, (SELECT {SEAL_SQL} FROM lifecycle_masschunk WHERE run_id = %(run_id)s) now
WHERE run.id = %(run_id)s
"""


def is_sealed(*, run_id: int) -> bool:
    """Whether the list is still the one that was planned, made anew from the chunks."""
    with connection.cursor() as cursor:
        cursor.execute(IS_SEALED_SQL, {"run_id": run_id})
        return bool(cursor.fetchone()[0])
