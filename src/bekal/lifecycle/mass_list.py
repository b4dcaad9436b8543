"""What an approval of a mass run is bound to: count, sum and SHA-256 of its list.

A line of the list is `number,amount` and a line feed, in ascending order of the numbers: anybody who has the list can
make the hash again.
"""

from django.db import connection

# Over rows of chunks, the lines of one of them.
LINES_SQL = """(SELECT string_agg(line.id || ',' || line.amount || chr(10), '' ORDER BY line.place)
     FROM unnest(subject_ids, amounts_rupiah) WITH ORDINALITY AS line(id, amount, place))"""


def seal_sql(lines: str = LINES_SQL) -> str:
    """Count, sum and hash over rows of chunks."""
    return f"""
coalesce(sum(subject_count), 0)::bigint AS subject_count, coalesce(sum(total_rupiah), 0)::bigint AS total_rupiah,
sha256(convert_to(coalesce(string_agg({lines}, '' ORDER BY number), ''), 'UTF8')) AS list_sha256
"""


def part_sql(lines: str = LINES_SQL) -> str:
    """The hash of one chunk: its lines, and the count and the sum that the whole list is made of."""
    return f"sha256(convert_to(concat({lines}, subject_count, ',', total_rupiah), 'UTF8'))"


SEAL_SQL = seal_sql()
PART_SQL = part_sql()
# One pass over the whole list: whether it is the planned one, and the hash of each chunk.
SEALED_PARTS_SQL = f"""
SELECT (run.subject_count, run.total_rupiah, run.list_sha256) = (now.subject_count, now.total_rupiah, now.list_sha256),
       now.numbers, now.parts
FROM lifecycle_massrun run, (
    SELECT {seal_sql("lines")}, array_agg(number ORDER BY number) AS numbers,
           array_agg({part_sql("lines")} ORDER BY number) AS parts
    FROM (SELECT number, subject_count, total_rupiah, {LINES_SQL} AS lines
          FROM lifecycle_masschunk WHERE run_id = %(run_id)s OFFSET 0) chunk) now
WHERE run.id = %(run_id)s
"""
# A worker has to do with few runs at a time.
REMEMBERED_COUNT = 16


def is_sealed(*, run_id: int) -> bool:
    """Whether the list is still the one that was planned, made anew from the chunks."""
    return _sealed_parts(run_id) is not None


def _sealed_parts(run_id: int) -> dict[int, bytes] | None:
    """The hash of each chunk by its number; None where the list is not the one that was planned."""
    with connection.cursor() as cursor:
        cursor.execute(SEALED_PARTS_SQL, {"run_id": run_id})
        is_same, numbers, parts = cursor.fetchone()
    if not is_same:
        return None
    return dict(zip(numbers or (), map(bytes, parts or ()), strict=True))


class SealedLists:
    """The lists that one worker has compared with their seals, kept as one hash a chunk: a list is made anew once, and
    after that each chunk is compared when it is taken. What changed since, in a chunk or in the run, does not fit."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[bytes, dict[int, bytes]]] = {}

    def fits(self, *, run_id: int, list_sha256: bytes, number: int, part_sha256: bytes) -> bool:
        """Whether a chunk, whose hash was just made, belongs to the list that was planned under this seal."""
        known = self._known.get(run_id)
        if known is None:
            parts = _sealed_parts(run_id)
            if parts is None:
                return False
            while len(self._known) >= REMEMBERED_COUNT:
                del self._known[next(iter(self._known))]
            known = self._known[run_id] = (list_sha256, parts)
        return known[0] == list_sha256 and known[1].get(number) == part_sha256
