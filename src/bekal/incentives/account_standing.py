"""How a payout account stands: whether its bank or wallet can pay to it, as far as that was asked and heard.

Asked are the partners that can be called; of the others the first payment shows it. What counts is the account by its
hash in the directory: another in its place was never asked for. A payment that arrived shows that the next one will;
one that was rejected or came back for a reason of the account asks for another look.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from django.db import connection

from bekal.incentives.models import AccountCheck
from bekal.incentives.partners.rails import Rail
from bekal.incentives.reasons import NOT_THE_ACCOUNT
from bekal.ledger.copy_rows import id_array


class Standing(StrEnum):
    """Payable: the partner says so, or has paid there. Failed: it says why not. Unchecked: nobody has heard yet, or it
    is to be asked anew."""

    PAYABLE = "payable"
    FAILED = "failed"
    UNCHECKED = "unchecked"


@dataclass(frozen=True, slots=True)
class AccountStanding:
    """`reason_code`: why nothing can be paid to it (ISO 20022); `since_at`: when that was heard, or
    asked for (`is_wanted`: by its owner)."""

    standing: Standing
    reason_code: str = ""
    since_at: datetime | None = None
    is_wanted: bool = False


_NOT_THE_ACCOUNT = ", ".join(f"'{code}'" for code in sorted(NOT_THE_ACCOUNT))


def standing_joins(directory: str = "directory", said: str = "said", verdict: str = "verdict") -> str:
    """Beside a row `account` and an entry of the directory: what partners said of payments to that account, and the
    newest verdict or wish. Both are found by the hash, so that they are of the account, be it a first or a second."""
    return f"""
LEFT JOIN LATERAL (
    SELECT status.state, status.reason_code, status.recorded_at
    FROM incentives_payout past JOIN incentives_payoutstatus status ON status.payout_id = past.id
    WHERE past.account_id = account.id AND past.account_hash = {directory}.account_hash
      AND status.state IN ('settled', 'rejected', 'returned') AND status.reason_code NOT IN ({_NOT_THE_ACCOUNT})
    ORDER BY status.recorded_at DESC, status.id DESC LIMIT 1) {said} ON true
LEFT JOIN LATERAL (
    SELECT looked.id, looked.outcome, looked.reason_code, looked.recorded_at, looked.noted_at
    FROM incentives_accountcheck looked
    WHERE looked.account_id = account.id AND looked.account_hash = {directory}.account_hash
      AND looked.outcome IN ('passed', 'failed', 'wanted')
    ORDER BY looked.id DESC LIMIT 1) {verdict} ON true
"""


def failing_sql(said: str = "said", verdict: str = "verdict") -> str:
    """Whether the newest of them is a no for a reason of the account that nobody has since said to be mended."""
    return f"""
({verdict}.outcome = 'failed' AND ({said}.state IS NULL OR {said}.recorded_at <= {verdict}.recorded_at)
 OR {said}.state IN ('rejected', 'returned')
    AND ({verdict}.outcome IS NULL OR {verdict}.recorded_at <= {said}.recorded_at AND {verdict}.outcome <> 'wanted'))
"""


STANDING_JOINS = standing_joins()
STANDING_SQL = """
CASE WHEN verdict.outcome = 'wanted' THEN 'unchecked'
     WHEN verdict.outcome IS NOT NULL AND (said.state IS NULL OR said.recorded_at < verdict.recorded_at)
         THEN CASE verdict.outcome WHEN 'passed' THEN 'payable' ELSE 'failed' END
     WHEN said.state = 'settled' THEN 'payable'
     WHEN said.state IS NOT NULL AND verdict.outcome = 'failed' THEN 'failed'
     ELSE 'unchecked' END
"""
STANDINGS_SQL = f"""
SELECT account.participant_id, {STANDING_SQL}, coalesce(verdict.reason_code, ''), verdict.recorded_at,
       coalesce(verdict.outcome = 'wanted', false)
FROM participants_payoutaccount account
JOIN participants_payoutaccountdirectory directory ON directory.account_id = account.id
{STANDING_JOINS}
WHERE account.participant_id = ANY(%s::bigint[])
"""


def asking_partners(rails: Mapping[str, Rail]) -> frozenset[str]:
    """The partners that can be asked for an account."""
    return frozenset(partner for partner, rail in rails.items() if rail.snap is not None)


def looks_at(*, participant_id: int, limit: int = 5) -> tuple[AccountCheck, ...]:
    """What was asked and heard of a person's account, the newest first."""
    return tuple(AccountCheck.objects.filter(account__participant_id=participant_id).order_by("-id")[:limit])


def account_standings(*, participant_ids: Collection[int]) -> dict[int, AccountStanding]:
    """How the account of each stands; who has none is not in it."""
    with connection.cursor() as cursor:
        cursor.execute(STANDINGS_SQL, [id_array(participant_ids)])
        return {
            participant_id: AccountStanding(
                Standing(standing), reason_code if standing == Standing.FAILED else "", since_at, is_wanted
            )
            for participant_id, standing, reason_code, since_at, is_wanted in cursor.fetchall()
        }
