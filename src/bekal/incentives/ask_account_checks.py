"""`ask_account_checks`: somebody says that their account is in order again, and its bank or wallet is asked anew."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection, transaction

from bekal.core.refusal import Refusal
from bekal.incentives.account_standing import STANDING_JOINS, STANDING_SQL, Standing
from bekal.incentives.models import AccountCheck
from bekal.incentives.refusals import PayoutRefusal
from bekal.ledger.copy_rows import copy_rows, id_array

WISHES_A_DAY_COUNT = 5
FAILED_SQL = f"""
SELECT account.participant_id, account.id, directory.account_hash, {STANDING_SQL}, (
    SELECT count(*) FROM incentives_accountcheck wish
    WHERE wish.account_id = account.id AND wish.outcome = 'wanted' AND wish.noted_at > %s)
FROM participants_payoutaccount account
JOIN participants_payoutaccountdirectory directory ON directory.account_id = account.id
{STANDING_JOINS}
WHERE account.participant_id = ANY(%s::bigint[])
ORDER BY account.id
"""
LOCK_SQL = """
SELECT id FROM participants_payoutaccount WHERE participant_id = ANY(%s::bigint[]) ORDER BY id FOR NO KEY UPDATE
"""


@dataclass(frozen=True, slots=True)
class WishOutcome:
    """Asked anew, or why not."""

    participant_id: int
    refusal: Refusal | None = None


@transaction.atomic
def ask_account_checks(*, participant_ids: Collection[int], at: datetime, now: datetime) -> tuple[WishOutcome, ...]:
    """Have the accounts of these people asked for again; outcomes in the order of `participant_ids`. The next round of
    `check_accounts` asks. `at` is the programme's instant, `now` the machine's clock.

    Refusals: ACCOUNT_NOT_FAILED (there is none, or nothing is known against it, or it is being asked for already),
    ACCOUNT_ASKED_TOO_OFTEN (more than five times in 24 hours).
    """
    people = list(participant_ids)
    with connection.cursor() as cursor:
        cursor.execute(LOCK_SQL, [id_array(people)])
        cursor.execute(FAILED_SQL, [now - timedelta(days=1), id_array(people)])
        found = {person: rest for person, *rest in cursor.fetchall()}
    outcomes: list[WishOutcome] = []
    wishes = []
    for person in people:
        account_id, account_hash, standing, wish_count = found.get(person, (None, b"", Standing.UNCHECKED, 0))
        if standing != Standing.FAILED:
            outcomes.append(WishOutcome(person, Refusal(PayoutRefusal.ACCOUNT_NOT_FAILED)))
        elif wish_count >= WISHES_A_DAY_COUNT:
            values = {"limit_count": WISHES_A_DAY_COUNT}
            outcomes.append(WishOutcome(person, Refusal(PayoutRefusal.ACCOUNT_ASKED_TOO_OFTEN, values)))
        else:
            wishes.append((account_id, bytes(account_hash), AccountCheck.Outcome.WANTED.value, "", "", 0, at, now))
            outcomes.append(WishOutcome(person))
    columns = ("account_id", "account_hash", "outcome", "reason_code", "partner_code", "needed_rupiah")
    copy_rows(AccountCheck, (*columns, "recorded_at", "noted_at"), wishes)
    return tuple(outcomes)
