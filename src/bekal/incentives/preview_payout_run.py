"""A run before it is planned: the list as it would be, who is left out and why, and how it differs from the last run.

Only reads. All of it is asked of the same statement that plans.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from django.db import connection

from bekal.core.refusal import Refusal
from bekal.incentives.models import PayoutRun
from bekal.incentives.partners.rails import Rail
from bekal.incentives.plan_payout_run import LeftOutReason, due_values, refusal_to_plan, with_due
from bekal.ledger.clock import programme_day
from bekal.participants.models import Participation


class Change(StrEnum):
    """How somebody's place on the list differs from the last run.

    Enters: entitled since (`FIRST`), was left out of the last run and can be paid now (`FREED`), the day of a further
    instalment has come (`NEXT`). `STAYS`: on both. Leaves: the payment of the last run is not paid yet, or is on
    another list (`UNDER_WAY`), paid and the next instalment is due later (`PAID`), paid and nothing more is owed
    (`PAID_ALL`). Whoever leaves for a reason of `LeftOutReason` is counted under that reason.
    """

    FIRST = "first"
    FREED = "freed"
    NEXT = "next"
    STAYS = "stays"
    UNDER_WAY = "under_way"
    PAID = "paid"
    PAID_ALL = "paid_all"


ENTERS = (Change.FIRST, Change.FREED, Change.NEXT)
LEAVES: tuple[Change | LeftOutReason, ...] = (Change.PAID, Change.PAID_ALL, Change.UNDER_WAY, *LeftOutReason)


@dataclass(frozen=True, slots=True)
class Share:
    """So many instalments and rupiah of one partner, or left out for one reason."""

    what: str
    payout_count: int
    total_rupiah: int


@dataclass(frozen=True, slots=True)
class LastRun:
    """The run that is compared with: the newest that was not cancelled and pays no rest of another."""

    run_id: int
    planned_for: date


@dataclass(frozen=True, slots=True)
class Preview:
    """The list that `plan_payout_run` would write now. `changes`: people by how they differ from the last run; empty
    where there is none. `refusal`: why nothing could be planned for that day, whatever is due."""

    planned_for: date
    partners: tuple[Share, ...]
    left_out: tuple[Share, ...]
    last_run: LastRun | None
    changes: Mapping[str, int]
    refusal: Refusal | None = None

    @property
    def payout_count(self) -> int:
        return sum(share.payout_count for share in self.partners)

    @property
    def total_rupiah(self) -> int:
        return sum(share.total_rupiah for share in self.partners)


@dataclass(frozen=True, slots=True)
class PreviewPerson:
    """One participation of a group with what is due to it in that group: nothing where it leaves the list."""

    participation_id: int
    full_name: str = field(repr=False)
    payout_count: int
    total_rupiah: int


SHARES_SQL = """
SELECT coalesce(left_out, ''), CASE WHEN left_out IS NULL THEN partner ELSE '' END, count(*), sum(amount_rupiah)::bigint
FROM ({due}) due GROUP BY 1, 2 ORDER BY 1, 2
"""
# Somebody is on a list once, however many instalments are due.
CHANGED_SQL = f"""
WITH due AS MATERIALIZED ({{due}}), here AS (
    SELECT participation_id, count(*) AS payout_count, sum(amount_rupiah)::bigint AS total_rupiah,
           bool_or(payment_on <= %(last_for)s AND entitled_at <= %(last_at)s) AS was_due
    FROM due WHERE left_out IS NULL GROUP BY participation_id
), away AS (
    SELECT participation_id, min(left_out) AS left_out FROM due WHERE left_out IS NOT NULL GROUP BY participation_id
), last AS (
    SELECT DISTINCT entitlement.participation_id
    FROM incentives_payout payout JOIN incentives_entitlement entitlement ON entitlement.id = payout.entitlement_id
    WHERE payout.run_id = %(last_id)s
), changed AS (
    SELECT participation_id, coalesce(here.payout_count, 0) AS payout_count,
           coalesce(here.total_rupiah, 0) AS total_rupiah,
           CASE WHEN last.participation_id IS NULL THEN
                    CASE WHEN here.was_due THEN '{Change.FREED.value}'
                         WHEN EXISTS (SELECT 1 FROM incentives_entitlement own
                                      JOIN incentives_payout earlier ON earlier.entitlement_id = own.id
                                      WHERE own.participation_id = here.participation_id)
                         THEN '{Change.NEXT.value}' ELSE '{Change.FIRST.value}' END
                WHEN here.participation_id IS NOT NULL THEN '{Change.STAYS.value}'
                WHEN away.left_out IS NOT NULL THEN away.left_out
                WHEN EXISTS (SELECT 1 FROM incentives_entitlement own
                             JOIN incentives_payout live ON live.entitlement_id = own.id AND live.ended_at IS NULL
                             WHERE own.participation_id = last.participation_id
                               AND NOT EXISTS (SELECT 1 FROM incentives_payoutstatus paid
                                               WHERE paid.payout_id = live.id AND paid.state = 'settled'))
                THEN '{Change.UNDER_WAY.value}'
                WHEN EXISTS (SELECT 1 FROM incentives_entitlement own
                             WHERE own.participation_id = last.participation_id AND own.lapsed_at IS NULL
                               AND NOT EXISTS (SELECT 1 FROM incentives_payout live
                                               WHERE live.entitlement_id = own.id AND live.ended_at IS NULL))
                THEN '{Change.PAID.value}' ELSE '{Change.PAID_ALL.value}' END AS change
    FROM here FULL JOIN last USING (participation_id) LEFT JOIN away USING (participation_id)
)
"""
CHANGES_SQL = f"{CHANGED_SQL} SELECT change, count(*) FROM changed GROUP BY change ORDER BY change"
CHANGED_PEOPLE_SQL = f"""{CHANGED_SQL}
SELECT participation_id, payout_count, total_rupiah FROM changed
WHERE change = %(group)s AND participation_id > %(after_id)s ORDER BY participation_id LIMIT %(limit)s
"""
DUE_PEOPLE_SQL = """
SELECT participation_id, count(*), sum(amount_rupiah)::bigint FROM ({due}) due
WHERE coalesce(left_out, '') = %(group)s AND participation_id > %(after_id)s
GROUP BY participation_id ORDER BY participation_id LIMIT %(limit)s
"""


def preview_payout_run(*, planned_for: date, at: datetime, rails: Mapping[str, Rail] | None = None) -> Preview:
    """What `plan_payout_run` would put on the list of that day now, and what it would not; nothing is written.

    Refusals, with the rest empty: TOO_FAR_AHEAD, CALENDAR_NOT_PUBLISHED."""
    refusal = refusal_to_plan(planned_for, programme_day(at))
    if refusal is not None:
        return Preview(planned_for, (), (), None, {}, refusal)
    values = due_values(planned_for=planned_for, at=at, rails=rails)
    last = _last_run()
    with connection.cursor() as cursor:
        cursor.execute(with_due(SHARES_SQL, values), values)
        shares = cursor.fetchall()
        changes: dict[str, int] = {}
        if last is not None:
            cursor.execute(with_due(CHANGES_SQL, values), values | _of_last(last))
            changes = dict(cursor.fetchall())
    return Preview(
        planned_for,
        tuple(Share(partner, count, rupiah) for reason, partner, count, rupiah in shares if not reason),
        tuple(Share(reason, count, rupiah) for reason, _, count, rupiah in shares if reason),
        None if last is None else LastRun(last.pk, last.planned_for),
        changes,
    )


def preview_people(
    *,
    planned_for: date,
    at: datetime,
    rails: Mapping[str, Rail] | None = None,
    change: Change | LeftOutReason | None = None,
    left_out: LeftOutReason | None = None,
    after_id: int = 0,
    limit: int = 50,
) -> tuple[PreviewPerson, ...]:
    """A page of people in the order of their participations: those of a change to the last run, or those left out for a
    reason, or, without either, those on the list. The next page is the one after the last number."""
    if refusal_to_plan(planned_for, programme_day(at)) is not None:
        return ()
    values = due_values(planned_for=planned_for, at=at, rails=rails) | {"after_id": after_id, "limit": limit}
    if change is not None:
        last = _last_run()
        return () if last is None else named(CHANGED_PEOPLE_SQL, values | _of_last(last) | {"group": change.value})
    return named(DUE_PEOPLE_SQL, values | {"group": left_out.value if left_out else ""})


def named(sql: str, values: Mapping[str, Any]) -> tuple[PreviewPerson, ...]:
    """The people of a statement about what is due that gives participation, payments and rupiah, with their names."""
    with connection.cursor() as cursor:
        cursor.execute(with_due(sql, values), values)
        rows: Sequence[tuple[int, int, int]] = cursor.fetchall()
    people = Participation.objects.select_related("participant").in_bulk([number for number, *_ in rows])
    return tuple(PreviewPerson(number, people[number].participant.full_name, *rest) for number, *rest in rows)


def _last_run() -> PayoutRun | None:
    of_people = PayoutRun.objects.filter(payee=PayoutRun.Payee.PEOPLE, cancelled_at=None, follows=None)
    return of_people.order_by("-id").first()


def _of_last(last: PayoutRun) -> dict[str, Any]:
    return {"last_id": last.pk, "last_for": last.planned_for, "last_at": last.planned_at}
