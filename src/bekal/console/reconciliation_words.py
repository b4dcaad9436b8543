"""What purchases and people wait for, and whose turn it is, in words."""

from datetime import date
from typing import NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

from bekal.core.evidence import Piece
from bekal.incentives.finished_unpaid import Reason, Side
from bekal.purchases.models import Evidence, ReconciliationStanding
from bekal.purchases.queries import PurchaseLine

Words = Promise | str
PIECES: dict[str, Words] = dict(Evidence.Piece.choices)
OWED_BY: dict[str, Words] = dict(ReconciliationStanding.OwedBy.choices)
REASONS: dict[str, Words] = {
    Reason.HELD: gettext_lazy("held by an alarm"),
    Reason.CONFLICT: gettext_lazy("the sides disagree"),
    Reason.ATTENDANCE: gettext_lazy("attendance is missing"),
    Reason.COMPLETION: gettext_lazy("completion is missing"),
    Reason.RATING: gettext_lazy("rating is missing"),
    Reason.REVIEW: gettext_lazy("review is missing"),
    Reason.TO_RECONCILE: gettext_lazy("complete, released with the next round"),
    Reason.TO_ENTITLE: gettext_lazy("released, earned with the next round"),
    Reason.NO_ACCOUNT: gettext_lazy("no payout account"),
    Reason.ACCOUNT_NOT_VERIFIED: gettext_lazy("payout account not verified"),
    Reason.ACCOUNT_CHANGED: gettext_lazy("payout account changed, waits 72 hours"),
    Reason.ACCOUNT_FAILED: gettext_lazy("the bank or wallet cannot pay to this account"),
    Reason.PAYMENT_DAY: gettext_lazy("the payment day has not come"),
    Reason.TO_PLAN: gettext_lazy("due, on no list yet"),
    Reason.TO_APPROVE: gettext_lazy("on a list that waits for approval"),
    Reason.TO_SEND: gettext_lazy("approved, not sent"),
    Reason.SENT: gettext_lazy("sent, the partner has not answered"),
    Reason.ENDED: gettext_lazy("ended without all evidence"),
    Reason.REVOKED: gettext_lazy("place lost before it was released"),
    Reason.CLAWED_BACK: gettext_lazy("asked back, not owed any more"),
}
SIDES: dict[str, Words] = {
    Side.PARTICIPANT: gettext_lazy("participant"),
    Side.INSTITUTION: gettext_lazy("training institution"),
    Side.PROGRAMME: gettext_lazy("programme office"),
    Side.PARTNER: gettext_lazy("payment partner"),
    Side.WORKER: gettext_lazy("background worker"),
    Side.CALENDAR: gettext_lazy("nobody: the day has not come"),
    Side.NOBODY: gettext_lazy("nobody any more"),
}


class Owed(NamedTuple):
    """One thing a purchase waits for now: the piece (of sessions those that stand alike), whose turn, since, until."""

    piece: Words
    sessions: tuple[int, ...]
    side: Words
    is_contested: bool
    since_on: date
    due_on: date


def owed_in_words(line: PurchaseLine) -> tuple[Owed, ...]:
    """What a purchase waits for, in the order of its pieces; what is nobody's turn yet is left out."""
    alike: dict[Owed, list[int]] = {}
    for state in line.owed:
        if state.since_on is not None and state.due_on is not None:
            sides = OWED_BY[state.owed_by.value]
            key = Owed(PIECES[state.piece.value], (), sides, state.kind is not None, state.since_on, state.due_on)
            alike.setdefault(key, []).extend([state.sequence] if state.piece is Piece.ATTENDANCE else [])
    return tuple(key._replace(sessions=tuple(sessions)) for key, sessions in alike.items())
