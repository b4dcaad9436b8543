"""The funnel: how many people stand at each step, live, and where the money is."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _

from bekal.accounts.access import open_to
from bekal.accounts.models import Role
from bekal.incentives.queries import on_time_share
from bekal.ledger.clock import programme_day, programme_now
from bekal.ledger.movements import Kind
from bekal.ledger.queries import totals
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
MONEY = (
    (Kind.TRAINING_BALANCE, _("training balances, not yet spent")),
    (Kind.ESCROW, _("bought, learning not yet proven")),
    (Kind.INSTITUTION_PAYABLE, _("owed to institutions")),
    (Kind.INCENTIVE_COMMITTED, _("incentives committed, not yet paid")),
    (Kind.SURVEY_COMMITTED, _("survey pay committed, not yet paid")),
    (Kind.PAYOUT_IN_TRANSIT, _("payouts in transit")),
    (Kind.PAYOUT_SETTLED, _("paid to participants")),
)

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
SELECT count(*) AS accepted,
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
WHERE %(wave)s::int IS NULL OR place.wave_id = %(wave)s
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


def funnel_counts(*, wave_id: int | None, on: date) -> dict[str, int]:
    """People (counts) at each step, those about to lose their place within 7 days, and those finished but not paid."""
    with connection.cursor() as cursor:
        cursor.execute(FUNNEL_SQL, {"wave": wave_id, "today": on, "soon": on + timedelta(days=7)})
        names = [column.name for column in cursor.description]
        return dict(zip(names, cursor.fetchone(), strict=True))


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


def money_lines(at: datetime) -> tuple[list[tuple[str, int]], int]:
    """(label, rupiah) of every kind as of `at`, and the difference over all kinds, which must be Rp0."""
    sums = totals(as_of=at)
    return [(str(label), sums.get(kind, 0)) for kind, label in MONEY], sum(sums.values())


@open_to(Role.OFFICER, Role.AUDITOR)
def funnel(request: HttpRequest) -> HttpResponse:
    at = programme_now()
    wave = _wave(request)
    counts = funnel_counts(wave_id=wave.pk if wave else None, on=programme_day(at))
    money, difference = money_lines(at)
    steps = steps_of(counts)
    context = {
        "at": at,
        "wave": wave,
        "waves": Wave.objects.order_by("number"),
        "steps": steps,
        "counts": counts,
        "chart_height": len(steps) * BAR_STEP,
        "chart_width": CHART_WIDTH,
        "bar_height": BAR_HEIGHT,
        "money": money,
        "committed_rupiah": sum(amount for _label, amount in money),
        "difference": difference,
        "on_time": on_time_share(),
    }
    return render(request, "console/funnel.html", context)
