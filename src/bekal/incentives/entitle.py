"""`entitle`: whoever has a first training reconciled earns every instalment of the incentive, each with its day."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from django.db import connection, transaction
from django.db.utils import IntegrityError

from bekal.core.entitlement import Instalment, InstalmentKind, instalments_owed, survey_owed
from bekal.core.rules import RULES
from bekal.incentives.models import Entitlement
from bekal.ledger.clock import JAKARTA, programme_day
from bekal.ledger.copy_rows import EACH, copy_alike, id_array, int_array, text_array


@dataclass(frozen=True, slots=True)
class Entitled:
    """How many instalments were earned now, by how many participations."""

    entitlement_count: int
    participation_count: int


# Who was revoked, clawed back or closed earns nothing afterwards.
_OPEN = "revoked_at IS NULL AND clawed_back_at IS NULL AND closed_at IS NULL"
# Who was paid a part before being taken over with opening balances has proven a training already: the rest is counted
# from the day of the opening. The fence keeps the planner from asking twice.
_SINCE = """
    CROSS JOIN LATERAL (
        SELECT CASE WHEN incentives_paid_before_count > 0 THEN opened_at
                    ELSE (SELECT min(purchase.reconciled_at) FROM purchases_purchase purchase
                          WHERE purchase.participation_id = participation.id) END AS since_at
        OFFSET 0
    ) earned
"""
_EARNER = f"""
    participation.id AS participation_id, accepted_on, incentives_paid_before_count AS paid_before_count,
    (since_at AT TIME ZONE '{JAKARTA.key}')::date AS reconciled_on
"""
# Among all: whoever has nothing yet is what is left of two lists, so that a planner who knows no sizes (after a bulk
# load it takes a million rows for one) does not ask for each place by itself.
EARNERS_SQL = f"""
SELECT {_EARNER}
FROM (SELECT id FROM participants_participation WHERE {_OPEN}
      EXCEPT SELECT participation_id FROM incentives_entitlement WHERE kind = %(kind)s OFFSET 0) without
JOIN participants_participation participation ON participation.id = without.id
{_SINCE} WHERE since_at <= %(at)s
"""
# Of those named, place by place, by the days that decide what is earned: numbers as text, which is the cheapest to
# carry. The lock looks at each place again: who was revoked, clawed back or closed while we waited for it is left out.
LOCK_SQL = f"""
WITH earner AS MATERIALIZED (
    SELECT {_EARNER}
    FROM participants_participation participation {_SINCE}
    WHERE participation.id = ANY(%(participation_ids)s::bigint[]) AND {_OPEN} AND since_at <= %(at)s
      AND NOT EXISTS (SELECT 1 FROM incentives_entitlement entitlement
                      WHERE entitlement.participation_id = participation.id AND entitlement.kind = %(kind)s OFFSET 0)
    ORDER BY participation.id FOR NO KEY UPDATE OF participation
)
SELECT accepted_on, reconciled_on, paid_before_count, array_agg(participation_id)::text
FROM earner GROUP BY 1, 2, 3
"""
_ENTITLEMENT = ("participation_id", "kind", "instalment", "amount_rupiah", "scheduled_on", "payment_on", "entitled_at")
# A rival that was quicker makes the unique key fail once; the next look, at places that we hold by then, sees its rows.
TRIES = 3


@transaction.atomic
def entitle(*, at: datetime, participation_ids: Collection[int] | None = None) -> Entitled:
    """Write what has been earned up to `at`: amounts and number of instalments by the rules of the day of acceptance,
    days of payment by those of their own month.

    Everyone with a reconciled purchase (or paid a part before being taken over) who has no incentive yet, or only those
    named. The same again writes nothing. Locks the participations in the order of their numbers.
    """
    values = _values(at)
    named = entitling_ids(at=at) if participation_ids is None else participation_ids
    if not named:
        return Entitled(0, 0)
    values["participation_ids"] = id_array(named)
    for attempt in range(1, TRIES + 1):
        with connection.cursor() as cursor:
            cursor.execute(LOCK_SQL, values)
            earners = [(_owed(*days), ids[1:-1].split(",")) for *days, ids in cursor.fetchall()]
        groups = [(list(map(int, ids)), [_row(each, at) for each in owed]) for owed, ids in earners if owed]
        if not groups:
            return Entitled(0, 0)
        try:
            with transaction.atomic():
                entitlement_count = copy_alike(Entitlement, _ENTITLEMENT, groups)
                return Entitled(entitlement_count, sum(len(ids) for ids, _ in groups))
        except IntegrityError as error:
            if attempt == TRIES or "incentives_entitlement_once" not in str(error):
                raise
    raise AssertionError("unreachable: the last try returns or raises")


def _row(owed: Instalment, at: datetime) -> tuple[object, ...]:
    """One instalment as a row that is the same for everybody who earns it."""
    return (EACH, owed.kind.value, owed.number, owed.amount_rupiah, owed.scheduled_on, owed.payment_on, at)


def entitling_ids(*, at: datetime) -> list[int]:
    """Whom `entitle` would entitle now, in the order of their numbers."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT participation_id FROM ({EARNERS_SQL}) earner ORDER BY 1", _values(at))
        return [number for (number,) in cursor.fetchall()]


def owed_rupiah(*, accepted_on: date, reconciled_on: date, paid_before_count: int) -> int:
    """What somebody accepted on that day, who was paid so many instalments before, earns with a first training proven
    on `reconciled_on`: all instalments together, in whole rupiah."""
    return sum(each.amount_rupiah for each in _owed(accepted_on, reconciled_on, paid_before_count))


def _owed(accepted_on: date, reconciled_on: date, paid_before_count: int) -> list[Instalment]:
    """The instalments that are left; the first of them has the first day."""
    scheme = RULES.scheme(accepted_on)
    left = instalments_owed(scheme, reconciled_on)[: scheme.instalment_count - paid_before_count]
    return [replace(each, number=paid_before_count + each.number) for each in left]


def _values(at: datetime) -> dict[str, Any]:
    programme_day(at)  # refuses a naive instant
    return {"at": at, "kind": InstalmentKind.INCENTIVE.value}


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
WHERE (participation.revoked_at IS NULL OR participation.revoked_at > answer.answered_at)
  AND (participation.clawed_back_at IS NULL OR participation.clawed_back_at > answer.answered_at)
  AND (participation.closed_at IS NULL OR participation.closed_at > answer.answered_at)
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
    of its own month. The number of the instalment is the survey's; who was revoked, clawed back or closed before the
    answer earns nothing.

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
