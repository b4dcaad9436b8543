"""`turn_to_second_accounts`: where the first account cannot be paid to, the second takes its place.

Only for a reason of the account: its bank or wallet says so when it is asked, or a payment to it was rejected or came
back. What was sent stays where it went; the next attempt goes to the account that is the first then.
"""

from collections.abc import Collection
from datetime import datetime

from django.db import connection, transaction
from django.utils.translation import gettext_lazy as _

from bekal.incentives.account_standing import failing_sql, standing_joins
from bekal.ledger.copy_rows import copy_rows, id_array
from bekal.participants.models import PaymentPartner, PayoutAccountDirectory
from bekal.participants.notify import Notice, notify
from bekal.participants.set_payout_account import lock_people

TEMPLATE = "second_account_used"
SENTENCE = _(
    "%(partner)s %(masked)s could not be paid to, so your next payment goes to your second account, %(other)s "
    "%(other_masked)s. The two have changed places."
)
# Of people to whom money is due, whose first account fails and whose second may be paid to and does not fail.
TURNING_SQL = f"""
SELECT account.participant_id, account.id, second.id, first_entry.account_hash, second_entry.account_hash,
       account.partner, account.masked, second.partner, second.masked
FROM participants_secondpayoutaccount second
JOIN participants_payoutaccount account ON account.participant_id = second.participant_id
JOIN participants_payoutaccountdirectory first_entry ON first_entry.account_id = account.id
JOIN participants_payoutaccountdirectory second_entry ON second_entry.second_id = second.id
{standing_joins("first_entry")}
{standing_joins("second_entry", "second_said", "second_verdict")}
WHERE second.verified_at IS NOT NULL AND second.pays_from_at <= %(at)s
  AND {failing_sql()} AND {failing_sql("second_said", "second_verdict")} IS NOT TRUE
  AND EXISTS (SELECT 1 FROM incentives_entitlement entitlement
              JOIN participants_participation place ON place.id = entitlement.participation_id
              WHERE place.participant_id = account.participant_id AND entitlement.lapsed_at IS NULL
                AND NOT EXISTS (SELECT 1 FROM incentives_payout live
                                WHERE live.entitlement_id = entitlement.id AND live.ended_at IS NULL))
  AND (%(participant_ids)s::bigint[] IS NULL OR account.participant_id = ANY(%(participant_ids)s::bigint[]))
ORDER BY account.participant_id
"""
# Both are read before either is written.
SWAP_SQL = """
WITH pair AS MATERIALIZED (
    SELECT account.id AS account_id, second.id AS second_id, account.partner, account.number_encrypted, account.masked,
           account.holder_name, account.verified_at, coalesce(account.pays_from_at, account.verified_at, %s) AS from_at,
           second.partner AS second_partner, second.number_encrypted AS second_number, second.masked AS second_masked,
           second.holder_name AS second_holder, second.verified_at AS second_verified_at,
           second.pays_from_at AS second_from_at
    FROM participants_payoutaccount account
    JOIN participants_secondpayoutaccount second ON second.participant_id = account.participant_id
    WHERE account.id = ANY(%s::bigint[])
), first AS (
    UPDATE participants_payoutaccount account SET partner = second_partner, number_encrypted = second_number,
        masked = second_masked, holder_name = second_holder, verified_at = second_verified_at,
        pays_from_at = second_from_at
    FROM pair WHERE account.id = pair.account_id
)
UPDATE participants_secondpayoutaccount second SET partner = pair.partner, number_encrypted = pair.number_encrypted,
    masked = pair.masked, holder_name = pair.holder_name, verified_at = pair.verified_at, pays_from_at = pair.from_at
FROM pair WHERE second.id = pair.second_id
"""


@transaction.atomic
def turn_to_second_accounts(*, at: datetime, participant_ids: Collection[int] | None = None) -> tuple[int, ...]:
    """Have first and second account change places for everybody (or those named) whose first cannot be paid to; whose
    (participants). Each is told. What is on a list already goes to the account that was approved, or is kept back."""
    found = _turning(at, participant_ids)
    if found:
        # Under the lock that every change of an account takes: what was changed meanwhile is seen.
        lock_people([participant_id for participant_id, *_ in found])
        found = _turning(at, [participant_id for participant_id, *_ in found])
    if not found:
        return ()
    with connection.cursor() as cursor:
        cursor.execute(SWAP_SQL, [at, id_array([account_id for _, account_id, *_ in found])])
    firsts = [(bytes(second_hash), account_id) for _, account_id, _, _, second_hash, *_ in found]
    seconds = [(bytes(first_hash), second_id) for _, _, second_id, first_hash, *_ in found]
    PayoutAccountDirectory.objects.filter(account_hash__in=[entry for entry, _ in (*firsts, *seconds)]).delete()
    copy_rows(PayoutAccountDirectory, ("account_hash", "account_id"), sorted(firsts))
    copy_rows(PayoutAccountDirectory, ("account_hash", "second_id"), sorted(seconds))
    notify(notices=[_notice(participant_id, *accounts) for participant_id, _, _, _, _, *accounts in found], at=at)
    return tuple(participant_id for participant_id, *_ in found)


def _turning(
    at: datetime, participant_ids: Collection[int] | None
) -> list[tuple[int, int, int, bytes, bytes, str, str, str, str]]:
    people = None if participant_ids is None else id_array(participant_ids)
    with connection.cursor() as cursor:
        cursor.execute(TURNING_SQL, {"at": at, "participant_ids": people})
        return list(cursor.fetchall())


def _notice(participant_id: int, partner: str, masked: str, other: str, other_masked: str) -> Notice:
    values = {
        "partner": PaymentPartner(partner).label,
        "masked": masked,
        "other": PaymentPartner(other).label,
        "other_masked": other_masked,
    }
    return Notice(participant_id, TEMPLATE, SENTENCE, values)
