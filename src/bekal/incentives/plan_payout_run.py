"""`plan_payout_run`: one list of everything due by a day, for a second person to approve."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

from django.db import connection, transaction

from bekal.core.refusal import Refusal
from bekal.core.schedule import is_calendar_published
from bekal.holds.queries import INCENTIVES_HELD_SQL
from bekal.incentives.account_standing import STANDING_JOINS, STANDING_SQL, asking_partners
from bekal.incentives.list_seal import SEAL_SQL
from bekal.incentives.partners.rails import Rail
from bekal.incentives.refusals import PayoutRefusal
from bekal.incentives.turn_to_second_accounts import turn_to_second_accounts
from bekal.ledger.clock import programme_day
from bekal.ledger.copy_rows import id_array

MAX_DAYS_AHEAD = 14
"""A file may reach the partners before its day, but a mistyped year must not pay every later instalment at once."""


class LeftOutReason(StrEnum):
    """Why something due is not on the list."""

    NO_ACCOUNT = "no_account"
    ACCOUNT_NOT_VERIFIED = "account_not_verified"
    ACCOUNT_CHANGED = "account_changed"
    ACCOUNT_FAILED = "account_failed"
    ACCOUNT_NOT_CHECKED = "account_not_checked"
    REVOKED = "revoked"
    CLAWED_BACK = "clawed_back"
    HELD = "held"
    IN_QUESTION = "in_question"
    OVER_LIMIT = "over_limit"
    # Of institutions alone.
    STOPPED = "stopped"
    SUSPENDED = "suspended"


@dataclass(frozen=True, slots=True)
class LeftOut:
    """So many instalments, or settlements, are due but stay off the list for this reason."""

    reason: LeftOutReason
    entitlement_count: int


@dataclass(frozen=True, slots=True)
class PlannedRun:
    """The new run with what its approval will be bound to, or why there is none."""

    run_id: int | None
    payout_count: int
    total_rupiah: int
    list_sha256: bytes | None
    left_out: tuple[LeftOut, ...]
    refusal: Refusal | None = None


# What goes to a partner that can be asked for accounts waits until it has said that this one can be paid to.
CHECKED_SQL = f"""\
            WHEN account.partner = ANY(%(asking)s::text[]) AND {STANDING_SQL} = 'failed'
                THEN '{LeftOutReason.ACCOUNT_FAILED.value}'
            WHEN account.partner = ANY(%(asking)s::text[]) AND {STANDING_SQL} = 'unchecked'
                THEN '{LeftOutReason.ACCOUNT_NOT_CHECKED.value}'
"""


# Due and without a live attempt. What was earned before a revocation is still paid, what came after it is not; what had
# not been paid when money was clawed back is not owed any more. What was earned before a year was closed is still paid.
# What an alarm holds waits for an officer's decision. Of what the partner has said two contrary things (rejected, and
# paid) nothing is sent again before an officer has cleared up which of them holds: it would be paid twice. What goes to
# an account that took the place of another waits until its owner has had time to object. What is more than its partner
# takes in one payment waits for an officer.
def _due_sql(*, checked: str, standing_joins: str) -> str:
    return f"""
SELECT entitlement.id AS entitlement_id, entitlement.participation_id, entitlement.payment_on, entitlement.entitled_at,
       entitlement.amount_rupiah, account.pays_from_at, account.id AS account_id, account.partner,
       account.masked, directory.account_hash,
       CASE WHEN entitlement.lapsed_at IS NOT NULL THEN '{LeftOutReason.CLAWED_BACK.value}'
            WHEN participation.revoked_at < entitlement.entitled_at THEN '{LeftOutReason.REVOKED.value}'
            WHEN {INCENTIVES_HELD_SQL} THEN '{LeftOutReason.HELD.value}'
            WHEN entitlement.id IN (
                SELECT earlier.entitlement_id FROM incentives_payoutexception asked
                JOIN incentives_payout earlier ON earlier.id = asked.payout_id
                WHERE asked.kind = 'contradiction' AND asked.resolved_at IS NULL
            ) THEN '{LeftOutReason.IN_QUESTION.value}'
            WHEN directory.account_hash IS NULL THEN '{LeftOutReason.NO_ACCOUNT.value}'
            WHEN account.verified_at IS NULL THEN '{LeftOutReason.ACCOUNT_NOT_VERIFIED.value}'
            WHEN account.pays_from_at > %(at)s THEN '{LeftOutReason.ACCOUNT_CHANGED.value}'
{checked}            WHEN entitlement.amount_rupiah > largest.rupiah THEN '{LeftOutReason.OVER_LIMIT.value}'
       END AS left_out
FROM incentives_entitlement entitlement
JOIN participants_participation participation ON participation.id = entitlement.participation_id
LEFT JOIN participants_payoutaccount account ON account.participant_id = participation.participant_id
LEFT JOIN participants_payoutaccountdirectory directory ON directory.account_id = account.id
{standing_joins}LEFT JOIN unnest(%(partners)s::text[], %(largest_rupiah)s::bigint[]) AS largest (partner, rupiah)
    ON largest.partner = account.partner
WHERE entitlement.payment_on <= %(planned_for)s
  AND NOT EXISTS (SELECT 1 FROM incentives_payout live
                  WHERE live.entitlement_id = entitlement.id AND live.ended_at IS NULL)
  AND (%(participation_ids)s::bigint[] IS NULL OR participation.id = ANY(%(participation_ids)s::bigint[]))
  AND (%(follows_id)s::bigint IS NULL OR entitlement.id IN (SELECT earlier.entitlement_id FROM incentives_payout earlier
                                                            WHERE earlier.run_id = %(follows_id)s))
"""


# For a list of either kind: `subject` is what is paid, `letters` begin its reference.
PLAN_TEMPLATE = """
WITH due AS MATERIALIZED ({due}), attempt AS MATERIALIZED (
    SELECT due.*, 1 + coalesce((SELECT max(earlier.attempt) FROM incentives_payout earlier
                                WHERE earlier.{subject} = due.{subject}), 0) AS attempt
    FROM due WHERE left_out IS NULL
), line AS MATERIALIZED (
    SELECT attempt.*, '{letters}' || lpad({subject}::text, 14, '0') || 'A'
                   || lpad(attempt::text, greatest(2, length(attempt::text)), '0') AS reference
    FROM attempt
), run AS (
    INSERT INTO incentives_payoutrun
        (payee, planned_for, payout_count, total_rupiah, list_sha256, planned_by_id, planned_at)
    SELECT '{payee}', %(planned_for)s, payout_count, total_rupiah, list_sha256, %(officer_id)s, %(at)s
    FROM (SELECT {seal} FROM line) seal WHERE payout_count > 0
    RETURNING id, payout_count, total_rupiah, list_sha256
), payout AS (
    INSERT INTO incentives_payout
        ({subject}, run_id, {account}, partner, masked_account, account_hash, attempt, amount_rupiah, reference)
    SELECT {subject}, run.id, account_id, partner, masked, account_hash, attempt, amount_rupiah, reference
    FROM line CROSS JOIN run ORDER BY {subject}
)
SELECT id, payout_count, total_rupiah, list_sha256, left_out
FROM (SELECT array_agg(ARRAY[left_out, entitlement_count::text] ORDER BY left_out) AS left_out
      FROM (SELECT left_out, count(*) AS entitlement_count FROM due WHERE left_out IS NOT NULL GROUP BY left_out) reason
     ) reasons
LEFT JOIN run ON true
"""


def _plan_sql(due: str) -> str:
    return PLAN_TEMPLATE.format(
        due=due, subject="entitlement_id", account="account_id", letters="BKL", payee="people", seal=SEAL_SQL
    )


# Where no partner can be asked for accounts nothing is looked up about it.
DUE_SQL = _due_sql(checked="", standing_joins="")
DUE_CHECKED_SQL = _due_sql(checked=CHECKED_SQL, standing_joins=STANDING_JOINS)
PLAN_SQL, PLAN_CHECKED_SQL = _plan_sql(DUE_SQL), _plan_sql(DUE_CHECKED_SQL)


def with_due(sql: str, values: Mapping[str, Any]) -> str:
    """A statement with `{due}` in it, about what would be planned with these `due_values`."""
    return sql.replace("{due}", DUE_CHECKED_SQL if values["asking"] else DUE_SQL)


def due_values(
    *,
    planned_for: date,
    at: datetime,
    participation_ids: Collection[int] | None = None,
    follows_id: int | None = None,
    rails: Mapping[str, Rail] | None = None,
    asking: Collection[str] | None = None,
) -> dict[str, Any]:
    """What is asked for what is due; the arguments are those of `plan_payout_run`. `asking` None: those of `rails`."""
    known = rails or {}
    return {
        "planned_for": planned_for,
        "at": at,
        "participation_ids": None if participation_ids is None else id_array(participation_ids),
        "follows_id": follows_id,
        "partners": list(known),
        "largest_rupiah": [rail.limits.largest_rupiah for rail in known.values()],
        "asking": sorted(asking_partners(known) if asking is None else asking),
    }


@transaction.atomic
def plan_payout_run(
    *,
    planned_for: date,
    officer_id: int,
    at: datetime,
    participation_ids: Collection[int] | None = None,
    follows_id: int | None = None,
    rails: Mapping[str, Rail] | None = None,
    asking: Collection[str] | None = None,
) -> PlannedRun:
    """Put every instalment with `payment_on <= planned_for` that is neither paid nor under way on one list, or of those
    only the named participations', or those of the run `follows_id`.

    What is more than a partner takes in one payment is left out (`rails`; nothing is known of a partner without one).
    What goes to a partner of `asking` (those that can be asked for accounts; None: as `rails` say) is on it only where
    the account is known to be payable. Whose first account cannot be paid to is paid to the second one.

    Planners wait for each other, so that two officers who plan at once get one list and one NOTHING_DUE; the partial
    unique index on live attempts is the guard behind it. The reference of a payout follows from entitlement and
    attempt alone. Refusals: TOO_FAR_AHEAD, CALENDAR_NOT_PUBLISHED, NOTHING_DUE.
    """
    refusal = refusal_to_plan(planned_for, programme_day(at))
    if refusal is not None:
        return PlannedRun(None, 0, 0, None, (), refusal)
    values = due_values(
        planned_for=planned_for,
        at=at,
        participation_ids=participation_ids,
        follows_id=follows_id,
        rails=rails,
        asking=asking,
    )
    values["officer_id"] = officer_id
    wait_for_planners()
    turn_to_second_accounts(at=at)
    return write_list(PLAN_CHECKED_SQL if values["asking"] else PLAN_SQL, values, planned_for)


def wait_for_planners() -> None:
    """Until the end of the caller's transaction nobody else plans."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('incentives.plan_payout_run'))")


def write_list(sql: str, values: Mapping[str, Any], planned_for: date) -> PlannedRun:
    """Write one list by a filled `PLAN_TEMPLATE`. Refusal: NOTHING_DUE."""
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        run_id, payout_count, total_rupiah, list_sha256, reasons = cursor.fetchone()
    left_out = tuple(LeftOut(LeftOutReason(reason), int(count)) for reason, count in reasons or ())
    if run_id is None:
        left_out_count = sum(one.entitlement_count for one in left_out)
        refusal = Refusal(PayoutRefusal.NOTHING_DUE, {"on": planned_for, "left_out_count": left_out_count})
        return PlannedRun(None, 0, 0, None, left_out, refusal)
    return PlannedRun(run_id, payout_count, total_rupiah, bytes(list_sha256), left_out)


def refusal_to_plan(planned_for: date, on: date) -> Refusal | None:
    """Why nothing is planned for that day on the day `on`, whatever is due."""
    latest_on = on + timedelta(days=MAX_DAYS_AHEAD)
    if planned_for > latest_on:
        return Refusal(PayoutRefusal.TOO_FAR_AHEAD, {"on": planned_for, "latest_on": latest_on})
    if not is_calendar_published(planned_for):
        return Refusal(PayoutRefusal.CALENDAR_NOT_PUBLISHED, {"on": planned_for, "year": planned_for.year})
    return None
