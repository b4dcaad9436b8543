"""What of a cohort's money was due and is not paid, each instalment with the reason that the books give."""

from datetime import date

from django.db import connection

# What lapsed with a clawback, or was earned after a revocation, is owed to nobody. The newest word decides.
UNPAID_SQL = """
SELECT CASE WHEN live.id IS NOT NULL AND run.exported_at IS NULL THEN 'listed'
            WHEN live.id IS NOT NULL THEN 'with the partner'
            WHEN account.participant_id IS NULL THEN 'no account'
            WHEN ended.reason_code <> '' THEN 'rejected ' || ended.reason_code
            WHEN ended.state IS NOT NULL THEN ended.state
            ELSE 'not listed yet' END AS reason, count(*)
FROM simulation_cohortmember member
JOIN participants_participation participation USING (participant_id)
JOIN incentives_entitlement entitlement ON entitlement.participation_id = participation.id
LEFT JOIN incentives_payout live ON live.entitlement_id = entitlement.id AND live.ended_at IS NULL
LEFT JOIN incentives_payoutrun run ON run.id = live.run_id
LEFT JOIN participants_payoutaccount account ON account.participant_id = participation.participant_id
LEFT JOIN LATERAL (
    SELECT status.state, status.reason_code
    FROM incentives_payout payout JOIN incentives_payoutstatus status ON status.payout_id = payout.id
    WHERE payout.entitlement_id = entitlement.id AND status.state NOT IN ('sent', 'accepted', 'settled')
    ORDER BY payout.attempt DESC, status.id DESC LIMIT 1
) ended ON live.id IS NULL
WHERE member.cohort_id = %s AND entitlement.payment_on <= %s AND entitlement.lapsed_at IS NULL
  AND coalesce(participation.revoked_at >= entitlement.entitled_at, true)
  AND NOT EXISTS (SELECT 1 FROM incentives_payoutstatus paid WHERE paid.payout_id = live.id AND paid.state = 'settled')
GROUP BY 1 ORDER BY 1
"""


def unpaid(*, cohort_id: int, on: date) -> dict[str, int]:
    """Instalments by reason that were due by that day and are not paid."""
    with connection.cursor() as cursor:
        cursor.execute(UNPAID_SQL, [cohort_id, on])
        return dict(cursor.fetchall())
