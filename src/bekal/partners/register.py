"""`register_partners`, `tie_partner`, `suspend_partner`, `lift_partner`, and where people may be sent back to."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from django.db import transaction

from bekal.catalogue.models import Institution, Platform
from bekal.core.refusal import Refusal
from bekal.core.text import is_readable, shown, tidy
from bekal.partners.models import Partner, RedirectUri
from bekal.partners.refusals import PartnerRefusal

NAME_LIMIT_COUNT = 200
REASON_LIMIT_COUNT = 300
URI_LIMIT_COUNT = 500
_CODE = re.compile(r"[a-z][a-z0-9-]{2,39}", flags=re.ASCII)
_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?", flags=re.ASCII)
# Where a developer's own machine may be named, in the sandbox only.
_OWN_MACHINE = ("localhost", "127.0.0.1")


@dataclass(frozen=True, slots=True)
class NewPartner:
    """A system that wants to speak to the programme; `kind` is one of `Partner.Kind`."""

    code: str
    name: str
    kind: str


@dataclass(frozen=True, slots=True)
class PartnerOutcome:
    """`repeated`: it stood so before and nothing changed. A refusal changed nothing either."""

    partner_id: int | None
    refusal: Refusal | None = None
    repeated: bool = False


def register_partners(*, partners: Sequence[NewPartner], at: datetime) -> tuple[PartnerOutcome, ...]:
    """Register systems; each can have sandbox keys from now on. Outcomes in the order of `partners`.

    Refused: a code that is malformed or taken, a name that is empty, too long or unreadable, an unknown kind."""
    outcomes = []
    with transaction.atomic():
        for new in partners:
            name = tidy(new.name)
            refusal = _refusal_of_new(new.code, name, new.kind)
            if refusal is None:
                values = {"name": name, "kind": new.kind, "registered_at": at}
                partner, is_new = Partner.objects.get_or_create(code=new.code, defaults=values)
                if is_new:
                    outcomes.append(PartnerOutcome(partner.pk))
                    continue
                refusal = Refusal(PartnerRefusal.PARTNER_CODE_TAKEN, {"value": new.code})
            outcomes.append(PartnerOutcome(None, refusal))
    return tuple(outcomes)


@transaction.atomic
def tie_partner(*, partner_id: int, owner_id: int) -> PartnerOutcome:
    """This system is the one of that institution (or platform, by its kind), for good: live keys can be issued.

    Refused: an unknown partner or owner, a partner that is tied to another one, an owner that has another partner."""
    partner = _locked(partner_id)
    if partner is None:
        return PartnerOutcome(None, Refusal(PartnerRefusal.PARTNER_UNKNOWN))
    is_institution = partner.kind == Partner.Kind.INSTITUTION
    tied_id = partner.institution_id if is_institution else partner.platform_id
    if tied_id is not None:
        repeated = tied_id == owner_id
        return PartnerOutcome(partner_id, None if repeated else Refusal(PartnerRefusal.PARTNER_TIED), repeated)
    owners = Institution.objects if is_institution else Platform.objects
    # Whoever ties the same one at the same moment waits here.
    if not owners.select_for_update(no_key=True).filter(pk=owner_id).exists():
        return PartnerOutcome(partner_id, Refusal(PartnerRefusal.OWNER_UNKNOWN))
    column = "institution_id" if is_institution else "platform_id"
    other = Partner.objects.filter(**{column: owner_id}).order_by("pk").first()
    if other is not None:
        return PartnerOutcome(partner_id, Refusal(PartnerRefusal.OWNER_TAKEN, {"partner": other.name}))
    Partner.objects.filter(pk=partner_id).update(**{column: owner_id})
    return PartnerOutcome(partner_id)


@transaction.atomic
def suspend_partner(*, partner_id: int, reason: str, at: datetime) -> PartnerOutcome:
    """Nothing this partner signs is answered until `lift_partner`; again it gets the new reason.

    Refused: an unknown partner, a reason that is empty, longer than 300 characters or unreadable."""
    reason = tidy(reason)
    refusal = _refusal_of_reason(reason)
    if refusal is not None:
        return PartnerOutcome(partner_id, refusal)
    partner = _locked(partner_id)
    if partner is None:
        return PartnerOutcome(None, Refusal(PartnerRefusal.PARTNER_UNKNOWN))
    repeated = partner.suspended_at is not None and partner.suspension_reason == reason
    since = partner.suspended_at or at
    Partner.objects.filter(pk=partner_id).update(suspended_at=since, suspension_reason=reason)
    return PartnerOutcome(partner_id, repeated=repeated)


@transaction.atomic
def lift_partner(*, partner_id: int) -> PartnerOutcome:
    """What this partner signs is answered again; keys that are suspended themselves stay so."""
    partner = _locked(partner_id)
    if partner is None:
        return PartnerOutcome(None, Refusal(PartnerRefusal.PARTNER_UNKNOWN))
    Partner.objects.filter(pk=partner_id).update(suspended_at=None, suspension_reason="")
    return PartnerOutcome(partner_id, repeated=partner.suspended_at is None)


@transaction.atomic
def register_redirect(*, partner_id: int, uri: str, is_sandbox: bool, at: datetime) -> PartnerOutcome:
    """People may be sent back to exactly this address; `repeated` where it was registered before.

    Refused: an unknown partner; what is no https address of at most 500 printable ASCII characters without fragment and
    user name (in the sandbox `http://localhost` and `http://127.0.0.1` may stand, too)."""
    if not _is_redirect(uri, is_sandbox):
        return PartnerOutcome(partner_id, Refusal(PartnerRefusal.REDIRECT_MALFORMED))
    if _locked(partner_id) is None:
        return PartnerOutcome(None, Refusal(PartnerRefusal.PARTNER_UNKNOWN))
    _, is_new = RedirectUri.objects.get_or_create(
        partner_id=partner_id, uri=uri, is_sandbox=is_sandbox, defaults={"registered_at": at}
    )
    return PartnerOutcome(partner_id, repeated=not is_new)


def remove_redirect(*, partner_id: int, redirect_id: int) -> PartnerOutcome:
    """Nobody is sent there any more, not even by a request that is under way. Refused: one that is not registered."""
    removed, _ = RedirectUri.objects.filter(partner=partner_id, pk=redirect_id).delete()
    return PartnerOutcome(partner_id, None if removed else Refusal(PartnerRefusal.REDIRECT_UNKNOWN))


def _locked(partner_id: int) -> Partner | None:
    return Partner.objects.select_for_update(no_key=True).filter(pk=partner_id).order_by("pk").first()


def _refusal_of_new(code: str, name: str, kind: str) -> Refusal | None:
    if not _CODE.fullmatch(code):
        return Refusal(PartnerRefusal.PARTNER_CODE_MALFORMED, {"value": shown(code)})
    if not name:
        return Refusal(PartnerRefusal.PARTNER_NAME_EMPTY)
    if len(name) > NAME_LIMIT_COUNT:
        values = {"length_count": len(name), "limit_count": NAME_LIMIT_COUNT}
        return Refusal(PartnerRefusal.PARTNER_NAME_TOO_LONG, values)
    if not is_readable(name):
        return Refusal(PartnerRefusal.PARTNER_NAME_UNREADABLE)
    return None if kind in Partner.Kind.values else Refusal(PartnerRefusal.PARTNER_KIND_UNKNOWN)


def _refusal_of_reason(reason: str) -> Refusal | None:
    if not reason:
        return Refusal(PartnerRefusal.SUSPENSION_REASON_EMPTY)
    if len(reason) > REASON_LIMIT_COUNT:
        values = {"length_count": len(reason), "limit_count": REASON_LIMIT_COUNT}
        return Refusal(PartnerRefusal.SUSPENSION_REASON_TOO_LONG, values)
    return None if is_readable(reason) else Refusal(PartnerRefusal.SUSPENSION_REASON_UNREADABLE)


def _is_redirect(uri: str, is_sandbox: bool) -> bool:
    if not uri.isascii() or not uri.isprintable() or " " in uri or "\\" in uri or not 0 < len(uri) <= URI_LIMIT_COUNT:
        return False
    try:
        parts = urlsplit(uri)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return False
    if "#" in uri or "@" in parts.netloc or not _HOST.fullmatch(host) or (port is not None and port == 0):
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and is_sandbox and host in _OWN_MACHINE)
