"""How far an instalment has come, as one number that only grows while money moves on: what ends complaints.

Not earned, earned, on a list, given out for sending, settled or not, back again, and the same once more with the next
attempt. A list that is cancelled, and what an alarm keeps back, is no step forward: it falls behind what was.
"""

from collections.abc import Sequence

from django.db import connection

from bekal.ledger.copy_rows import int_array, text_array

LOST_POSITION = 1_000_000_000
# Of `wanted` (participation_id, kind, instalment): where each line is now, and what that is called.
LINES_SQL = f"""
SELECT wanted.*,
       CASE WHEN earned.lapsed_at IS NOT NULL THEN {LOST_POSITION}
            WHEN earned.id IS NOT NULL THEN coalesce(newest.attempt * 10 + newest.rank, 1)
            WHEN place.revoked_at IS NOT NULL OR place.closed_at IS NOT NULL THEN {LOST_POSITION}
            ELSE 0 END AS position_now,
       CASE WHEN earned.lapsed_at IS NOT NULL OR earned.id IS NULL THEN 'lost'
            ELSE coalesce(newest.called, 'earned') END AS called,
       coalesce(newest.partner, '') AS partner, coalesce(newest.masked_account, '') AS masked_account,
       coalesce(newest.reason_code, '') AS reason_code, newest.planned_for, place.participant_id
FROM wanted
JOIN participants_participation place ON place.id = wanted.participation_id
LEFT JOIN incentives_entitlement earned ON earned.participation_id = wanted.participation_id
     AND earned.kind = wanted.kind AND earned.instalment = wanted.instalment
LEFT JOIN LATERAL (
    SELECT payout.attempt, payout.partner, payout.masked_account, run.planned_for, said.reason_code,
           CASE coalesce(said.state, '') WHEN '' THEN 1 WHEN 'sent' THEN 2 WHEN 'settled' THEN 3 ELSE 4 END AS rank,
           coalesce(said.state, 'listed') AS called
    FROM incentives_payout payout
    JOIN incentives_payoutrun run ON run.id = payout.run_id AND run.cancelled_at IS NULL
    LEFT JOIN LATERAL (SELECT state, reason_code FROM incentives_payoutstatus status
                       WHERE status.payout_id = payout.id AND status.state <> 'accepted'
                       ORDER BY status.id DESC LIMIT 1) said ON true
    WHERE payout.entitlement_id = earned.id AND said.state IS DISTINCT FROM 'withheld'
    ORDER BY payout.attempt DESC LIMIT 1
) newest ON true
"""
POSITIONS_SQL = f"""
WITH wanted AS (
    SELECT * FROM unnest(%s::bigint[], %s::text[], %s::bigint[]) AS w(participation_id, kind, instalment)
)
SELECT participation_id, kind, instalment, position_now FROM ({LINES_SQL}) line
"""
Line = tuple[int, str, int]
"""Participation, kind and number of an instalment."""


def positions_of(lines: Sequence[Line]) -> dict[Line, int]:
    """How far each of these instalments has come; of unknown participations nothing."""
    with connection.cursor() as cursor:
        columns = [int_array([one[0] for one in lines]), text_array([one[1] for one in lines])]
        cursor.execute(POSITIONS_SQL, [*columns, int_array([one[2] for one in lines])])
        return {(owner, kind, number): position for owner, kind, number, position in cursor.fetchall()}
