"""What a second person's approval is bound to: count, sum and SHA-256 of a run's list.

A line of the list is `reference,partner,account,amount` and a line feed, in the order of the references. The account
stands there as its keyed hash of the directory, so that the list holds no account number. Each payout keeps the hash of
the account it was planned for: who changes theirs afterwards does not change the list, but leaves its files
(`export_payout_run`).
"""

from dataclasses import dataclass

from django.db import connection

from bekal.incentives.models import PayoutRun

# Over rows with the columns reference, partner, account_hash and amount_rupiah.
SEAL_SQL = """
count(*) AS payout_count, coalesce(sum(amount_rupiah), 0)::bigint AS total_rupiah,
sha256(convert_to(coalesce(string_agg(
    concat_ws(',', reference, partner, encode(account_hash, 'hex'), amount_rupiah) || chr(10),
    '' ORDER BY reference COLLATE "C"), ''), 'UTF8')) AS list_sha256
"""

RUN_SEAL_SQL = f"""
SELECT {SEAL_SQL} FROM (
    SELECT reference, partner, account_hash, amount_rupiah FROM incentives_payout
    WHERE run_id = %s AND ended_at IS NULL
) line
"""


@dataclass(frozen=True, slots=True)
class ListSeal:
    """Count, sum in rupiah and SHA-256 (32 bytes) of a list of payouts."""

    payout_count: int
    total_rupiah: int
    list_sha256: bytes


def seal_of(*, run_id: int) -> ListSeal:
    """The seal of the run's list as it stands now."""
    with connection.cursor() as cursor:
        cursor.execute(RUN_SEAL_SQL, [run_id])
        payout_count, total_rupiah, list_sha256 = cursor.fetchone()
    return ListSeal(payout_count, total_rupiah, bytes(list_sha256))


def planned_seal(run: PayoutRun) -> ListSeal:
    """The seal the run was planned with, which is what its approval is bound to."""
    return ListSeal(run.payout_count, run.total_rupiah, bytes(run.list_sha256))
