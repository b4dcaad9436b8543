"""`plan_follow_up`: a run of exactly what is due again of another run, and what of that run is not in it, and why."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from django.db import connection, transaction
from django.db.models import Q

from bekal.core.refusal import Refusal
from bekal.incentives.models import PayoutRun
from bekal.incentives.partners.rails import Rail
from bekal.incentives.plan_payout_run import (
    LeftOutReason,
    PlannedRun,
    due_values,
    plan_payout_run,
    refusal_to_plan,
    with_due,
)
from bekal.incentives.preview_payout_run import PreviewPerson, Share, named
from bekal.incentives.refusals import PayoutRefusal
from bekal.ledger.clock import programme_day


class Place(StrEnum):
    """Where an instalment of a run is now, besides what is left out for a reason of `LeftOutReason`."""

    DUE = "due"
    PAID = "paid"
    UNDER_WAY = "under_way"
    OTHER_RUN = "other_run"
    PAID_SINCE = "paid_since"


@dataclass(frozen=True, slots=True)
class Rest:
    """The rest of a run: its instalments by place (or reason), each in exactly one. `refusal`: why nothing could be
    planned for `planned_for`, whatever is due."""

    run_id: int
    planned_for: date
    places: tuple[Share, ...]
    refusal: Refusal | None = None

    @property
    def due(self) -> Share:
        return next((share for share in self.places if share.what == Place.DUE), Share(Place.DUE, 0, 0))


@dataclass(frozen=True, slots=True)
class RunLinks:
    """The run whose rest a run pays, and the runs that pay its own rest and were not cancelled."""

    follows_id: int | None
    followed_by_ids: tuple[int, ...]


REST_SQL = f"""
WITH due AS MATERIALIZED ({{due}}), rest AS (
    SELECT entitlement.participation_id, payout.amount_rupiah,
           CASE WHEN due.entitlement_id IS NOT NULL THEN coalesce(due.left_out, '{Place.DUE.value}')
                WHEN paid.payout_id IS NOT NULL AND live.run_id = payout.run_id THEN '{Place.PAID.value}'
                WHEN paid.payout_id IS NOT NULL THEN '{Place.PAID_SINCE.value}'
                WHEN live.run_id = payout.run_id THEN '{Place.UNDER_WAY.value}'
                ELSE '{Place.OTHER_RUN.value}' END AS place
    FROM incentives_payout payout
    JOIN incentives_entitlement entitlement ON entitlement.id = payout.entitlement_id
    LEFT JOIN due ON due.entitlement_id = entitlement.id
    LEFT JOIN incentives_payout live ON live.entitlement_id = entitlement.id AND live.ended_at IS NULL
    LEFT JOIN incentives_payoutstatus paid ON paid.payout_id = live.id AND paid.state = 'settled'
    WHERE payout.run_id = %(follows_id)s
)
"""
PLACES_SQL = f"{REST_SQL} SELECT place, count(*), sum(amount_rupiah)::bigint FROM rest GROUP BY place ORDER BY place"
PEOPLE_SQL = f"""{REST_SQL}
SELECT participation_id, count(*), sum(amount_rupiah)::bigint FROM rest
WHERE place = %(group)s AND participation_id > %(after_id)s
GROUP BY participation_id ORDER BY participation_id LIMIT %(limit)s
"""


def rest_of(*, run_id: int, at: datetime, rails: Mapping[str, Rail] | None = None) -> Rest | None:
    """Where the instalments of a run are now; None for a run that does not exist. Nothing is written."""
    run = PayoutRun.objects.filter(id=run_id).first()
    if run is None:
        return None
    planned_for = _day_of(run, at)
    values = due_values(planned_for=planned_for, at=at, follows_id=run_id, rails=rails)
    with connection.cursor() as cursor:
        cursor.execute(with_due(PLACES_SQL, values), values)
        places = tuple(Share(*row) for row in cursor.fetchall())
    return Rest(run_id, planned_for, places, refusal_to_plan(planned_for, programme_day(at)))


def rest_people(
    *,
    run_id: int,
    at: datetime,
    place: Place | LeftOutReason,
    rails: Mapping[str, Rail] | None = None,
    after_id: int = 0,
    limit: int = 50,
) -> tuple[PreviewPerson, ...]:
    """A page of the people of a run whose instalments are in that place, in the order of their participations."""
    run = PayoutRun.objects.filter(id=run_id).first()
    if run is None:
        return ()
    values = due_values(planned_for=_day_of(run, at), at=at, follows_id=run_id, rails=rails)
    return named(PEOPLE_SQL, values | {"group": place.value, "after_id": after_id, "limit": limit})


def run_links(*, run_id: int) -> RunLinks:
    """How a run stands to others."""
    either = PayoutRun.objects.filter(Q(id=run_id) | Q(follows=run_id, cancelled_at=None)).order_by("id")
    rows = dict(either.values_list("id", "follows_id"))
    return RunLinks(rows.pop(run_id, None), tuple(rows))


@transaction.atomic
def plan_follow_up(
    *, run_id: int, officer_id: int, at: datetime, rails: Mapping[str, Rail] | None = None
) -> PlannedRun:
    """Plan a run of exactly the instalments of that run which are due again: rejected, sent back, kept back, or of a
    run that was cancelled. It pays on the programme's day, and names the run it follows.

    Refusals: RUN_NOT_FOUND, and those of `plan_payout_run`.
    """
    run = PayoutRun.objects.select_for_update(no_key=True).filter(id=run_id).first()
    if run is None:
        return PlannedRun(None, 0, 0, None, (), Refusal(PayoutRefusal.RUN_NOT_FOUND, {"run_id": run_id}))
    planned = plan_payout_run(
        planned_for=_day_of(run, at), officer_id=officer_id, at=at, follows_id=run_id, rails=rails
    )
    if planned.run_id is not None:
        PayoutRun.objects.filter(id=planned.run_id).update(follows_id=run_id)
    return planned


def _day_of(run: PayoutRun, at: datetime) -> date:
    """A bank takes no payment for a day that is over; and nothing is paid before its own day."""
    return max(run.planned_for, programme_day(at))
