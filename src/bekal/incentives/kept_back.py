"""What of an approved list does not leave: an alarm holds it, its institution was stopped or suspended, the partner has
contradicted itself on an earlier attempt, or its account is not the approved one any more.

The approval was of the whole list, so less than it may leave, never more and nothing else.
"""

from django.db import connection

from bekal.holds.queries import INCENTIVES_HELD_SQL
from bekal.ledger.copy_rows import id_array
from bekal.purchases.settle_institutions import WAITS_SQL

HELD_SQL = f"""
SELECT payout.id FROM incentives_payout payout
JOIN incentives_entitlement entitlement ON entitlement.id = payout.entitlement_id
JOIN participants_participation participation ON participation.id = entitlement.participation_id
WHERE payout.run_id = %(run_id)s AND {INCENTIVES_HELD_SQL}
UNION ALL
SELECT payout.id FROM incentives_payout payout
JOIN purchases_institutionsettlement settlement ON settlement.id = payout.settlement_id
JOIN catalogue_institution institution ON institution.id = settlement.institution_id
WHERE payout.run_id = %(run_id)s AND {WAITS_SQL} IS NOT NULL
UNION
SELECT payout.id FROM incentives_payoutexception asked
JOIN incentives_payout earlier ON earlier.id = asked.payout_id
JOIN incentives_payout payout ON payout.run_id = %(run_id)s AND payout.id <> earlier.id
    AND (payout.entitlement_id = earlier.entitlement_id OR payout.settlement_id = earlier.settlement_id)
WHERE asked.kind = 'contradiction' AND asked.resolved_at IS NULL ORDER BY 1
"""
# As the export reads it line by line, in one look with the number.
CHANGED_SQL = """
SELECT count(*) FROM incentives_payout payout
LEFT JOIN participants_payoutaccount account ON account.id = payout.account_id
LEFT JOIN incentives_institutionaccount own ON own.id = payout.institution_account_id
LEFT JOIN participants_payoutaccountdirectory directory ON directory.account_id = account.id
WHERE payout.run_id = %s AND payout.id <> ALL(%s::bigint[])
  AND (coalesce(own.account_hash, directory.account_hash) IS DISTINCT FROM payout.account_hash
       OR payout.account_hash IS NULL OR own.ended_at IS NOT NULL OR own.id IS NULL AND account.verified_at IS NULL)
"""


def held_payout_ids(*, run_id: int) -> list[int]:
    """The payouts of a run's list that an alarm holds now, whose institution is stopped or suspended, or of which the
    partner has said since that an earlier attempt was paid and was not, in the order of their numbers."""
    with connection.cursor() as cursor:
        cursor.execute(HELD_SQL, {"run_id": run_id})
        return [number for (number,) in cursor.fetchall()]


def kept_back_counts(*, run_id: int) -> tuple[int, int]:
    """Of a run that was not sent: how many payouts an alarm holds now, and how many others go to an account that is
    another by now or is no longer verified."""
    held_ids = held_payout_ids(run_id=run_id)
    with connection.cursor() as cursor:
        cursor.execute(CHANGED_SQL, [run_id, id_array(held_ids)])
        return len(held_ids), cursor.fetchone()[0]
