"""Reads of what reconciliation waits for: figures by piece, side, institution and age, and the purchases behind."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django.db import connection

from bekal.purchases.models import ReconciliationDay

# The fewest days of each band but the first: 0-3, 4-7, 8-14, 15-30, more than 30.
AGE_BANDS = (0, 4, 8, 15, 31)
ROWS_AT_ONCE = 2_000

FIGURES_SQL = """
SELECT standing, piece, owed_by, width_bucket(%(on)s::date - since_on, %(bands)s::integer[]) AS band,
       count(*), count(*) FILTER (WHERE due_on < %(on)s), min(since_on)
FROM purchases_reconciliationstanding GROUP BY 1, 2, 3, 4 ORDER BY 1 DESC, 2, 3, 4
"""
INSTITUTIONS_SQL = """
SELECT stood.institution_id, institution.name, stood.institution_count, stood.participant_count,
       stood.conflicting_count, stood.overdue_count, stood.oldest_on, coalesce(matched.matched_count, 0)
FROM (
    SELECT institution_id, count(*) FILTER (WHERE by_institution) AS institution_count,
           count(*) FILTER (WHERE by_participant) AS participant_count,
           count(*) FILTER (WHERE is_contested) AS conflicting_count,
           count(*) FILTER (WHERE is_overdue) AS overdue_count, min(oldest_on) AS oldest_on
    FROM (
        SELECT institution_id, bool_or(owed_by = 'institution') AS by_institution,
               bool_or(owed_by = 'participant') AS by_participant, bool_or(owed_by = 'programme') AS is_contested,
               bool_or(owed_by = 'institution' AND due_on < %(on)s) AS is_overdue, min(since_on) AS oldest_on
        FROM purchases_reconciliationstanding GROUP BY institution_id, purchase_id
    ) purchase GROUP BY institution_id
) stood
JOIN catalogue_institution institution ON institution.id = stood.institution_id
LEFT JOIN (
    SELECT training.institution_id, sum(released.purchase_count)::bigint AS matched_count
    FROM (SELECT training_id, count(*) AS purchase_count FROM purchases_purchase
          WHERE reconciled_at > %(matched_from)s::date GROUP BY training_id) released
    JOIN catalogue_training training ON training.id = released.training_id GROUP BY 1
) matched ON matched.institution_id = stood.institution_id
ORDER BY stood.overdue_count DESC, stood.institution_count DESC, stood.institution_id LIMIT %(limit)s
"""
WAITING_SQL = """
SELECT stood.id, stood.purchase_id, purchase.participation_id, participant.full_name, stood.institution_id,
       institution.name, training.title, stood.piece, stood.owed_by, stood.kind, stood.piece_count, stood.since_on,
       stood.due_on
FROM purchases_reconciliationstanding stood
JOIN purchases_purchase purchase ON purchase.id = stood.purchase_id
JOIN catalogue_training training ON training.id = purchase.training_id
JOIN catalogue_institution institution ON institution.id = stood.institution_id
JOIN participants_participation participation ON participation.id = purchase.participation_id
JOIN participants_participant participant ON participant.id = participation.participant_id
WHERE (%(piece)s::text IS NULL OR stood.piece = %(piece)s)
  AND (%(owed_by)s::text IS NULL OR stood.owed_by = %(owed_by)s)
  AND (%(institution_id)s::bigint IS NULL OR stood.institution_id = %(institution_id)s)
  AND (%(band)s::integer IS NULL OR width_bucket(%(on)s::date - stood.since_on, %(bands)s::integer[]) = %(band)s)
  AND (NOT %(overdue)s OR stood.due_on < %(on)s)
  AND (%(after_on)s::date IS NULL OR (stood.due_on, stood.id) > (%(after_on)s, %(after_id)s))
ORDER BY stood.due_on, stood.id LIMIT %(limit)s
"""


@dataclass(frozen=True, slots=True)
class StandingFigure:
    """So many purchases wait for one piece of one side since about as long; `band` counts from 1 in `AGE_BANDS`."""

    standing: str
    piece: str
    owed_by: str
    band: int
    purchase_count: int
    overdue_count: int
    oldest_on: date


@dataclass(frozen=True, slots=True)
class InstitutionFigure:
    """Purchases of one institution by whose turn it is; `overdue_count`: of those it owes; `matched_count`: released in
    the last 30 days."""

    institution_id: int
    name: str
    institution_count: int
    participant_count: int
    conflicting_count: int
    overdue_count: int
    oldest_on: date
    matched_count: int


@dataclass(frozen=True, slots=True)
class WaitingPiece:
    """One piece (or a conflict about it) that one purchase waits for."""

    standing_id: int
    purchase_id: int
    participation_id: int
    full_name: str = field(repr=False)
    institution_id: int
    institution_name: str
    title: str
    piece: str
    owed_by: str
    kind: str
    piece_count: int
    since_on: date
    due_on: date


@dataclass(frozen=True, slots=True)
class Choice:
    """Which waiting pieces; None is any. `band` as in `StandingFigure`."""

    piece: str | None = None
    owed_by: str | None = None
    institution_id: int | None = None
    band: int | None = None
    overdue: bool = False

    def values(self, on: date) -> dict[str, Any]:
        return {
            "piece": self.piece,
            "owed_by": self.owed_by,
            "institution_id": self.institution_id,
            "band": self.band,
            "overdue": self.overdue,
            "on": on,
            "bands": list(AGE_BANDS),
        }


def standing_figures(*, on: date) -> tuple[StandingFigure, ...]:
    """What waits on a day, by piece, side and age."""
    return tuple(StandingFigure(*row) for row in _rows(FIGURES_SQL, {"on": on, "bands": list(AGE_BANDS)}))


def institution_figures(*, on: date, matched_from: date, limit: int) -> tuple[InstitutionFigure, ...]:
    """Institutions with something waiting, those with most overdue first."""
    values = {"on": on, "matched_from": matched_from, "limit": limit}
    return tuple(InstitutionFigure(*row) for row in _rows(INSTITUTIONS_SQL, values))


def waiting_pieces(
    choice: Choice, *, on: date, after: tuple[date, int] | None = None, limit: int
) -> tuple[WaitingPiece, ...]:
    """Those chosen, what is due first in front, after one (due on, number)."""
    after_on, after_id = after or (None, 0)
    values = {**choice.values(on), "after_on": after_on, "after_id": after_id, "limit": limit}
    return tuple(WaitingPiece(*row) for row in _rows(WAITING_SQL, values))


def every_waiting_piece(choice: Choice, *, on: date) -> Iterator[WaitingPiece]:
    """All of them, read from the database a few thousand at a time."""
    values = {**choice.values(on), "after_on": None, "after_id": 0, "limit": None}
    with connection.chunked_cursor() as cursor:
        cursor.execute(WAITING_SQL, values)
        while rows := cursor.fetchmany(ROWS_AT_ONCE):
            yield from (WaitingPiece(*row) for row in rows)


def trend(*, days_limit: int) -> tuple[ReconciliationDay, ...]:
    """The last days that were swept, oldest first."""
    return tuple(reversed(ReconciliationDay.objects.order_by("-counted_on")[:days_limit]))


def _rows(sql: str, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return list(cursor.fetchall())
