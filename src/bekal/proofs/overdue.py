"""What should have ended and has not: a training balance past its last day, a place whose owner bought nothing in time.

Nobody's money is missing by that, so no transfer tells of it; the days kept with each place do. Without a purchase the
place is to be revoked, with one the balance is to be ended: each with what would return to the treasury.
"""

DAY = "(%(at)s::timestamptz AT TIME ZONE 'Asia/Jakarta')::date"
# What was given and has neither returned nor been earned: without a purchase it went nowhere else.
_UNEARNED = """(
    SELECT coalesce(sum(CASE 1 WHEN debit_kind THEN amount_rupiah WHEN credit_kind THEN -amount_rupiah END), 0)
    FROM ledger_transfer WHERE owner_id = late.id AND posted_at <= %(as_of)s
) - (
    SELECT coalesce(sum(amount_rupiah), 0) FROM incentives_entitlement
    WHERE participation_id = late.id AND entitled_at <= %(as_of)s
)"""
_BALANCE_THEN = """(
    SELECT coalesce(sum(CASE credit_kind WHEN 2 THEN amount_rupiah ELSE -amount_rupiah END), 0) FROM ledger_transfer
    WHERE owner_id = late.id AND (credit_kind = 2 OR debit_kind = 2) AND posted_at <= %(as_of)s
)"""
# The stored balance is that of now; as of a past instant it is added up.
OVERDUE_SQL = f"""
SELECT CASE WHEN is_bought THEN 'balance_to_be_ended' ELSE 'place_to_be_revoked' END, 'officer', '',
       CASE WHEN NOT is_bought THEN {_UNEARNED}
            WHEN %(as_of)s::timestamptz < 'infinity' THEN {_BALANCE_THEN}
            ELSE coalesce(remaining_rupiah, 0) END,
       greatest((last_on + 1)::timestamp AT TIME ZONE 'Asia/Jakarta', opened_at), NULL::int
FROM (
    SELECT id, is_bought, opened_at, CASE WHEN is_bought THEN balance_ends_on ELSE first_purchase_due_on END AS last_on
    FROM (
        SELECT id, opened_at, balance_ends_on, first_purchase_due_on,
               bought_before OR id IN (SELECT participation_id FROM purchases_purchase WHERE bought_at <= %(as_of)s)
                   AS is_bought
        FROM participants_participation
        WHERE accepted_at <= %(as_of)s AND (opened_at IS NULL OR opened_at <= %(as_of)s)
          AND (revoked_at IS NULL OR revoked_at > %(as_of)s)
          AND (balance_ended_at IS NULL OR balance_ended_at > %(as_of)s) AND first_purchase_due_on < {DAY}
        OFFSET 0
    ) place
) late
LEFT JOIN ledger_trainingbalance balance ON balance.owner_id = late.id
WHERE last_on < {DAY}
"""
