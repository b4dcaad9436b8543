"""`note_devices`: which browser was used by whom; `forget_devices`: until when that is remembered.

The browser carries a random number in a signed cookie, which pages cannot read and no other site is sent. Nothing is
measured of the device, and nobody is refused for having no cookie: who deletes it is a new device. Kept is a hash.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.core import signing
from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse

from bekal.accounts.models import DeviceSighting, Role, User
from bekal.accounts.privacy import blind
from bekal.core.rules import RULES
from bekal.ledger.clock import programme_day

COOKIE = "bekal_device"
_SALT = "bekal.accounts.device"
_KEPT_SECONDS = 365 * 24 * 3600
# Whose devices are looked at: who is paid, and who teaches. Not those of officers and auditors.
SEEN_ROLES = frozenset({Role.PARTICIPANT.value, Role.INSTITUTION.value})


@dataclass(frozen=True, slots=True)
class DeviceUse:
    """One user was seen with one device; `is_purchase`: buying, else signing in."""

    user_id: int
    device: str = field(repr=False)
    is_purchase: bool = False


# A clock that was set back leaves what was seen later.
NOTE_SQL = """
INSERT INTO accounts_devicesighting AS known
    (user_id, device_hash, first_seen_at, last_seen_at, sign_in_count, purchase_count)
VALUES (%s, %s, %s, %s, %s, %s)
ON CONFLICT (user_id, device_hash) DO UPDATE SET
    last_seen_at = greatest(known.last_seen_at, excluded.last_seen_at),
    sign_in_count = known.sign_in_count + excluded.sign_in_count,
    purchase_count = known.purchase_count + excluded.purchase_count
"""


@transaction.atomic
def note_devices(*, uses: Sequence[DeviceUse], at: datetime) -> int:
    """Write down which device was used by whom; how many uses were written. In the order of users and devices, so that
    two calls wait for each other in one direction only."""
    programme_day(at)
    rows = sorted((use.user_id, blind("device", use.device), use.is_purchase) for use in uses)
    with connection.cursor() as cursor:
        cursor.executemany(NOTE_SQL, [(user, seen, at, at, int(not buys), int(buys)) for user, seen, buys in rows])
    return len(rows)


def forget_devices(*, at: datetime) -> int:
    """Delete what was last seen longer ago than the rule of this day keeps it; how many."""
    day = programme_day(at)
    until = at - timedelta(days=RULES.value("sighting_kept_days", day))
    return DeviceSighting.objects.filter(last_seen_at__lt=until).delete()[0]


def device_of(request: HttpRequest) -> str | None:
    """The number in the browser's cookie; None where there is none, or one that this programme did not sign."""
    try:
        return signing.Signer(salt=_SALT).unsign(request.COOKIES.get(COOKIE, ""))
    except signing.BadSignature:
        return None


def see_device(request: HttpRequest, response: HttpResponse, user: User, *, at: datetime, is_purchase: bool) -> None:
    """Note the browser of somebody who has just signed in or bought, and give it a number where it has none."""
    # Everybody who looks at a demo does so with one browser.
    if user.role not in SEEN_ROLES or user.is_demo:
        return
    device = device_of(request)
    if device is None:
        device = secrets.token_urlsafe(16)
        response.set_cookie(
            COOKIE,
            signing.Signer(salt=_SALT).sign(device),
            max_age=_KEPT_SECONDS,
            httponly=True,
            samesite="Lax",
            secure=request.is_secure(),
        )
    note_devices(uses=[DeviceUse(user.pk, device, is_purchase)], at=at)
