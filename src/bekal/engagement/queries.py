"""Where people stand with their surveys: which they have, since when each is open, which are answered.

The opening rules of the questionnaires are asked in SQL, for one person or for hundreds of thousands, in one statement.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import Any

from django.db import connection

from bekal.core.rules import RULES
from bekal.engagement.questionnaires import SURVEYS
from bekal.ledger.clock import JAKARTA, programme_day


@dataclass(frozen=True, slots=True)
class SurveyStanding:
    """One survey of one participation that is not revoked; those paid elsewhere before it was taken over are not here.

    `opens_on`: the first day it can be answered, past or to come; None where that is not known yet, because no training
    is bought, or the incentive `instalment` it waits for has not arrived.
    """

    participation_id: int
    survey_number: int
    has_bought: bool
    has_completed: bool
    instalment: int | None
    opens_on: date | None
    response_id: int | None
    answered_at: datetime | None


# `survey` has a row for every survey of every period of the rules; an instalment has arrived when it is settled. What
# was bought, paid and answered before a person was taken over from another system counts, as of the day of that.
STANDINGS_SQL = f"""
WITH survey AS MATERIALIZED (
    SELECT * FROM unnest(%(since_on)s::date[], %(until_on)s::date[], %(numbers)s::smallint[], %(days)s::integer[],
                         %(instalments)s::smallint[], %(after_balance)s::boolean[])
        AS s(since_on, until_on, number, days, instalment, after_balance)
), wanted AS MATERIALIZED (
    SELECT id FROM unnest(%(participation_ids)s::bigint[]) AS w(id)
), bought AS (
    SELECT participation_id, coalesce(bool_or(completed_at <= %(at)s), false) AS has_completed
    FROM purchases_purchase JOIN wanted ON wanted.id = participation_id
    WHERE bought_at <= %(at)s GROUP BY participation_id
), arrived AS (
    SELECT entitlement.participation_id, entitlement.instalment,
           (status.recorded_at AT TIME ZONE '{JAKARTA.key}')::date AS arrived_on
    FROM wanted
    JOIN incentives_entitlement entitlement ON entitlement.participation_id = wanted.id
    JOIN incentives_payout payout ON payout.entitlement_id = entitlement.id
    JOIN incentives_payoutstatus status ON status.payout_id = payout.id
    WHERE entitlement.kind = 'incentive' AND status.state = 'settled' AND status.recorded_at <= %(at)s
), met AS (
    SELECT participation.id AS participation_id, survey.number AS survey_number, survey.instalment,
           bought.participation_id IS NOT NULL OR participation.bought_before AS has_bought,
           coalesce(bought.has_completed, false) OR participation.incentives_paid_before_count > 0 AS has_completed,
           participation.accepted_on + survey.days AS days_over_on,
           CASE WHEN survey.instalment <= participation.incentives_paid_before_count
                THEN (participation.opened_at AT TIME ZONE '{JAKARTA.key}')::date
                ELSE arrived.arrived_on END AS arrived_on,
           CASE WHEN survey.after_balance THEN participation.balance_ends_on + 1 END AS balance_over_on,
           coalesce(participation.closed_at <= %(at)s, false) AS is_closed
    FROM wanted
    JOIN participants_participation participation ON participation.id = wanted.id
    JOIN survey ON participation.accepted_on >= survey.since_on AND participation.accepted_on < survey.until_on
    LEFT JOIN bought ON bought.participation_id = participation.id
    LEFT JOIN arrived ON arrived.participation_id = participation.id AND arrived.instalment = survey.instalment
    WHERE participation.accepted_on <= %(day)s AND participation.revoked_at IS NULL
      AND survey.number > participation.surveys_paid_before_count
)
SELECT met.participation_id, met.survey_number, met.has_bought, met.has_completed, met.instalment,
       CASE WHEN met.has_bought AND (met.instalment IS NULL OR met.arrived_on IS NOT NULL)
            THEN greatest(met.days_over_on, met.arrived_on, met.balance_over_on) END AS opens_on,
       response.id AS response_id, response.answered_at
FROM met
LEFT JOIN engagement_surveyresponse response
       ON response.participation_id = met.participation_id AND response.survey_number = met.survey_number
WHERE NOT met.is_closed OR response.id IS NOT NULL
"""

OPEN_SQL = f"""
SELECT participation_id, array_agg(survey_number ORDER BY survey_number) FROM ({STANDINGS_SQL}) standing
WHERE opens_on <= %(day)s AND response_id IS NULL GROUP BY participation_id ORDER BY participation_id
"""


def standings(*, participation_ids: Collection[int], at: datetime) -> tuple[SurveyStanding, ...]:
    """Every survey of these participations, in order; revoked places, numbers that are none, and what was not answered
    before the year was closed are left out."""
    with connection.cursor() as cursor:
        cursor.execute(f"{STANDINGS_SQL} ORDER BY 1, 2", _values(participation_ids, at))
        return tuple(SurveyStanding(*row) for row in cursor.fetchall())


def open_surveys(*, participation_ids: Collection[int], at: datetime) -> dict[int, tuple[int, ...]]:
    """The numbers of the surveys each participation can answer now and has not; whoever has none is left out."""
    with connection.cursor() as cursor:
        cursor.execute(OPEN_SQL, _values(participation_ids, at))
        return {participation_id: tuple(numbers) for participation_id, numbers in cursor.fetchall()}


def _values(participation_ids: Collection[int], at: datetime) -> dict[str, Any]:
    # Each once: DISTINCT would hide from the planner how many there are, and that decides between an index and a scan.
    ids = list(dict.fromkeys(participation_ids))
    return {"participation_ids": ids, "at": at, "day": programme_day(at), **_surveys_by_period()}


@cache
def _surveys_by_period() -> dict[str, list[Any]]:
    """The surveys of every period in which people are accepted under the same numbers of surveys and of instalments,
    as columns. A number of the rules without a questionnaire is no survey yet."""
    columns: dict[str, list[Any]] = {
        name: [] for name in ("since_on", "until_on", "numbers", "days", "instalments", "after_balance")
    }
    histories = (RULES.history("survey_count"), RULES.history("instalment_count"))
    starts = sorted({value.since_on for history in histories for value in history})
    for since_on, next_on in zip(starts, [*starts[1:], date.max], strict=True):
        scheme = RULES.scheme(since_on)
        for survey in (SURVEYS[number] for number in range(1, scheme.survey_count + 1) if number in SURVEYS):
            opens = survey.opens
            instalment = opens.instalment_of(scheme)
            row = (since_on, next_on, survey.number, opens.days, instalment, opens.needs_balance_ended)
            for column, value in zip(columns.values(), row, strict=True):
                column.append(value)
    return columns
