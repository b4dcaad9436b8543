"""Who has finished a training and has not been paid a first instalment: one query, with the reason for each.

It is the figure of S6 (`proofs/published.yaml`), opened into its people; a test compares the two counts. Beside them
stand those whom one side alone calls finished.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from django.db import connection

from bekal.ledger.clock import JAKARTA, programme_day
from bekal.ledger.copy_rows import MAX_BIGINT
from bekal.purchases.reconciliation_queries import AGE_BANDS

ROWS_AT_ONCE = 2_000
# So many places are looked through for a page of the list.
LOOKED_THROUGH_COUNT = 5_000


class Reason(StrEnum):
    """What somebody waits for, in the order in which it is looked for."""

    HELD = "held"
    CONFLICT = "conflict"
    ATTENDANCE = "attendance"
    COMPLETION = "completion"
    RATING = "rating"
    REVIEW = "review"
    TO_RECONCILE = "to_reconcile"
    TO_ENTITLE = "to_entitle"
    NO_ACCOUNT = "no_account"
    ACCOUNT_NOT_VERIFIED = "account_not_verified"
    ACCOUNT_CHANGED = "account_changed"
    ACCOUNT_FAILED = "account_failed"
    PAYMENT_DAY = "payment_day"
    TO_PLAN = "to_plan"
    TO_APPROVE = "to_approve"
    TO_SEND = "to_send"
    SENT = "sent"
    ENDED = "ended"
    REVOKED = "revoked"
    CLAWED_BACK = "clawed_back"


class Side(StrEnum):
    """Whose turn it is."""

    PARTICIPANT = "participant"
    INSTITUTION = "institution"
    PROGRAMME = "programme"
    PARTNER = "partner"
    WORKER = "worker"
    CALENDAR = "calendar"
    NOBODY = "nobody"


_DAY = f"AT TIME ZONE '{JAKARTA.key}')::date"
# A person by the purchase that is furthest: reconciled, else completed first, else called finished by one side. The two
# kinds of purchases are read apart: of one that is completed nobody looks for what was said of it.
_ABOUT = "id, participation_id, training_id, completed_at, reconciled_at, ended_at"
_AMONG = "participation_id > %(after_id)s AND participation_id <= %(until_id)s"
_PERSON_SQL = f"""
SELECT DISTINCT ON (place.id) place.id, place.participant_id, place.revoked_at, purchase.id AS purchase_id,
       purchase.training_id, purchase.completed_at, purchase.reconciled_at, purchase.ended_at
FROM (
    SELECT {_ABOUT} FROM purchases_purchase WHERE completed_at <= %(at)s AND {_AMONG}
    UNION ALL
    SELECT {_ABOUT} FROM purchases_purchase begun
    WHERE redeemed_at IS NOT NULL AND completed_at IS NULL AND ended_at IS NULL AND {_AMONG}
      AND EXISTS (SELECT FROM purchases_evidence said
                  WHERE said.purchase_id = begun.id AND said.piece = 'completion' AND said.sequence = 1 AND said.holds
                  OFFSET 0)
) purchase
JOIN participants_participation place ON place.id = purchase.participation_id
WHERE place.id > %(after_id)s AND place.id <= %(until_id)s AND place.opened_at IS NULL
  AND NOT EXISTS (SELECT FROM incentives_entitlement earned
                  JOIN incentives_payout paid ON paid.entitlement_id = earned.id AND paid.ended_at IS NULL
                  JOIN incentives_payoutstatus answer ON answer.payout_id = paid.id AND answer.state = 'settled'
                  WHERE earned.participation_id = place.id AND earned.kind = 'incentive'
                    AND earned.participation_id > %(after_id)s AND earned.participation_id <= %(until_id)s)
ORDER BY place.id, purchase.reconciled_at, purchase.completed_at, purchase.id
"""
# What is looked up for each is joined as a set: for a page the planner goes by the index, for everybody by hash. Nobody
# here was ever paid, so that the newest look at an account says how it stands (`account_standing`).
_REASON_SQL = """
SELECT person.*, stood.pieces, training.institution_id,
       CASE WHEN held.held_at IS NOT NULL THEN 'held'
            WHEN earned.entitled_at IS NULL THEN CASE
                WHEN person.ended_at IS NOT NULL THEN 'ended'
                WHEN person.revoked_at IS NOT NULL THEN 'revoked'
                WHEN stood.owed_by = 'programme' THEN 'conflict'
                WHEN stood.piece IS NOT NULL THEN stood.piece
                WHEN person.reconciled_at IS NULL THEN 'to_reconcile' ELSE 'to_entitle' END
            WHEN earned.lapsed_at IS NOT NULL THEN 'clawed_back'
            WHEN earned.sent_at IS NOT NULL THEN 'sent'
            WHEN earned.approved_at IS NOT NULL THEN 'to_send'
            WHEN earned.planned_at IS NOT NULL THEN 'to_approve'
            WHEN account.id IS NULL THEN 'no_account'
            WHEN account.verified_at IS NULL THEN 'account_not_verified'
            WHEN earned.payment_on > %(on)s THEN 'payment_day'
            WHEN account.pays_from_at > %(at)s THEN 'account_changed'
            WHEN looked.outcome = 'failed' THEN 'account_failed'
            ELSE 'to_plan' END AS reason,
       account.pays_from_at, held.held_at, held.due_on AS held_due_on,
       stood.owed_by, stood.since_on AS stood_on, stood.due_on AS stood_due_on,
       earned.entitled_at, earned.lapsed_at, earned.sent_at, earned.approved_at, earned.planned_at, earned.payment_on
FROM person
JOIN catalogue_training training ON training.id = person.training_id
LEFT JOIN participants_payoutaccount account ON account.participant_id = person.participant_id
LEFT JOIN (
    SELECT DISTINCT ON (seen.account_id) seen.account_id, seen.outcome
    FROM person
    JOIN participants_payoutaccount asked ON asked.participant_id = person.participant_id
    JOIN participants_payoutaccountdirectory directory ON directory.account_id = asked.id
    JOIN incentives_accountcheck seen ON seen.account_id = asked.id AND seen.account_hash = directory.account_hash
    WHERE seen.outcome IN ('passed', 'failed', 'wanted')
    ORDER BY seen.account_id, seen.id DESC
) looked ON looked.account_id = account.id
LEFT JOIN (
    SELECT participation_id, min(opened_at) AS held_at, min(due_on) AS due_on
    FROM person JOIN holds_hold hold ON hold.participation_id = person.id AND hold.lifted_at IS NULL
    GROUP BY participation_id
) held ON held.participation_id = person.id
LEFT JOIN (
    SELECT DISTINCT ON (stood.purchase_id) stood.purchase_id, piece, owed_by, since_on, due_on,
           array_agg(piece::text || ':' || owed_by) OVER (
               PARTITION BY stood.purchase_id ORDER BY due_on, piece
               ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS pieces
    FROM person JOIN purchases_reconciliationstanding stood ON stood.purchase_id = person.purchase_id
    WHERE person.reconciled_at IS NULL
    ORDER BY stood.purchase_id, owed_by <> 'programme', due_on, piece
) stood ON stood.purchase_id = person.purchase_id
LEFT JOIN (
    SELECT DISTINCT ON (entitlement.participation_id) entitlement.participation_id, entitlement.entitled_at,
           entitlement.lapsed_at, entitlement.payment_on, run.planned_at, run.approved_at,
           (SELECT min(recorded_at) FROM incentives_payoutstatus answer
            WHERE answer.payout_id = payout.id AND answer.state = 'sent') AS sent_at
    FROM person
    JOIN incentives_entitlement entitlement
        ON entitlement.participation_id = person.id AND entitlement.kind = 'incentive'
    LEFT JOIN incentives_payout payout ON payout.entitlement_id = entitlement.id AND payout.ended_at IS NULL
    LEFT JOIN incentives_payoutrun run ON run.id = payout.run_id
    ORDER BY entitlement.participation_id, entitlement.instalment
) earned ON earned.participation_id = person.id
"""
_TOLD_SQL = f"""
SELECT id, participant_id, purchase_id, institution_id, completed_at IS NOT NULL AS is_completed, reason, pieces,
       CASE WHEN reason IN ('attendance', 'completion', 'rating', 'review') THEN owed_by
            WHEN reason IN ('no_account', 'account_not_verified', 'account_failed') THEN 'participant'
            WHEN reason IN ('held', 'conflict', 'to_plan', 'to_approve', 'to_send') THEN 'programme'
            WHEN reason = 'sent' THEN 'partner' WHEN reason IN ('payment_day', 'account_changed') THEN 'calendar'
            WHEN reason IN ('to_reconcile', 'to_entitle') THEN 'worker' ELSE 'nobody' END AS side,
       CASE WHEN reason = 'held' THEN (held_at {_DAY}
            WHEN reason IN ('conflict', 'attendance', 'completion', 'rating', 'review') THEN stood_on
            WHEN reason = 'sent' THEN (sent_at {_DAY} WHEN reason = 'to_send' THEN (approved_at {_DAY}
            WHEN reason = 'to_approve' THEN (planned_at {_DAY} WHEN reason = 'to_plan' THEN payment_on
            WHEN reason IN ('no_account', 'account_not_verified', 'account_changed', 'account_failed', 'payment_day')
                THEN (entitled_at {_DAY}
            WHEN reason = 'to_entitle' THEN (reconciled_at {_DAY} WHEN reason = 'ended' THEN (ended_at {_DAY}
            WHEN reason = 'revoked' THEN (revoked_at {_DAY} WHEN reason = 'clawed_back' THEN (lapsed_at {_DAY}
            ELSE (coalesce(completed_at, %(at)s) {_DAY} END AS since_on,
       CASE WHEN reason = 'held' THEN held_due_on
            WHEN reason IN ('conflict', 'attendance', 'completion', 'rating', 'review') THEN stood_due_on
            WHEN reason = 'account_changed' THEN (pays_from_at {_DAY}
            WHEN reason IN ('no_account', 'account_not_verified', 'account_failed', 'payment_day', 'to_plan',
                            'to_approve', 'to_send', 'sent') THEN payment_on END AS due_on
FROM reasoned
"""
WAITING_SQL = f"""
WITH person AS MATERIALIZED ({_PERSON_SQL}), reasoned AS ({_REASON_SQL}), told AS ({_TOLD_SQL})
SELECT told.*, width_bucket(%(on)s::date - since_on, %(bands)s::integer[]) AS band FROM told
"""
PEOPLE_SQL = f"""
SELECT waiting.id, participant.full_name, waiting.purchase_id, waiting.institution_id, institution.name,
       waiting.is_completed, waiting.reason, waiting.pieces, waiting.side, waiting.since_on, waiting.due_on
FROM ({WAITING_SQL}) waiting
JOIN participants_participant participant ON participant.id = waiting.participant_id
JOIN catalogue_institution institution ON institution.id = waiting.institution_id
WHERE (%(reason)s::text IS NULL OR reason = %(reason)s) AND (%(side)s::text IS NULL OR side = %(side)s)
  AND (%(institution_id)s::bigint IS NULL OR institution_id = %(institution_id)s)
  AND (%(band)s::integer IS NULL OR band = %(band)s) AND (NOT %(overdue)s OR due_on < %(on)s)
  AND (%(is_completed)s::boolean IS NULL OR is_completed = %(is_completed)s)
ORDER BY waiting.id LIMIT %(limit)s
"""
SUMMARY_SQL = f"""
SELECT is_completed, reason, side, band, count(*), count(*) FILTER (WHERE due_on < %(on)s), min(since_on)
FROM ({WAITING_SQL}) waiting GROUP BY 1, 2, 3, 4 ORDER BY 1 DESC, 2, 3, 4
"""
LOOK_UNTIL_SQL = """
SELECT id FROM participants_participation WHERE id > %(after_id)s ORDER BY id OFFSET %(offset)s LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class WaitingPerson:
    """One person between finished and paid. `pieces` are all that are waited for, as `piece:side`; `is_completed`
    False: one side alone calls it finished. `due_on` None: no day is set."""

    participation_id: int
    full_name: str = field(repr=False)
    purchase_id: int
    institution_id: int
    institution_name: str
    is_completed: bool
    reason: Reason
    pieces: tuple[str, ...]
    side: Side
    since_on: date
    due_on: date | None


@dataclass(frozen=True, slots=True)
class WaitingFigure:
    """So many of them for one reason since about as long (`band` counts from 1 in `AGE_BANDS`)."""

    is_completed: bool
    reason: str
    side: str
    band: int
    people_count: int
    overdue_count: int
    oldest_on: date


@dataclass(frozen=True, slots=True)
class WaitingChoice:
    """Which people; None is any."""

    reason: str | None = None
    side: str | None = None
    institution_id: int | None = None
    band: int | None = None
    overdue: bool = False
    is_completed: bool | None = None


@dataclass(frozen=True, slots=True)
class WaitingPage:
    """Some of them, by the number of their participation; whoever wants more goes on after `looked_until` (None: there
    is nobody behind the last)."""

    people: tuple[WaitingPerson, ...]
    looked_until: int | None


def finished_unpaid(choice: WaitingChoice, *, at: datetime, after_id: int = 0, limit: int) -> WaitingPage:
    """At most `limit` of them after one; looks through so many places and no more."""
    values = _values(choice, at) | {"after_id": after_id, "offset": LOOKED_THROUGH_COUNT, "limit": limit + 1}
    with connection.cursor() as cursor:
        cursor.execute(LOOK_UNTIL_SQL, values)
        (until_id,) = cursor.fetchone() or (None,)
        cursor.execute(PEOPLE_SQL, values | {"until_id": MAX_BIGINT if until_id is None else until_id})
        found = tuple(_person(row) for row in cursor.fetchall())
    if len(found) > limit:
        return WaitingPage(found[:limit], found[limit - 1].participation_id)
    return WaitingPage(found, until_id)


def every_finished_unpaid(choice: WaitingChoice, *, at: datetime) -> Iterator[WaitingPerson]:
    """All of them in one query, read from the database a few thousand at a time."""
    values = _values(choice, at) | {"limit": None}
    with connection.chunked_cursor() as cursor:
        cursor.execute(PEOPLE_SQL, values)
        while rows := cursor.fetchmany(ROWS_AT_ONCE):
            yield from (_person(row) for row in rows)


def waiting_figures(*, at: datetime) -> tuple[WaitingFigure, ...]:
    """How many of them wait for what, by whose turn it is and by age."""
    with connection.cursor() as cursor:
        cursor.execute(SUMMARY_SQL, _values(WaitingChoice(), at))
        return tuple(WaitingFigure(*row) for row in cursor.fetchall())


def _values(choice: WaitingChoice, at: datetime) -> dict[str, Any]:
    chosen: Mapping[str, Any] = {name: getattr(choice, name) for name in WaitingChoice.__slots__}
    whole = {"after_id": 0, "until_id": MAX_BIGINT}
    return {**chosen, **whole, "at": at, "on": programme_day(at), "bands": list(AGE_BANDS)}


def _person(row: tuple[Any, ...]) -> WaitingPerson:
    number, name, purchase_id, institution_id, institution, is_completed, reason, pieces, side, since_on, due_on = row
    return WaitingPerson(
        number,
        name,
        purchase_id,
        institution_id,
        institution,
        is_completed,
        Reason(reason),
        tuple(pieces or ()),
        Side(side),
        since_on,
        due_on,
    )
