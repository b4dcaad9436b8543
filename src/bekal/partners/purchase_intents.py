"""`open_intents`, `withdraw_intents`: the participant hands a platform the start of one purchase, for a short while."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import transaction

from bekal.accounts.privacy import blind, decrypt, encrypt
from bekal.catalogue.models import Training
from bekal.core.refusal import Refusal
from bekal.ledger.clock import programme_day
from bekal.participants.models import Participation
from bekal.partners.models import PurchaseIntent
from bekal.partners.platform_refusals import PlatformRefusal
from bekal.purchases import standing
from bekal.purchases.redeem_codes import new_redeem_code
from bekal.purchases.refusals import PurchaseRefusal

LIVES = timedelta(minutes=30)
KEPT = timedelta(days=30)
"""How long an intent is kept after it expired: so long a late platform is not taken for one that guesses."""
AN_HOUR_COUNT = 10
HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class IntentWish:
    """Who wants to buy what through the platform that sells it, at the price that was on their page."""

    participation_id: int
    training_id: int
    price_rupiah: int


@dataclass(frozen=True, slots=True)
class StartCode:
    """`code` is what the participant hands to the platform; good until `expires_at`. `repeated`: it was open before."""

    code: str = field(repr=False)
    expires_at: datetime
    repeated: bool = False


def open_intents(*, wishes: Sequence[IntentWish], at: datetime) -> tuple[StartCode | Refusal, ...]:
    """A start code for each wish, or why there is none; outcomes in the order of `wishes`.

    Nothing is reserved and nothing paid. One that is open already for the same training and price is given again.
    Refused: what `buy` would refuse now, a price that changed, a training that no platform sells, too many within an
    hour. Locks the participations in the order of their numbers.
    """
    on = programme_day(at)
    with transaction.atomic():
        buyers = standing.buyers({wish.participation_id for wish in wishes}, lock=True)
        offers = standing.offers({wish.training_id for wish in wishes}, lock=False)
        sold = Training.objects.filter(pk__in=offers, platform__isnull=False)
        platforms = dict(sold.values_list("pk", "platform_id"))
        outcomes: list[StartCode | Refusal] = []
        for wish in wishes:
            offer = offers.get(wish.training_id)
            refusal = standing.refusal_of(buyers.get(wish.participation_id), offer, on)
            if refusal is None and offer is not None and offer.price_rupiah != wish.price_rupiah:
                values = {"price_rupiah": offer.price_rupiah, "seen_rupiah": wish.price_rupiah}
                refusal = Refusal(PurchaseRefusal.PRICE_CHANGED, values)
            if refusal is None and wish.training_id not in platforms:
                refusal = Refusal(PlatformRefusal.NOT_SOLD_BY_PLATFORM)
            outcomes.append(refusal or _open(wish, platforms[wish.training_id], at))
        return tuple(outcomes)


def withdraw_intents(*, wishes: Sequence[tuple[int, int]], at: datetime) -> tuple[bool, ...]:
    """Close what is open for each (participation, training): its start code opens nothing any more. True where there
    was one."""
    programme_day(at)  # refuses a naive instant
    closed = []
    with transaction.atomic():
        ids = {participation_id for participation_id, _ in wishes}
        list(Participation.objects.select_for_update(no_key=True).filter(pk__in=ids).order_by("pk").values("pk"))
        for participation_id, training_id in wishes:
            closed.append(bool(_live(participation_id, training_id, at).update(withdrawn_at=at)))
    return tuple(closed)


def open_start_code(*, participation_id: int, training_id: int, at: datetime) -> StartCode | None:
    """The start code that is open now, for its participant's page."""
    row = _live(participation_id, training_id, at).order_by("-pk").first()
    return None if row is None else StartCode(decrypt(row.code_encrypted), row.expires_at, True)


def forget_intents(*, at: datetime) -> int:
    """Delete what expired more than `KEPT` ago; how many went."""
    count, _ = PurchaseIntent.objects.filter(expires_at__lt=at - KEPT).delete()
    return count


def start_code_hash(code: str) -> bytes:
    """What finds an intent by a normalised start code."""
    return blind("start-code", code)


def _live(participation_id: int, training_id: int, at: datetime):  # type: ignore[no-untyped-def]
    return PurchaseIntent.objects.filter(
        participation_id=participation_id, training_id=training_id, withdrawn_at=None, expires_at__gt=at
    )


def _open(wish: IntentWish, platform_id: int, at: datetime) -> StartCode | Refusal:
    live = _live(wish.participation_id, wish.training_id, at).order_by("-pk").first()
    if live is not None and (live.price_rupiah, live.platform_id) == (wish.price_rupiah, platform_id):
        return StartCode(decrypt(live.code_encrypted), live.expires_at, True)
    if live is not None:
        _live(wish.participation_id, wish.training_id, at).update(withdrawn_at=at)
    lately = PurchaseIntent.objects.filter(participation_id=wish.participation_id, created_at__gt=at - HOUR)
    if lately.count() >= AN_HOUR_COUNT:
        return Refusal(PlatformRefusal.TOO_MANY_INTENTS, {"limit_count": AN_HOUR_COUNT})
    code = new_redeem_code()
    PurchaseIntent.objects.create(
        participation_id=wish.participation_id,
        training_id=wish.training_id,
        platform_id=platform_id,
        price_rupiah=wish.price_rupiah,
        code_hash=start_code_hash(code),
        code_encrypted=encrypt(code),
        created_at=at,
        expires_at=at + LIVES,
    )
    return StartCode(code, at + LIVES)
