"""`ask_for_attendance`, `confirm_attendance`: the participant is sent to us, confirms one session, and is sent back."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from urllib.parse import urlencode, urlsplit, urlunsplit

from django.db import transaction

from bekal.accounts.privacy import blind
from bekal.catalogue.models import Session
from bekal.core.evidence import Piece, Source
from bekal.partners.models import AttendanceRequest, PartnerKey, RedirectUri
from bekal.partners.world import World, world_of
from bekal.purchases.models import Evidence
from bekal.purchases.record_evidence import Message, Speaker, record_evidence

# Long enough to sign in and look; a link that lies around is worth nothing.
LASTS = timedelta(hours=1)


class Standing(StrEnum):
    """How a request stands for whoever opens it."""

    OPEN = "open"
    CONFIRMED = "confirmed"
    EXPIRED = "expired"
    SOMEBODY_ELSES = "somebody_elses"
    # The redirect was taken back, the key ended, or the purchase did.
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as its page shows it. `return_url` has the state, and is there only where the person is the one."""

    standing: Standing
    is_sandbox: bool
    title: str = ""
    institution_name: str = ""
    sequence: int = 1
    session_count: int = 1
    starts_at: datetime | None = None
    place: str = ""
    return_url: str = field(default="", repr=False)

    @property
    def return_host(self) -> str:
        """Where the person is sent back to, as people read it."""
        return urlsplit(self.return_url).netloc

    @property
    def return_origin(self) -> str:
        """The same as a browser's policy names it."""
        parts = urlsplit(self.return_url)
        return f"{parts.scheme}://{parts.netloc}"


def ask_for_attendance(*, key_id: int, purchase_id: int, sequence: int, redirect_uri: str, at: datetime) -> str:
    """The state of a new request: single-use, for one hour. Called in the world of the key."""
    state = f"{key_id}-{secrets.token_urlsafe(32)}"
    AttendanceRequest.objects.create(
        key_id=key_id,
        state_hash=blind("attendance-state", state),
        purchase_id=purchase_id,
        sequence=sequence,
        redirect_uri=redirect_uri,
        asked_at=at,
        expires_at=at + LASTS,
    )
    return state


def redirects_of(key: PartnerKey) -> frozenset[str]:
    """Where the key's partner may have people sent back to in that world; read outside of it."""
    registered = RedirectUri.objects.filter(partner=key.partner_id, is_sandbox=key.is_sandbox).order_by("pk")
    return frozenset(registered.values_list("uri", flat=True))


def asked_attendance(*, state: str, user_id: int | None) -> Asked | None:
    """How a request stands for a signed-in user (in the sandbox for anybody); None where there is none."""
    with _found(state) as found:
        return found and _as_asked(*found, state=state, user_id=user_id)


def confirm_attendance(*, state: str, user_id: int | None) -> Asked | None:
    """The participant confirms; the institution has said the same by asking. Recorded once, however often pressed.

    Nothing is recorded for whoever is not the buyer, nor after the request expired."""
    with _found(state, lock=True) as found:
        if found is None:
            return None
        request, key, world, uris = found
        asked = _as_asked(request, key, world, uris, state=state, user_id=user_id)
        if asked.standing is not Standing.OPEN:
            return asked
        speakers = (
            Speaker(Source.INSTITUTION, request.purchase.training.institution_id),
            Speaker(Source.PARTICIPANT, request.purchase.participation_id),
        )
        messages = [
            Message(speaker, request.purchase_id, Piece.ATTENDANCE, request.sequence, door=Evidence.Door.V1)
            for speaker in speakers
        ]
        if any(outcome.refusal is not None for outcome in record_evidence(messages=messages, at=world.at)):
            transaction.set_rollback(True)
            return Asked(Standing.CLOSED, world.is_sandbox)
        request.confirmed_at = world.at
        request.save(update_fields=["confirmed_at"])
        return _as_asked(request, key, world, uris, state=state, user_id=user_id)


Found = tuple[AttendanceRequest, PartnerKey, World, frozenset[str]]


@contextmanager
def _found(state: str, *, lock: bool = False) -> Iterator[Found | None]:
    """The request in its world, locked until the block ends if asked for."""
    number, hyphen, _ = state.partition("-")
    key = None
    if hyphen and number.isascii() and number.isdigit() and len(number) <= 18:
        key = PartnerKey.objects.select_related("partner").filter(pk=int(number)).order_by("pk").first()
    if key is None:
        yield None
        return
    uris = redirects_of(key)
    with world_of(key) as world, transaction.atomic():
        rows = AttendanceRequest.objects.select_related(
            "purchase__training__institution", "purchase__participation__participant"
        )
        if lock:
            rows = rows.select_for_update(no_key=True, of=("self",))
        request = rows.filter(state_hash=blind("attendance-state", state), key=key.pk).order_by("pk").first()
        yield None if request is None else (request, key, world, uris)


def _as_asked(
    request: AttendanceRequest,
    key: PartnerKey,
    world: World,
    uris: frozenset[str],
    *,
    state: str,
    user_id: int | None,
) -> Asked:
    purchase = request.purchase
    # Nobody signed in is not the buyer who never was given a sign-in.
    if not world.is_sandbox and (user_id is None or purchase.participation.participant.user_id != user_id):
        return Asked(Standing.SOMEBODY_ELSES, world.is_sandbox)
    is_closed = request.redirect_uri not in uris or key.revoked_at is not None or purchase.ended_at is not None
    if is_closed:
        return Asked(Standing.CLOSED, world.is_sandbox)
    if world.at > request.expires_at:
        return Asked(Standing.EXPIRED, world.is_sandbox)
    session = Session.objects.filter(training=purchase.training_id, sequence=request.sequence).order_by("pk").first()
    return Asked(
        standing=Standing.OPEN if request.confirmed_at is None else Standing.CONFIRMED,
        is_sandbox=world.is_sandbox,
        title=purchase.training.title,
        institution_name=purchase.training.institution.name,
        sequence=request.sequence,
        session_count=purchase.training.session_count,
        starts_at=session.starts_at if session else None,
        place=session.place if session else "",
        return_url=_with_state(request.redirect_uri, state),
    )


def _with_state(uri: str, state: str) -> str:
    """The registered address with the state after whatever query it has of its own."""
    parts = urlsplit(uri)
    query = "&".join(part for part in (parts.query, urlencode({"state": state})) if part)
    return urlunsplit(parts._replace(query=query))
