"""What an institution still owes: each missing piece of the purchases redeemed there, since when, and until when."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime

from django.db import connection

from bekal.catalogue.models import Session
from bekal.core.evidence import PieceState, Source, Standing, state_of
from bekal.core.rules import RULES
from bekal.ledger.clock import programme_day
from bekal.purchases.evidence_intake import LIVE_MODES, Content
from bekal.purchases.evidence_sql import STATE_SQL
from bekal.purchases.models import Evidence

# Purchases whose teaching side has not proven all of it; one training after the other, as in every list of them.
OWING_SQL = f"""
SELECT purchase.id, training.id, training.code, training.session_count, training.mode, participation.accepted_on,
       purchase.redeemed_at
FROM purchases_purchase purchase
JOIN catalogue_training training ON training.id = purchase.training_id
JOIN participants_participation participation ON participation.id = purchase.participation_id
CROSS JOIN {STATE_SQL}
WHERE training.institution_id = %(institution_id)s AND purchase.redeemed_at IS NOT NULL
  AND purchase.ended_at IS NULL AND purchase.reconciled_at IS NULL AND NOT proof.is_taught
  AND training.id >= %(after_training_id)s
  AND (training.id, purchase.id) > (%(after_training_id)s, %(after_id)s)
ORDER BY training.id, purchase.id LIMIT %(limit)s
"""
_SAID = ("piece", "source", "sequence", "revision", "holds", "percent", "happened_at", "reason")


@dataclass(frozen=True, slots=True)
class Owing:
    """One purchase that is not proven by its institution yet, with the pieces that the institution owes now or will."""

    purchase_id: int
    training_id: int
    training_code: str
    pieces: tuple[PieceState, ...]


@dataclass(frozen=True, slots=True)
class _Found:
    purchase_id: int
    training_id: int
    training_code: str
    session_count: int
    mode: str
    accepted_on: date
    redeemed_at: datetime


def owed_by_institution(*, institution_id: int, after: tuple[int, int] = (0, 0), limit: int) -> tuple[Owing, ...]:
    """By training, then by the purchases' numbers, after one (training, purchase). A piece that is contested is the
    programme's to decide, and not among them: a purchase may be here without a piece."""
    values = {
        "institution_id": institution_id,
        "after_training_id": after[0],
        "after_id": after[1],
        "limit": limit,
    }
    with connection.cursor() as cursor:
        cursor.execute(OWING_SQL, values)
        found = [_Found(*row) for row in cursor.fetchall()]
    said, days = _said({each.purchase_id for each in found}), _days({each.training_id for each in found})
    return tuple(_owing(each, said.get(each.purchase_id, []), days.get(each.training_id, {})) for each in found)


def _said(purchase_ids: Collection[int]) -> dict[int, list[Content]]:
    said: dict[int, list[Content]] = {}
    for purchase_id, *content in (
        Evidence.objects.filter(purchase_id__in=purchase_ids).order_by("id").values_list("purchase_id", *_SAID)
    ):
        said.setdefault(purchase_id, []).append(Content(*content))
    return said


def _days(training_ids: Collection[int]) -> dict[int, dict[int, date]]:
    days: dict[int, dict[int, date]] = {}
    rows = Session.objects.filter(training_id__in=training_ids).order_by("id")
    for training_id, sequence, starts_at in rows.values_list("training_id", "sequence", "starts_at"):
        days.setdefault(training_id, {})[sequence] = programme_day(starts_at)
    return days


def _owing(found: _Found, said: Collection[Content], days: dict[int, date]) -> Owing:
    state = state_of(
        [content.statement() for content in said],
        scheme=RULES.scheme(found.accepted_on),
        is_live=found.mode in LIVE_MODES,
        session_count=found.session_count,
        redeemed_on=programme_day(found.redeemed_at),
        session_days=days,
    )
    pieces = tuple(
        piece for piece in state.pieces if piece.standing is Standing.MISSING and piece.owed_by is Source.INSTITUTION
    )
    return Owing(found.purchase_id, found.training_id, found.training_code, pieces)
