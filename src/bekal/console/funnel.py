"""The funnel: how many people stand at each step, and where the money is."""

from collections.abc import Mapping
from dataclasses import astuple, dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _

from bekal.accounts.access import open_to
from bekal.accounts.models import Role
from bekal.console.tally import Report, figures
from bekal.incentives.on_time import OnTimeShare, on_time_share
from bekal.ledger.clock import programme_day, programme_now
from bekal.ledger.movements import Kind
from bekal.ledger.queries import KindTotal
from bekal.lifecycle.closed_sums import movements, totals_of
from bekal.lifecycle.tallies import Parameters
from bekal.participants.models import Wave

CHART_WIDTH = 640
BAR_HEIGHT = 44
BAR_STEP = 58
NUMBER_FITS = 110
# The steps in order: (name of the count, what the step is called, the drop-off list that explains it).
STEPS = (
    ("accepted", _("accepted"), ""),
    ("bought", _("bought a first training"), "not_bought"),
    ("completed", _("completed a training"), "not_completed"),
    ("proven", _("evidence from both sides agrees"), "not_proven"),
    ("paid", _("first incentive paid"), "not_paid"),
    ("bought_again", _("bought a second training"), "not_bought_again"),
)
COUNTS = (*(name for name, _label, _stage in STEPS), "revoked", "at_risk", "finished_not_paid")

FUNNEL_SQL = """
WITH journey AS (
    SELECT participation_id, count(*) AS bought,
           count(completed_at) AS completed, count(reconciled_at) AS proven
    FROM purchases_purchase GROUP BY participation_id
), paid AS (
    SELECT DISTINCT e.participation_id
    FROM incentives_entitlement e
    JOIN incentives_payout p ON p.entitlement_id = e.id AND p.ended_at IS NULL
    JOIN incentives_payoutstatus s ON s.payout_id = p.id AND s.state = 'settled'
    WHERE e.kind = 'incentive'
)
SELECT place.wave_id, count(*) AS accepted,
       count(*) FILTER (WHERE journey.bought >= 1 OR bought_before) AS bought,
       count(*) FILTER (WHERE journey.completed >= 1 OR paid_before) AS completed,
       count(*) FILTER (WHERE journey.proven >= 1 OR paid_before) AS proven,
       count(*) FILTER (WHERE paid.participation_id IS NOT NULL OR paid_before) AS paid,
       count(*) FILTER (WHERE coalesce(journey.bought, 0) + bought_before::int >= 2) AS bought_again,
       count(*) FILTER (WHERE revoked_at IS NOT NULL) AS revoked,
       count(*) FILTER (WHERE journey.bought IS NULL AND NOT bought_before AND revoked_at IS NULL
                        AND first_purchase_due_on BETWEEN %(today)s AND %(soon)s) AS at_risk,
       count(*) FILTER (WHERE journey.completed >= 1 AND paid.participation_id IS NULL AND NOT paid_before)
           AS finished_not_paid
FROM (SELECT *, incentives_paid_before_count > 0 AS paid_before FROM participants_participation) place
LEFT JOIN journey ON journey.participation_id = place.id
LEFT JOIN paid ON paid.participation_id = place.id
GROUP BY place.wave_id ORDER BY place.wave_id
"""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the funnel as the chart and its table show it; widths and heights are SVG units."""

    name: str
    label: str
    count: int
    lost: int
    stage: str
    share: float
    width: int
    top: int

    @property
    def text_top(self) -> int:
        return self.top + 29

    @property
    def label_inside(self) -> bool:
        """A short bar has no room for words: they stand to its right."""
        return self.width > 380

    @property
    def label_x(self) -> int:
        number_width = 30 + 12 * len(f"{self.count:,}")
        if self.label_inside:
            return number_width
        return self.width + (14 if self.width > NUMBER_FITS else number_width)

    @property
    def number_inside(self) -> bool:
        return self.width > NUMBER_FITS


def funnel_by_wave(*, on: date) -> dict[str, dict[str, int]]:
    """For each wave (its number in the database, as text): people at each step, those about to lose their place within
    7 days, and those finished but not paid."""
    with connection.cursor() as cursor:
        cursor.execute(FUNNEL_SQL, {"today": on, "soon": on + timedelta(days=7)})
        names = [column.name for column in cursor.description][1:]
        return {str(wave_id): dict(zip(names, counts, strict=True)) for wave_id, *counts in cursor.fetchall()}


def funnel_counts(waves: Mapping[str, Mapping[str, int]], *, wave_id: int | None) -> dict[str, int]:
    """The counts of one wave, or of all together."""
    chosen = [counts for wave, counts in waves.items() if wave_id is None or wave == str(wave_id)]
    return {name: sum(counts[name] for counts in chosen) for name in COUNTS}


def _count(*, at: datetime, as_of: datetime | None, parameters: Parameters) -> dict[str, Any]:
    return {"waves": funnel_by_wave(on=programme_day(at)), "on_time": astuple(on_time_share(at=at))}


FUNNEL = Report("funnel_by_wave", _count)


def steps_of(counts: dict[str, int]) -> list[Step]:
    accepted = counts["accepted"]
    steps: list[Step] = []
    for index, (name, label, stage) in enumerate(STEPS):
        count = counts[name]
        # A second purchase is a branch from the first one, not a step after being paid.
        before = counts["bought"] if name == "bought_again" else steps[-1].count if steps else count
        width = round(CHART_WIDTH * count / accepted) if accepted else 0
        share = count / accepted if accepted else 0.0
        steps.append(Step(name, str(label), count, before - count, stage, share, width, index * BAR_STEP + 4))
    return steps


def _wave(request: HttpRequest) -> Wave | None:
    """The wave the address asks for; anything that is not the number of a wave means all of them."""
    text = request.GET.get("wave", "")
    if not (text.isascii() and text.isdigit() and len(text) <= 6):
        return None
    return Wave.objects.filter(number=int(text)).first()


def money_lines() -> tuple[list[KindTotal], int]:
    """What every kind but the treasury holds now, and the difference over all kinds, which must be Rp0."""
    totals = totals_of(movements())
    by_kind = {total.kind: total for total in totals.kinds}
    out = [by_kind.get(kind, KindTotal(kind, 0, 0)) for kind in Kind if kind != Kind.TREASURY]
    return out, totals.difference_rupiah


@open_to(Role.OFFICER, Role.AUDITOR)
def funnel(request: HttpRequest) -> HttpResponse:
    at = programme_now()
    wave = _wave(request)
    found = figures(FUNNEL, request, at=at)
    money, difference = money_lines()
    context = {
        "at": at,
        "figures": found,
        "wave": wave,
        "of_wave": f"&wave={wave.number}" if wave else "",
        "waves": Wave.objects.order_by("number"),
        "chart_width": CHART_WIDTH,
        "bar_height": BAR_HEIGHT,
        "money": money,
        "committed_rupiah": sum(each.rupiah for each in money),
        "difference": difference,
        "steps": [],
        "counts": None,
    }
    if found.values is not None:
        counts = funnel_counts(found.values["waves"], wave_id=wave.pk if wave else None)
        steps = steps_of(counts)
        context |= {"counts": counts, "steps": steps, "chart_height": len(steps) * BAR_STEP}
        context |= {"on_time": OnTimeShare(*found.values["on_time"])}
    return render(request, "console/funnel.html", context)
