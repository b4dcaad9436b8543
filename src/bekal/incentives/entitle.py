"""`entitle`: whoever has a first training reconciled earns every instalment of the incentive, each with its day."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import connection, transaction

from bekal.core.entitlement import InstalmentKind, instalments_owed, survey_owed
from bekal.core.rules import RULES
from bekal.ledger.clock import JAKARTA, programme_day
from bekal.ledger.copy_rows import id_array, int_array, text_array


@dataclass(frozen=True, slots=True)
class Entitled:
    """How many instalments were earned now, by how many participations."""

    entitlement_count: int
    participation_count: int


# A participation that was revoked earns nothing afterwards.
_EARNS_FIRST_NOW_SQL = """
participation.revoked_at IS NULL
  AND (%(participation_ids)s::bigint[] IS NULL OR participation.id = ANY(%(participation_ids)s::bigint[]))
  AND NOT EXISTS (SELECT 1 FROM incentives_entitlement earned
                  WHERE earned.participation_id = participation.id AND earned.kind = %(kind)s)
"""
# Who was paid a part before being taken over with opening balances has proven a training already: the rest is counted
# from the day of the opening.
EARNERS_SQL = f"""
SELECT participation.id AS participation_id, participation.accepted_on, 0 AS paid_before_count,
       min(purchase.reconciled_at AT TIME ZONE '{JAKARTA.key}')::date AS reconciled_on
FROM purchases_purchase purchase
JOIN participants_participation participation ON participation.id = purchase.participation_id
WHERE purchase.reconciled_at <= %(at)s AND participation.incentives_paid_before_count = 0 AND {_EARNS_FIRST_NOW_SQL}
GROUP BY participation.id
UNION ALL
SELECT participation.id, participation.accepted_on, participation.incentives_paid_before_count,
       (participation.opened_at AT TIME ZONE '{JAKARTA.key}')::date
FROM participants_participation participation
WHERE participation.opened_at <= %(at)s AND participation.incentives_paid_before_count > 0 AND {_EARNS_FIRST_NOW_SQL}
"""

# In the order of the participations, as every lock is taken; a rival that was quicker leaves nothing to insert.
INSERT_SQL = f"""
WITH earner AS ({EARNERS_SQL}), owed AS (
    SELECT * FROM unnest(%(accepted_on)s::date[], %(reconciled_on)s::date[], %(paid_before_counts)s::smallint[],
                         %(instalments)s::smallint[], %(amounts)s::bigint[], %(scheduled_on)s::date[],
                         %(payment_on)s::date[])
        AS o(accepted_on, reconciled_on, paid_before_count, instalment, amount_rupiah, scheduled_on, payment_on)
), inserted AS (
    INSERT INTO incentives_entitlement
        (participation_id, kind, instalment, amount_rupiah, scheduled_on, payment_on, entitled_at)
    SELECT participation_id, %(kind)s, instalment, amount_rupiah, scheduled_on, payment_on, %(at)s
    FROM earner JOIN owed USING (accepted_on, reconciled_on, paid_before_count)
    ORDER BY participation_id, instalment
    ON CONFLICT (participation_id, kind, instalment) DO NOTHING
    RETURNING participation_id
)
SELECT count(*), count(DISTINCT participation_id) FROM inserted
"""


@transaction.atomic
def entitle(*, at: datetime, participation_ids: Collection[int] | None = None) -> Entitled:
    """Write what has been earned up to `at`: amounts and number of instalments by the rules of the day of acceptance,
    days of payment by those of their own month.

    Everyone with a reconciled purchase (or paid a part before being taken over) who has no incentive yet, or only those
    named. The same again writes nothing.
    """
    programme_day(at)  # refuses a naive instant
    values: dict[str, Any] = {
        "at": at,
        "kind": InstalmentKind.INCENTIVE.value,
        "participation_ids": None if participation_ids is None else id_array(participation_ids),
    }
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT DISTINCT accepted_on, reconciled_on, paid_before_count FROM ({EARNERS_SQL}) e", values)
        days = cursor.fetchall()
        if not days:
            return Entitled(0, 0)
        cursor.execute(INSERT_SQL, {**values, **_columns_owed(days)})
        entitlement_count, participation_count = cursor.fetchone()
    return Entitled(entitlement_count, participation_count)


def _columns_owed(days: Iterable[tuple[date, date, int]]) -> dict[str, list[Any]]:
    """What the rules give for each (accepted on, first reconciled on, instalments paid before), as columns: the first
    instalment that is left has the first day."""
    what = ("accepted_on", "reconciled_on", "paid_before_counts", "instalments")
    names = (*what, "amounts", "scheduled_on", "payment_on")
    columns: dict[str, list[Any]] = {name: [] for name in names}
    for accepted_on, reconciled_on, paid_before_count in days:
        scheme = RULES.scheme(accepted_on)
        owed_in_order = instalments_owed(scheme, reconciled_on)[: scheme.instalment_count - paid_before_count]
        for owed in owed_in_order:
            number = paid_before_count + owed.number
            row = (accepted_on, reconciled_on, paid_before_count, number, owed.amount_rupiah)
            for column, value in zip(columns.values(), (*row, owed.scheduled_on, owed.payment_on), strict=True):
                column.append(value)
    return columns


@dataclass(frozen=True, slots=True)
class AnsweredSurvey:
    """One survey (by its number) that one participation answered at that instant."""

    participation_id: int
    survey_number: int
    answered_at: datetime


ANSWERS_SQL = """
SELECT participation.id AS participation_id, participation.accepted_on, answer.survey_number, answer.answered_on,
       answer.answered_at
FROM unnest(%(participation_ids)s::bigint[], %(survey_numbers)s::smallint[], %(answered_on)s::date[],
            %(answered_at)s::timestamptz[]) AS answer(participation_id, survey_number, answered_on, answered_at)
JOIN participants_participation participation ON participation.id = answer.participation_id
WHERE participation.revoked_at IS NULL OR participation.revoked_at > answer.answered_at
"""

INSERT_SURVEYS_SQL = f"""
WITH answer AS ({ANSWERS_SQL}), owed AS (
    SELECT * FROM unnest(%(owed_accepted_on)s::date[], %(owed_numbers)s::smallint[], %(owed_answered_on)s::date[],
                         %(amounts)s::bigint[], %(scheduled_on)s::date[], %(payment_on)s::date[])
        AS o(accepted_on, survey_number, answered_on, amount_rupiah, scheduled_on, payment_on)
), inserted AS (
    INSERT INTO incentives_entitlement
        (participation_id, kind, instalment, amount_rupiah, scheduled_on, payment_on, entitled_at)
    SELECT participation_id, %(kind)s, survey_number, amount_rupiah, scheduled_on, payment_on, answered_at
    FROM answer JOIN owed USING (accepted_on, survey_number, answered_on)
    WHERE amount_rupiah > 0
    ORDER BY participation_id, survey_number
    ON CONFLICT (participation_id, kind, instalment) DO NOTHING
    RETURNING participation_id
)
SELECT count(*), count(DISTINCT participation_id) FROM inserted
"""


@transaction.atomic
def entitle_surveys(*, answers: Collection[AnsweredSurvey]) -> Entitled:
    """Write what answered surveys earn: the amount by the rules of the day of acceptance, the day of payment by those
    of its own month. The number of the instalment is the survey's; a place revoked before it answered earns nothing.

    Each answer brings its own instant, so that history is entitled as of its day. The same again writes nothing. Raises
    ValueError for a number the person's rules do not have and for a naive instant.
    """
    values: dict[str, Any] = {
        "participation_ids": int_array([answer.participation_id for answer in answers]),
        "survey_numbers": int_array([answer.survey_number for answer in answers]),
        "answered_on": text_array([programme_day(answer.answered_at).isoformat() for answer in answers]),
        "answered_at": text_array([answer.answered_at.isoformat() for answer in answers]),
        "kind": InstalmentKind.SURVEY.value,
    }
    if not answers:
        return Entitled(0, 0)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT DISTINCT accepted_on, survey_number, answered_on FROM ({ANSWERS_SQL}) answer", values)
        cursor.execute(INSERT_SURVEYS_SQL, {**values, **_columns_owed_for_surveys(cursor.fetchall())})
        return Entitled(*cursor.fetchone())


def _columns_owed_for_surveys(answers: Iterable[tuple[date, int, date]]) -> dict[str, list[Any]]:
    """What the rules give for each (accepted on, number of the survey, answered on), as columns."""
    names = ("owed_accepted_on", "owed_numbers", "owed_answered_on", "amounts", "scheduled_on", "payment_on")
    columns: dict[str, list[Any]] = {name: [] for name in names}
    for accepted_on, number, answered_on in answers:
        owed = survey_owed(RULES.scheme(accepted_on), number, answered_on)
        row = (accepted_on, number, answered_on, owed.amount_rupiah, owed.scheduled_on, owed.payment_on)
        for column, value in zip(columns.values(), row, strict=True):
            column.append(value)
    return columns
