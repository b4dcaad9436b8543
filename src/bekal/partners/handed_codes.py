"""What a redeem code that an institution was handed says to that institution, and why it may say nothing."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import connection

from bekal.core.refusal import Refusal
from bekal.core.rules import RULES
from bekal.ledger.clock import JAKARTA, programme_day
from bekal.partners.refusals import CallRefusal
from bekal.purchases.models import Purchase
from bekal.purchases.redeem_codes import normalised, redeem_code_hash

# What costs budget: the code is nobody's, or not the caller's.
MISSES = frozenset({CallRefusal.CODE_NOT_FOUND, CallRefusal.CODE_ELSEWHERE})


@dataclass(frozen=True, slots=True)
class HandedCode:
    """One purchase as far as the institution that was handed its code needs it; nothing about its buyer."""

    purchase_id: int
    participation_id: int = field(repr=False)
    institution_id: int
    training_code: str
    title: str
    mode: str
    session_count: int
    platform_code: str
    bought_at: datetime
    redeemed_at: datetime | None
    ended_at: datetime | None
    ending: str
    revoked_at: datetime | None
    first_starts_at: datetime | None


HANDED_SQL = """
SELECT purchase.id, purchase.participation_id, training.institution_id, training.code, training.title, training.mode,
       training.session_count, coalesce(platform.code, ''), purchase.bought_at, purchase.redeemed_at,
       purchase.ended_at, purchase.ending, participation.revoked_at, session.starts_at
FROM purchases_redeemcodedirectory directory
JOIN purchases_purchase purchase ON purchase.id = directory.purchase_id
JOIN catalogue_training training ON training.id = purchase.training_id
JOIN participants_participation participation ON participation.id = purchase.participation_id
LEFT JOIN catalogue_platform platform ON platform.id = training.platform_id
LEFT JOIN catalogue_session session ON session.training_id = training.id AND session.sequence = 1
WHERE directory.code_hash = %s
"""


def handed_code(*, redeem_code: str, institution_id: int | None) -> HandedCode | Refusal:
    """The purchase of a code as it was typed, for the institution whose training it is; else why not (`MISSES`)."""
    code = normalised(redeem_code)
    if code is None:
        return Refusal(CallRefusal.CODE_NOT_FOUND)
    with connection.cursor() as cursor:
        cursor.execute(HANDED_SQL, [redeem_code_hash(code)])
        row = cursor.fetchone()
    if row is None:
        return Refusal(CallRefusal.CODE_NOT_FOUND)
    handed = HandedCode(*row)
    return handed if handed.institution_id == institution_id else Refusal(CallRefusal.CODE_ELSEWHERE)


def refusal_of_cancelled(handed: HandedCode) -> Refusal | None:
    """Nothing more is done with a code whose purchase was refunded (the transaction is cancelled), or which ended
    early or belongs to a place that was taken back (the code is cancelled)."""
    if handed.ended_at is not None and handed.ending == Purchase.Ending.REFUNDED:
        return Refusal(CallRefusal.TRANSACTION_CANCELLED, {"ended_on": programme_day(handed.ended_at)})
    if handed.ended_at is not None or handed.revoked_at is not None:
        return Refusal(CallRefusal.CODE_CANCELLED)
    return None


def refusal_of_sequence(handed: HandedCode, sequence: int) -> Refusal | None:
    """Whether the training has a session of this number."""
    if 1 <= sequence <= handed.session_count:
        return None
    values = {"sequence": sequence, "session_count": handed.session_count}
    return Refusal(CallRefusal.SEQUENCE_OUT_OF_RANGE, values)


def refusal_of_window(handed: HandedCode, *, at: datetime) -> Refusal | None:
    """A training whose first session has a date is redeemed around its start only, by the rule of the day on which it
    is tried. Source: `core/rules/redemption.yaml`."""
    if handed.first_starts_at is None:
        return None
    on = programme_day(at)
    opens_at = handed.first_starts_at - timedelta(minutes=RULES.value("redemption_minutes_before_start_count", on))
    closes_at = handed.first_starts_at + timedelta(minutes=RULES.value("redemption_minutes_after_start_count", on))
    if opens_at <= at <= closes_at:
        return None
    opens, closes = (f"{instant.astimezone(JAKARTA):%Y-%m-%d %H:%M}" for instant in (opens_at, closes_at))
    return Refusal(CallRefusal.OUTSIDE_WINDOW, {"opens_at_text": opens, "closes_at_text": closes})


@dataclass(frozen=True, slots=True)
class SessionOfCode:
    """One session of the code's training, as far as it has a date, and whether it is attended: the institution says so
    and the participant does not deny it, or the programme has decided it. Of each the newest revision speaks."""

    sequence: int
    starts_at: datetime | None
    ends_at: datetime | None
    is_attended: bool


SESSION_SQL = """
SELECT session.starts_at, session.ends_at,
       coalesce(said.programme, said.institution AND coalesce(said.participant, true), false)
FROM purchases_purchase purchase
LEFT JOIN catalogue_session session
    ON session.training_id = purchase.training_id AND session.sequence = %(sequence)s
CROSS JOIN LATERAL (
    SELECT bool_or(holds) FILTER (WHERE source = 'programme') AS programme,
           bool_or(holds) FILTER (WHERE source = 'institution') AS institution,
           bool_or(holds) FILTER (WHERE source = 'participant') AS participant
    FROM (SELECT DISTINCT ON (source) source, holds FROM purchases_evidence
          WHERE purchase_id = purchase.id AND piece = 'attendance' AND sequence = %(sequence)s
          ORDER BY source, revision DESC, id DESC) newest
) said
WHERE purchase.id = %(purchase_id)s
"""


def session_of_code(handed: HandedCode, *, sequence: int) -> SessionOfCode:
    """The session of this number (1, 2, …) of a code's training."""
    with connection.cursor() as cursor:
        cursor.execute(SESSION_SQL, {"sequence": sequence, "purchase_id": handed.purchase_id})
        return SessionOfCode(sequence, *cursor.fetchone())
