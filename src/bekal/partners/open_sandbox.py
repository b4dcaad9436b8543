"""`open_sandboxes` and `more_codes`: test people, trainings and redeem codes of a partner's own, by the real verbs.

A platform is handed no redeem codes: its test people start their purchases (`sandbox_starts.py`)."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from bekal.accounts.privacy import decrypt
from bekal.catalogue.models import Training
from bekal.core.refusal import Refusal
from bekal.ledger.clock import programme_day
from bekal.messaging.issue_codes import IssuedCode
from bekal.participants.models import ContactPoint
from bekal.partners.models import Partner, SandboxCode, SandboxPeople
from bekal.partners.sandbox_people import PEOPLE_LIMIT_COUNT, add_people, left_count, open_people, people_of
from bekal.partners.sandbox_refusals import SandboxRefusal
from bekal.partners.sandbox_shelf import KIND_OF, training_of
from bekal.partners.world import SandboxUnavailableError, World, world_of_partner
from bekal.purchases.buy import Order, buy
from bekal.purchases.end_purchases import end_purchases
from bekal.purchases.models import Purchase
from bekal.purchases.record_attendance import Attendance, record_attendance
from bekal.purchases.redeem import Redemption, redeem
from bekal.purchases.request_purchase import Intent, request_purchases

Purpose = SandboxCode.Purpose
FRESH = (Purpose.SELF_PACED, Purpose.WEBINAR, Purpose.ON_SITE)
CODES_AT_ONCE = 20
# People who buy nothing, so that moving the clock shows their places taken back.
IDLE_COUNT = 2
# What every new sandbox holds: codes to redeem, and one for each refusal.
FIRST_CODES = (*FRESH, Purpose.LATER, Purpose.USED, Purpose.CANCELLED, Purpose.ENDED, Purpose.ELSEWHERE)


@dataclass(frozen=True, slots=True)
class TestCode:
    """A redeem code of a test person (who has that e-mail address): what it is there to show, for which training, and
    how it stands."""

    __test__ = False
    purpose: SandboxCode.Purpose
    redeem_code: str = field(repr=False)
    email: str = field(repr=False)
    training_code: str
    training_title: str
    price_rupiah: int
    shown_at: datetime
    redeemed_at: datetime | None = None
    ended_at: datetime | None = None

    @property
    def is_unused(self) -> bool:
        """Whether nobody has redeemed it and the purchase goes on."""
        return self.redeemed_at is None and self.ended_at is None


@dataclass(frozen=True, slots=True)
class OpenedSandbox:
    """One partner's sandbox as it stands: `at` is its own clock. A refusal changed nothing."""

    partner_id: int
    at: datetime | None = None
    codes: tuple[TestCode, ...] = ()
    is_new: bool = False
    refusal: Refusal | None = None


def open_sandboxes(*, partner_ids: Sequence[int]) -> tuple[OpenedSandbox, ...]:
    """Make each partner's sandbox where it has none yet, with its first test people and codes; in the order given.

    The instant is each partner's own (`World.at`). Each sandbox is a transaction of its own, in the sandbox's database;
    opened before, nothing changes. Refused: an unknown partner, and every one where there is no sandbox."""
    partners = Partner.objects.in_bulk(partner_ids)
    return tuple(_opened(number, partners.get(number)) for number in partner_ids)


def more_codes(*, partner_id: int, purposes: Sequence[SandboxCode.Purpose]) -> tuple[TestCode, ...] | Refusal:
    """Further codes, each bought by a new test person; all or none, in the order of `purposes`.

    Refused: more than 20 at once, a sandbox that was never opened, a set that has its 500 people, a day on which what
    a new test person gets has ended already."""
    partner = Partner.objects.filter(pk=partner_id).first()
    if partner is None:
        return Refusal(SandboxRefusal.PARTNER_UNKNOWN)
    try:
        with world_of_partner(partner, is_sandbox=True) as world, transaction.atomic():
            return more_codes_inside(partner_id=partner_id, purposes=purposes, world=world)
    except SandboxUnavailableError:
        return Refusal(SandboxRefusal.AWAY)


def more_codes_inside(
    *, partner_id: int, purposes: Sequence[SandboxCode.Purpose], world: World
) -> tuple[TestCode, ...] | Refusal:
    """The same for whoever is in the partner's world already, in a transaction."""
    if not 1 <= len(purposes) <= CODES_AT_ONCE:
        values = {"asked_count": len(purposes), "limit_count": CODES_AT_ONCE}
        return Refusal(SandboxRefusal.COUNT_OUT_OF_BOUNDS, values)
    with transaction.atomic():
        lock_partner(partner_id)
        people = people_of(partner_id)
        if people is None:
            return Refusal(SandboxRefusal.NOT_OPEN)
        return _bought(Partner.objects.get(pk=partner_id), people, purposes, world)


def sandbox_of(partner: Partner) -> OpenedSandbox | None:
    """How a partner's sandbox stands, newest codes first; None where it was never opened.

    Raises SandboxUnavailableError where there is none on this server."""
    with world_of_partner(partner, is_sandbox=True) as world:
        people = people_of(partner.pk)
        return None if people is None else OpenedSandbox(partner.pk, world.at, _codes_of(people))


def lock_partner(partner_id: int) -> None:
    """Whoever changes a partner's sandbox is alone with it. Call inside the world, in a transaction."""
    Partner.objects.select_for_update(no_key=True).get(pk=partner_id)


def people_number(people: SandboxPeople) -> int:
    """The how manieth set of the partner this is, from 1."""
    return SandboxPeople.objects.filter(partner=people.partner_id, pk__lte=people.pk).count()


def begin(partner: Partner, world: World) -> tuple[TestCode, ...] | Refusal:
    """A new set of people with the first codes of an institution. Call inside the world, in a transaction that has
    locked the partner; where it is refused, roll back."""
    people = open_people(partner_id=partner.pk, at=world.at)
    add_people(people=people, count=IDLE_COUNT, at=world.at)
    return _bought(partner, people, FIRST_CODES, world) if partner.kind == Partner.Kind.INSTITUTION else ()


def _opened(partner_id: int, partner: Partner | None) -> OpenedSandbox:
    if partner is None:
        return OpenedSandbox(partner_id, refusal=Refusal(SandboxRefusal.PARTNER_UNKNOWN))
    try:
        with world_of_partner(partner, is_sandbox=True) as world, transaction.atomic():
            lock_partner(partner.pk)
            people = people_of(partner.pk)
            if people is not None:
                return OpenedSandbox(partner_id, world.at, _codes_of(people))
            codes = begin(partner, world)
            if isinstance(codes, Refusal):
                transaction.set_rollback(True)
                return OpenedSandbox(partner_id, world.at, refusal=codes)
            return OpenedSandbox(partner_id, world.at, codes, is_new=True)
    except SandboxUnavailableError:
        return OpenedSandbox(partner_id, refusal=Refusal(SandboxRefusal.AWAY))


def _codes_of(people: SandboxPeople) -> tuple[TestCode, ...]:
    return _test_codes(SandboxCode.objects.filter(people=people).order_by("-pk"))


def _test_codes(rows: QuerySet[SandboxCode]) -> tuple[TestCode, ...]:
    found = list(rows.select_related("purchase__training", "purchase__participation"))
    emails = emails_of({row.purchase.participation.participant_id for row in found})
    return tuple(_test_code(row, emails.get(row.purchase.participation.participant_id, "")) for row in found)


def emails_of(participant_ids: Collection[int]) -> dict[int, str]:
    """The addresses by which a partner tells its test people apart."""
    points = ContactPoint.objects.filter(participant__in=participant_ids, kind=ContactPoint.Kind.EMAIL).order_by("pk")
    return {point.participant_id: decrypt(bytes(point.value_encrypted)) for point in points}


def _test_code(row: SandboxCode, email: str) -> TestCode:
    purchase = row.purchase
    assert purchase.redeem_code_encrypted is not None, "what was bought here has a code"
    return TestCode(
        purpose=Purpose(row.purpose),
        redeem_code=decrypt(bytes(purchase.redeem_code_encrypted)),
        email=email,
        training_code=purchase.training.code,
        training_title=purchase.training.title,
        price_rupiah=purchase.price_rupiah,
        shown_at=row.shown_at,
        redeemed_at=purchase.redeemed_at,
        ended_at=purchase.ended_at,
    )


def _bought(
    partner: Partner, people: SandboxPeople, purposes: Sequence[SandboxCode.Purpose], world: World
) -> tuple[TestCode, ...] | Refusal:
    """Codes for these purposes, each of a new person; or why not, and then the caller's transaction is rolled back."""
    if left_count(people) < len(purposes):
        return Refusal(SandboxRefusal.PEOPLE_SPENT, {"limit_count": PEOPLE_LIMIT_COUNT})
    number = people_number(people)
    trainings = {
        purpose: training_of(
            KIND_OF[purpose], buyer_count=count, partner_code=partner.code, people_number=number, world=world
        )
        for purpose, count in Counter(purposes).items()
    }
    buyers = add_people(people=people, count=len(purposes), at=world.at)
    wanted = [(buyer, trainings[purpose]) for buyer, purpose in zip(buyers, purposes, strict=True)]
    purchase_ids = bought_by_themselves(wanted, world)
    if isinstance(purchase_ids, Refusal):
        return purchase_ids
    _spoil(dict(zip(purchase_ids, purposes, strict=True)), world)
    SandboxCode.objects.bulk_create(
        SandboxCode(people=people, purchase_id=purchase_id, purpose=purpose, shown_at=world.at)
        for purchase_id, purpose in zip(purchase_ids, purposes, strict=True)
    )
    return _test_codes(SandboxCode.objects.filter(purchase__in=purchase_ids).order_by("pk"))


def bought_by_themselves(wanted: Sequence[tuple[int, Training]], world: World) -> list[int] | Refusal:
    """Each test person (by participation) buys that training on the programme's own page; the numbers of the purchases,
    or why nothing was bought, and then the caller's transaction is rolled back."""
    intents = [Intent(buyer, training.pk) for buyer, training in wanted]
    issued = [each.code for each in request_purchases(intents=intents, at=world.at) if isinstance(each, IssuedCode)]
    if len(issued) < len(wanted):
        return nothing_sold(world)
    orders = [
        Order(buyer, training.pk, training.price_rupiah, code)
        for (buyer, training), code in zip(wanted, issued, strict=True)
    ]
    purchase_ids = [outcome.purchase_id for outcome in buy(orders=orders, at=world.at) if outcome.purchase_id]
    if len(purchase_ids) < len(wanted):
        return nothing_sold(world)
    return purchase_ids


def nothing_sold(world: World) -> Refusal:
    """Nothing of what was begun in this transaction stands."""
    transaction.set_rollback(True)
    return Refusal(SandboxRefusal.NOTHING_SOLD, {"on": programme_day(world.at)})


def _spoil(purpose_of: dict[int, SandboxCode.Purpose], world: World) -> None:
    """Bring the codes that are there for a refusal to where they are refused."""
    rows = Purchase.objects.select_related("training").in_bulk(purpose_of)
    begun = [row for number, row in rows.items() if purpose_of[number] in (Purpose.USED, Purpose.ENDED)]
    redemptions = [
        Redemption(row.training.institution_id, decrypt(bytes(row.redeem_code_encrypted)))
        for row in begun
        if row.redeem_code_encrypted is not None
    ]
    ended = [number for number, purpose in purpose_of.items() if purpose in (Purpose.CANCELLED, Purpose.ENDED)]
    half = [Attendance(row.training.institution_id, row.pk, 1) for row in begun if purpose_of[row.pk] == Purpose.ENDED]
    refusals = [outcome.refusal for outcome in redeem(redemptions=redemptions, at=world.at)]
    refusals += [outcome.refusal for outcome in record_attendance(attendances=half, at=world.at)]
    refusals += [outcome.refusal for outcome in end_purchases(purchase_ids=ended, at=world.at)]
    refused = [refusal for refusal in refusals if refusal is not None]
    if refused:
        raise RuntimeError(f"codes for refusals could not be made: {refused}")
