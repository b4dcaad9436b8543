"""Paid on the promised day, as measured, beside what the same people said of it: by month, partner and place."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from django.db import connection

from bekal.engagement.questionnaires import SURVEYS
from bekal.incentives.on_time import COUNTED_INSTALMENTS_SQL, OnTimeShare
from bekal.ledger.clock import programme_day

QUESTION, NOT_ON_TIME = "on_time", "disagree"


class GroupedBy(StrEnum):
    """What the instalments of a group have in common."""

    ALL = "all"
    MONTH = "month"
    PARTNER = "partner"
    PLACE = "place"


@dataclass(frozen=True, slots=True)
class Choice:
    """Which instalments: their kind (None: both), the first of the month of the promised day, the partner ('' for what
    was on no list yet), the place as in `OnTimeGroup.key`; None: all."""

    kind: str | None = None
    month_on: date | None = None
    partner: str | None = None
    place: int | None = None


@dataclass(frozen=True, slots=True)
class OnTimeGroup:
    """One group. `key`: `2020-08`, a partner, or a place: the district's number, or less the province's where the
    district is not known. `late_days`: days that all late ones have waited beyond the promised day, those not paid up
    to today. `answer_count` of its people have said whether the incentive was on time, `said_late_count` that it was
    not."""

    by: GroupedBy
    key: str
    person_count: int
    share: OnTimeShare
    late_days: int
    answer_count: int
    said_late_count: int


# A person's word stands beside every group in which they have an instalment: it was about all of them.
GROUPS_SQL = f"""
WITH instalment AS MATERIALIZED ({COUNTED_INSTALMENTS_SQL}), said AS (
    SELECT participation_id, bool_or(answers ->> '{QUESTION}' = '{NOT_ON_TIME}') AS was_late
    FROM engagement_surveyresponse
    WHERE survey_number = ANY(%(survey_numbers)s::smallint[]) AND answers ->> '{QUESTION}' IS NOT NULL
    GROUP BY participation_id
), line AS (
    SELECT instalment.*, to_char(payment_on, 'YYYY-MM') AS month, said.was_late
    FROM instalment LEFT JOIN said USING (participation_id)
    WHERE (%(month_on)s::date IS NULL
           OR payment_on >= %(month_on)s::date AND payment_on < %(month_on)s::date + interval '1 month')
      AND (%(partner)s::text IS NULL OR partner = %(partner)s) AND (%(place)s::integer IS NULL OR place = %(place)s)
)
SELECT CASE GROUPING(month, partner, place) WHEN 7 THEN 'all' WHEN 3 THEN 'month' WHEN 5 THEN 'partner'
            ELSE 'place' END AS grouped_by,
       coalesce(month, partner, place::text, '') AS key,
       count(DISTINCT participation_id), count(*),
       count(*) FILTER (WHERE settled_on <= payment_on), count(*) FILTER (WHERE settled_on > payment_on),
       coalesce(sum(coalesce(settled_on, %(today)s) - payment_on)
                FILTER (WHERE settled_on IS NULL OR settled_on > payment_on), 0)::bigint,
       count(DISTINCT participation_id) FILTER (WHERE was_late IS NOT NULL),
       count(DISTINCT participation_id) FILTER (WHERE was_late)
FROM line
GROUP BY GROUPING SETS ((), (month), (partner), (place))
ORDER BY 1, 2
"""


def on_time_groups(*, at: datetime, choice: Choice = Choice()) -> tuple[OnTimeGroup, ...]:
    """The groups of the chosen instalments, and all of them together, in one pass over the rows; ordered by what they
    have in common and its key."""
    values: dict[str, Any] = {
        "today": programme_day(at),
        "kind": choice.kind,
        "month_on": choice.month_on,
        "partner": choice.partner,
        "place": choice.place,
        "survey_numbers": [
            number for number, survey in SURVEYS.items() if any(one.code == QUESTION for one in survey.questions)
        ],
    }
    with connection.cursor() as cursor:
        cursor.execute(GROUPS_SQL, values)
        return tuple(
            OnTimeGroup(GroupedBy(by), key, people, OnTimeShare(counted, on_time, late), *rest)
            for by, key, people, counted, on_time, late, *rest in cursor.fetchall()
        )
