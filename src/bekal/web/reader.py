"""Who reads a participant's page, and how things stand for them on this day."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from django.db.models import Count
from django.http import HttpRequest

from bekal.core.rules import RULES, Scheme
from bekal.ledger.clock import programme_day, programme_now
from bekal.ledger.queries import remaining
from bekal.participants.models import Participant, Participation


class Standing(StrEnum):
    """What a participant may do with the training balance today."""

    OUTSIDE = "outside"  # never accepted
    REVOKED = "revoked"
    MISSED = "missed"  # the first purchase came too late; the place is about to be taken back
    ENDED = "ended"  # the balance could be used until a day that has passed
    FIRST = "first"  # may buy the first training
    ACTIVE = "active"  # has bought, may buy again


@dataclass(frozen=True, slots=True)
class Reader:
    """One participant at one instant. Without a participation there is no money and no scheme."""

    participant: Participant | None
    participation: Participation | None
    at: datetime
    today: date
    purchase_count: int
    balance_rupiah: int

    @property
    def scheme(self) -> Scheme | None:
        """The rules of the day of acceptance, which stay theirs."""
        return RULES.scheme(self.participation.accepted_on) if self.participation else None

    @property
    def standing(self) -> Standing:
        if self.participation is None:
            return Standing.OUTSIDE
        if self.participation.revoked_at:
            return Standing.REVOKED
        has_bought = self.purchase_count > 0 or self.participation.bought_before
        if not has_bought and self.today > self.participation.first_purchase_due_on:
            return Standing.MISSED
        if self.participation.balance_ended_at or self.today > self.participation.balance_ends_on:
            return Standing.ENDED
        return Standing.ACTIVE if has_bought else Standing.FIRST

    @property
    def may_spend(self) -> bool:
        return self.standing in (Standing.FIRST, Standing.ACTIVE)

    @property
    def days_left(self) -> int:
        """Days after today on which the balance can still be used (0: today is the last)."""
        return (self.participation.balance_ends_on - self.today).days if self.participation else 0

    @property
    def first_name(self) -> str:
        return self.participant.full_name.split()[0] if self.participant else ""


def reader_of(request: HttpRequest) -> Reader:
    """The reader of a page open to participants; three queries."""
    at, user_id = programme_now(), request.user.pk
    assert user_id is not None, "only who is signed in gets here"
    participation = (
        Participation.objects.select_related("participant", "wave")
        .annotate(purchase_count=Count("purchases"))
        .filter(participant__user_id=user_id)
        .first()
    )
    if participation is None:
        participant = Participant.objects.filter(user_id=user_id).first()
        return Reader(participant, None, at, programme_day(at), 0, 0)
    balance = remaining(owner_ids=[participation.pk]).get(participation.pk, 0)
    return Reader(
        participation.participant, participation, at, programme_day(at), participation.purchase_count, balance
    )
