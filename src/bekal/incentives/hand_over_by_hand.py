"""`hand_over_by_hand`: an officer has handed a partner its files, or has found it closed."""

from collections.abc import Collection
from datetime import datetime

from django.db import connection, transaction

from bekal.incentives.hand_over_files import AT_A_PARTNER
from bekal.incentives.models import PayoutSending
from bekal.ledger.copy_rows import id_array

LOCK_SQL = """
SELECT pg_advisory_xact_lock(hashtext(%(key)s || named.partner))
FROM (SELECT DISTINCT partner FROM incentives_payoutfile WHERE id = ANY(%(file_ids)s::bigint[]) ORDER BY partner) named
"""
# What a partner has, or may have, is not handed over again: it is asked for.
NOTE_SQL = """
INSERT INTO incentives_payoutsending (file_id, act, outcome, words, noted_at)
SELECT file.id, 'hand_over', %(outcome)s, %(words)s, %(at)s
FROM incentives_payoutfile file
WHERE file.id = ANY(%(file_ids)s::bigint[]) AND file.direction = 'out' AND file.form <> 'calls'
  AND coalesce((SELECT sending.outcome FROM incentives_payoutsending sending WHERE sending.file_id = file.id
                ORDER BY sending.id DESC LIMIT 1), 'not_there') = 'not_there'
ORDER BY file.id
"""


@transaction.atomic
def hand_over_by_hand(*, file_ids: Collection[int], at: datetime, closed_words: str = "") -> int:
    """Note that these files were handed over, or, with the partner's words, that it was closed and has not got them;
    how many were noted. What it has, or may have (begun, unknown), is left as it is: nobody hands that over again.
    Waits for whoever is at the same partner; lock order: the partners by name."""
    values: dict[str, datetime | str] = {
        "file_ids": id_array(file_ids),
        "at": at,
        "words": closed_words[:200],
        "outcome": (PayoutSending.Outcome.NOT_THERE if closed_words else PayoutSending.Outcome.TAKEN).value,
    }
    with connection.cursor() as cursor:
        # One after the other, the courier included: the second finds the file handed over.
        cursor.execute(LOCK_SQL, {"key": AT_A_PARTNER, "file_ids": values["file_ids"]})
        cursor.execute(NOTE_SQL, values)
        return int(cursor.rowcount)
