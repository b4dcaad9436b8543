"""What test people do at a platform: start a purchase, read the one-time code they are sent, learn at the institution.

All of it is found by the sets of test people (`SandboxPeople`), whose rows stand in the sandbox's database alone: of
anybody else nothing is started, read or redeemed."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from django.db import transaction

from bekal.accounts.privacy import decrypt
from bekal.catalogue.models import Training
from bekal.core.refusal import Refusal
from bekal.ledger.queries import remaining
from bekal.messaging.models import Channel, OneTimeCode
from bekal.messaging.one_time_codes import code_hash
from bekal.messaging.queries import messages_to
from bekal.participants.models import Participation
from bekal.partners.models import Partner, SandboxPeople
from bekal.partners.open_sandbox import (
    CODES_AT_ONCE,
    begin,
    bought_by_themselves,
    emails_of,
    lock_partner,
    nothing_sold,
    people_number,
)
from bekal.partners.purchase_intents import IntentWish, StartCode, open_intents, withdraw_intents
from bekal.partners.redeem_handed import redeem_handed
from bekal.partners.sandbox_people import PEOPLE_LIMIT_COUNT, add_people, left_count, people_of
from bekal.partners.sandbox_refusals import SandboxRefusal
from bekal.partners.sandbox_shelf import DEAR, ON_OTHER_PLATFORM, SELF_PACED, training_of
from bekal.partners.sell_by_intent import HeldIntent
from bekal.partners.world import SandboxUnavailableError, World, world_of_partner
from bekal.purchases.models import Purchase
from bekal.purchases.record_attendance import Attendance, record_attendance
from bekal.purchases.record_completion import Completion, record_completion
from bekal.purchases.standing import code_subject

_DIGITS = re.compile(r"(?<![0-9])[0-9]{6}(?![0-9])", re.ASCII)


class StartPurpose(StrEnum):
    """What a start code is there to show."""

    COVERED = "covered"
    NOT_COVERED = "not_covered"  # the balance has been spent elsewhere since
    WITHDRAWN = "withdrawn"  # the participant has changed their mind
    ELSEWHERE = "elsewhere"  # started at another platform


@dataclass(frozen=True, slots=True)
class TestStart:
    """A purchase that a test person (who has that e-mail address) has started, for a training of that institution."""

    __test__ = False
    purpose: StartPurpose
    start_code: str = field(repr=False)
    email: str = field(repr=False)
    training_code: str
    institution_code: str
    category_slug: str
    price_rupiah: int
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class ReceivedCode:
    """The six digits a test person was sent last for one purchase, and the message as they read it."""

    one_time_code: str = field(repr=False)
    channel: Channel
    message: str = field(repr=False)
    expires_at: datetime


def start_purchases(*, partner_id: int, purposes: Sequence[StartPurpose]) -> tuple[TestStart, ...] | Refusal:
    """`start_purchases_inside` for whoever acts for a platform without a key. Refused besides: where there is no
    sandbox."""
    partner = Partner.objects.get(pk=partner_id)
    try:
        with world_of_partner(partner, is_sandbox=True) as world, transaction.atomic():
            return start_purchases_inside(partner_id=partner_id, purposes=purposes, world=world)
    except SandboxUnavailableError:
        return Refusal(SandboxRefusal.AWAY)


def start_purchases_inside(
    *, partner_id: int, purposes: Sequence[StartPurpose], world: World
) -> tuple[TestStart, ...] | Refusal:
    """Start codes of new test people, by the verb of the participants' own page; all or none, in the order of
    `purposes`. A sandbox that was never opened is opened. Call inside the platform's world, in a transaction.

    Refused: more than 20 at once, a set that has its 500 people, a day on which what a new test person gets has ended
    already."""
    if not 1 <= len(purposes) <= CODES_AT_ONCE:
        values = {"asked_count": len(purposes), "limit_count": CODES_AT_ONCE}
        return Refusal(SandboxRefusal.COUNT_OUT_OF_BOUNDS, values)
    with transaction.atomic():
        lock_partner(partner_id)
        partner = Partner.objects.get(pk=partner_id)
        if people_of(partner_id) is None:
            begin(partner, world)
        people = people_of(partner_id)
        assert people is not None, "it has begun"
        if left_count(people) < len(purposes):
            return Refusal(SandboxRefusal.PEOPLE_SPENT, {"limit_count": PEOPLE_LIMIT_COUNT})
        return _started(partner, people, purposes, world)


def received_code(*, intent: HeldIntent, partner_id: int) -> ReceivedCode | Refusal:
    """What the test person of this start code was sent last. Refused for anybody who is not this partner's own test
    person, as where nothing was sent."""
    nothing = Refusal(SandboxRefusal.NO_CODE_SENT)
    own = Participation.objects.filter(pk=intent.participation_id, wave__sandbox_people__partner=partner_id)
    holder_id = own.values_list("participant_id", flat=True).first()
    if holder_id is None:
        return nothing
    subject = code_subject(intent.training_id, intent.price_rupiah)
    sent = OneTimeCode.objects.filter(holder_id=holder_id, subject=subject).order_by("-pk").first()
    if sent is None:
        return nothing
    for message in messages_to(holder_id=holder_id):
        for digits in _DIGITS.findall(message.body):
            if code_hash(holder_id, subject, digits) == bytes(sent.code_hash):
                return ReceivedCode(digits, message.channel, message.body, sent.expires_at)
    return nothing


def redeem_at_institution(*, purchase_id: int, partner_id: int, at: datetime) -> Refusal | None:
    """The test person of this purchase shows their code at the institution, which redeems it; None: it is redeemed.

    Raises Purchase.DoesNotExist where it is no purchase of this partner's test people. Locks as `redeem` does."""
    row = _own_purchase(purchase_id, partner_id)
    assert row.redeem_code_encrypted is not None, "what was bought here has a code"
    redeem_code = decrypt(bytes(row.redeem_code_encrypted))
    return redeem_handed(redeem_code=redeem_code, institution_id=row.training.institution_id, at=at).refusal


def complete_at_institution(*, purchase_id: int, partner_id: int, at: datetime) -> Refusal | None:
    """The institution records that every session was attended and the training completed; None: it stands so.

    Raises Purchase.DoesNotExist as `redeem_at_institution`. Locks as `record_evidence` does."""
    row = _own_purchase(purchase_id, partner_id)
    institution_id, sequences = row.training.institution_id, range(1, row.training.session_count + 1)
    attendances = [Attendance(institution_id, purchase_id, sequence) for sequence in sequences]
    outcomes = record_attendance(attendances=attendances, at=at)
    outcomes += record_completion(completions=[Completion(institution_id, purchase_id)], at=at)
    return next((outcome.refusal for outcome in outcomes if outcome.refusal is not None), None)


def _own_purchase(purchase_id: int, partner_id: int) -> Purchase:
    own = Purchase.objects.filter(participation__wave__sandbox_people__partner=partner_id)
    return own.select_related("training").get(pk=purchase_id)


def _started(
    partner: Partner, people: SandboxPeople, purposes: Sequence[StartPurpose], world: World
) -> tuple[TestStart, ...] | Refusal:
    kinds = {purpose: ON_OTHER_PLATFORM if purpose is StartPurpose.ELSEWHERE else SELF_PACED for purpose in purposes}
    number = people_number(people)
    trainings = {
        kind: training_of(kind, buyer_count=1, partner_code=partner.code, people_number=number, world=world)
        for kind in kinds.values()
    }
    buyers = add_people(people=people, count=len(purposes), at=world.at)
    wanted = [(buyer, trainings[kinds[purpose]], purpose) for buyer, purpose in zip(buyers, purposes, strict=True)]
    wishes = [IntentWish(buyer, training.pk, training.price_rupiah) for buyer, training, _ in wanted]
    codes = [code for code in open_intents(wishes=wishes, at=world.at) if isinstance(code, StartCode)]
    if len(codes) < len(wishes):
        return nothing_sold(world)
    withdrawn = [(buyer, training.pk) for buyer, training, purpose in wanted if purpose is StartPurpose.WITHDRAWN]
    withdraw_intents(wishes=withdrawn, at=world.at)
    for buyer, training, purpose in wanted:
        if purpose is StartPurpose.NOT_COVERED:
            refusal = _spend(buyer, training, partner, number, world)
            if refusal is not None:
                return refusal
    return _described(wanted, codes)


def _spend(buyer: int, training: Training, partner: Partner, number: int, world: World) -> Refusal | None:
    """Half of what `training` costs is left in the balance; the rest goes to a training on the programme's own page."""
    price_rupiah = remaining(owner_ids=[buyer])[buyer] - training.price_rupiah // 2
    dear = training_of(
        replace(DEAR, price_rupiah=price_rupiah),
        buyer_count=1,
        partner_code=partner.code,
        people_number=number,
        world=world,
    )
    outcome = bought_by_themselves([(buyer, dear)], world)
    return outcome if isinstance(outcome, Refusal) else None


def _described(
    wanted: Sequence[tuple[int, Training, StartPurpose]], codes: Sequence[StartCode]
) -> tuple[TestStart, ...]:
    rows = Participation.objects.filter(pk__in=[buyer for buyer, _, _ in wanted])
    holders = dict(rows.order_by("pk").values_list("pk", "participant_id"))
    emails = emails_of(list(holders.values()))
    return tuple(
        TestStart(
            purpose=purpose,
            start_code=code.code,
            email=emails[holders[buyer]],
            training_code=training.code,
            institution_code=training.institution.code,
            category_slug=training.category.slug,
            price_rupiah=training.price_rupiah,
            expires_at=code.expires_at,
        )
        for (buyer, training, purpose), code in zip(wanted, codes, strict=True)
    )
