"""`move_clock` and `begin_anew`: a partner's own programme clock goes on, and what falls due for its people is done."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from django.db import connection, transaction

from bekal.catalogue.models import Institution, Platform
from bekal.core.refusal import Refusal
from bekal.incentives.entitle import entitle
from bekal.ledger.clock import JAKARTA, programme_day
from bekal.ledger.copy_rows import int_array
from bekal.lifecycle.end_balances import end_balances
from bekal.lifecycle.revoke import revoke
from bekal.participants.models import Participation
from bekal.partners.keyed_answers import forget_answers_of_sandbox
from bekal.partners.models import Partner, SandboxPeople
from bekal.partners.open_sandbox import OpenedSandbox, begin, lock_partner
from bekal.partners.sandbox_people import people_of
from bekal.partners.sandbox_refusals import SandboxRefusal
from bekal.partners.world import SandboxUnavailableError, World, world_of_partner
from bekal.purchases.models import Purchase
from bekal.purchases.reconcile import reconcile
from bekal.purchases.settle_institutions import settle_institutions, settleable_ids
from bekal.purchases.write_review import NewReview, write_review

# Beyond this the dated rules say nothing that a partner could meet.
LIMIT_DAYS_COUNT = 800
PAYDAY = 25
REVIEW_RATING = 5
# A day after its completion a test person says what it was like, as participants do.
REVIEWED_AFTER = timedelta(days=1)
REVIEWABLE_SQL = """
SELECT purchase.id, purchase.participation_id, training.title
FROM purchases_purchase purchase
JOIN catalogue_training training ON training.id = purchase.training_id
WHERE purchase.participation_id = ANY(%s::bigint[]) AND purchase.completed_at IS NOT NULL
  AND purchase.ended_at IS NULL
  AND NOT EXISTS (SELECT FROM purchases_review review WHERE review.purchase_id = purchase.id)
ORDER BY purchase.id
"""


class Destination(StrEnum):
    """Where the clock can be sent by name."""

    TWENTY_FIFTH = "25th"
    YEAR_END = "year_end"


@dataclass(frozen=True, slots=True)
class MovedClock:
    """From when to when, and what that did to the partner's own test people and purchases; money in whole rupiah.

    `proven`: reconciled; `entitled`: people who earned their incentives; `settled`: paid to the institution; `revoked`:
    places without a purchase taken back whole; `ended`: balances whose last day has passed. What returned to the
    treasury is `returned_rupiah`. A refusal moved nothing."""

    was_at: datetime | None = None
    at: datetime | None = None
    reviewed_count: int = 0
    proven_count: int = 0
    entitled_count: int = 0
    settled_count: int = 0
    settled_rupiah: int = 0
    revoked_count: int = 0
    revoked_rupiah: int = 0
    ended_count: int = 0
    ended_rupiah: int = 0
    refusal: Refusal | None = None

    @property
    def returned_rupiah(self) -> int:
        """What went back to the treasury, by revocation and by the end of balances."""
        return self.revoked_rupiah + self.ended_rupiah


def destination_at(at: datetime, destination: Destination) -> datetime:
    """The next 25th at nine in the morning after `at`, or the first instant after 31 December, when what ends with the
    year has ended; in Jakarta."""
    local = at.astimezone(JAKARTA)
    if destination is Destination.YEAR_END:
        return datetime(local.year + 1, 1, 1, tzinfo=JAKARTA)
    wanted = local.replace(day=PAYDAY, hour=9, minute=0, second=0, microsecond=0)
    if wanted <= local:
        year, month = (local.year + 1, 1) if local.month == 12 else (local.year, local.month + 1)
        wanted = wanted.replace(year=year, month=month)
    return wanted


def move_clock(
    *, partner_id: int, destination: Destination | None = None, days: int = 0, to_at: datetime | None = None
) -> MovedClock:
    """Move one partner's clock forward: to a destination, by whole days, or to an instant; then do, by the real verbs,
    what has fallen due for its own people and purchases. Nobody else's clock, people or money is touched.

    Test people review what they completed, as participants do. The instants come from the partner's world. Refused:
    going back, more than 800 days ahead of the programme, a sandbox never opened, no sandbox on this server."""
    partner = Partner.objects.filter(pk=partner_id).first()
    if partner is None:
        return MovedClock(refusal=Refusal(SandboxRefusal.PARTNER_UNKNOWN))
    try:
        with world_of_partner(partner, is_sandbox=True) as world, transaction.atomic():
            return move_clock_inside(
                partner_id=partner_id, world=world, destination=destination, days=days, to_at=to_at
            )
    except SandboxUnavailableError:
        return MovedClock(refusal=Refusal(SandboxRefusal.AWAY))


def move_clock_inside(
    *,
    partner_id: int,
    world: World,
    destination: Destination | None = None,
    days: int = 0,
    to_at: datetime | None = None,
) -> MovedClock:
    """The same for whoever is in the partner's world already, in a transaction: the clock and what it does stand or
    fall together."""
    lock_partner(partner_id)
    if people_of(partner_id) is None:
        return MovedClock(refusal=Refusal(SandboxRefusal.NOT_OPEN))
    row = Partner.objects.get(pk=partner_id)
    # The world was entered before the lock: a second click that was quicker has moved the clock since.
    programme_at = world.at - (world.offset or timedelta(0))
    was_at = programme_at + (row.sandbox_offset or timedelta(0))
    target = destination_at(world.at, destination) if destination else to_at or _in_days(world.at, days)
    if target <= was_at:
        return MovedClock(was_at, was_at, refusal=Refusal(SandboxRefusal.CLOCK_BACK, {"on": programme_day(was_at)}))
    if target - programme_at > timedelta(days=LIMIT_DAYS_COUNT):
        refusal = Refusal(SandboxRefusal.CLOCK_TOO_FAR, {"limit_days_count": LIMIT_DAYS_COUNT})
        return MovedClock(was_at, was_at, refusal=refusal)
    row.sandbox_offset = target - programme_at
    row.save(update_fields=["sandbox_offset"])
    return _work(partner_id, was_at=was_at, at=target)


def begin_anew(*, partner_id: int) -> OpenedSandbox:
    """Set the partner's clock back to the programme's, and give it an institution or platform without a past, with
    fresh people and codes. What was before stays in its books, out of the partner's sight; what was answered under an
    idempotency key there is forgotten, and webhooks tell of what happens from now on.

    Refused as `open_sandboxes` refuses, and then nothing has changed."""
    partner = Partner.objects.filter(pk=partner_id).first()
    if partner is None:
        return OpenedSandbox(partner_id, refusal=Refusal(SandboxRefusal.PARTNER_UNKNOWN))
    try:
        with world_of_partner(partner, is_sandbox=True) as world, transaction.atomic():
            return begin_anew_inside(partner_id=partner_id, world=world)
    except SandboxUnavailableError:
        return OpenedSandbox(partner_id, refusal=Refusal(SandboxRefusal.AWAY))


def begin_anew_inside(*, partner_id: int, world: World) -> OpenedSandbox:
    """The same for whoever is in the partner's world already, in a transaction."""
    with transaction.atomic():
        lock_partner(partner_id)
        Partner.objects.filter(pk=partner_id).update(sandbox_offset=None)
        unmoved = replace(world, at=world.at - (world.offset or timedelta(0)), offset=None)
        partner = Partner.objects.get(pk=partner_id)
        forget_answers_of_sandbox(partner_id=partner_id)
        codes = begin(partner, _without_past(partner, unmoved))
        if isinstance(codes, Refusal):
            transaction.set_rollback(True)
            return OpenedSandbox(partner_id, unmoved.at, refusal=codes)
        return OpenedSandbox(partner_id, unmoved.at, codes, is_new=True)


def _in_days(at: datetime, days: int) -> datetime:
    # What no calendar holds is too far as well.
    return at + timedelta(days=max(min(days, 10 * LIMIT_DAYS_COUNT), -10 * LIMIT_DAYS_COUNT))


def _work(partner_id: int, *, was_at: datetime, at: datetime) -> MovedClock:
    """What falls due between the two instants, for the people of the set in use alone; inside the sandbox's transaction
    that has locked the partner."""
    waves = SandboxPeople.objects.filter(partner=partner_id).order_by("-pk").values_list("wave_id", flat=True)[:1]
    participation_ids = list(
        Participation.objects.filter(wave__in=list(waves)).order_by("pk").values_list("pk", flat=True)
    )
    purchase_ids = list(
        Purchase.objects.filter(participation__in=participation_ids).order_by("pk").values_list("pk", flat=True)
    )
    reviewed_at = min(at, was_at + REVIEWED_AFTER)
    reviewed_count = _review(participation_ids, reviewed_at)
    proven = reconcile(at=reviewed_at, purchase_ids=purchase_ids)
    entitled = entitle(at=at, participation_ids=participation_ids)
    due = set(settleable_ids(at=at)) & set(purchase_ids)
    settled = settle_institutions(purchase_ids=sorted(due), at=at)
    revoked = revoke(at=at, participation_ids=participation_ids)
    ended = end_balances(at=at, participation_ids=participation_ids)
    return MovedClock(
        was_at=was_at,
        at=at,
        reviewed_count=reviewed_count,
        proven_count=len(proven.purchase_ids),
        entitled_count=entitled.participation_count,
        settled_count=settled.purchase_count,
        settled_rupiah=settled.total_rupiah,
        revoked_count=revoked.participation_count,
        revoked_rupiah=revoked.returned_rupiah,
        ended_count=ended.participation_count,
        ended_rupiah=ended.returned_rupiah,
    )


def _review(participation_ids: list[int], at: datetime) -> int:
    with connection.cursor() as cursor:
        cursor.execute(REVIEWABLE_SQL, [int_array(participation_ids)])
        rows = cursor.fetchall()
    reviews = [
        NewReview(participation_id, purchase_id, REVIEW_RATING, f"Uji coba {purchase_id}: {title} dapat dipraktikkan.")
        for purchase_id, participation_id, title in rows
    ]
    return sum(outcome.refusal is None for outcome in write_review(reviews=reviews, at=at))


def _without_past(partner: Partner, world: World) -> World:
    """The world with an institution or platform under the partner's code that has nothing yet; the one before gives up
    code and name, its rows stay."""
    count = SandboxPeople.objects.filter(partner=partner.pk).count()
    if not count:
        return world
    model: type[Institution] | type[Platform] = Institution if world.institution_id is not None else Platform
    past = model.objects.select_for_update(no_key=True).get(code=partner.code)
    name = past.name
    past.code, past.name = f"~{partner.pk}-{count}", f"~{partner.pk}-{count} {name}"[:200]
    past.save(update_fields=["code", "name"])
    fresh = model.objects.create(code=partner.code, name=name)
    if isinstance(fresh, Institution):
        Partner.objects.filter(pk=partner.pk).update(institution=fresh)
        return replace(world, institution_id=fresh.pk)
    Partner.objects.filter(pk=partner.pk).update(platform=fresh)
    return replace(world, platform_id=fresh.pk)
