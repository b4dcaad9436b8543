"""What xAPI statements prove together: a function of the set of them, in whatever order they came and were voided.

A voided statement counts as if nobody had said it (xAPI 1.0.3 and 2.0, “voided”). What it proved is taken back by a
higher revision, and what is proven again afterwards by one more: so the last claim of the set is always the highest.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from bekal.core.statements import WHOLE_PERCENT, Piece
from bekal.core.xapi import MoveOn, Verb

WHOLE = 0
"""The sequence of what was said of the whole course."""
_COUNTING = frozenset({Verb.COMPLETED, Verb.PASSED})
# Of a progress every percentage is a revision, so one that is taken back is higher than all of them.
_PROGRESS_STEP = WHOLE_PERCENT + 2


@dataclass(frozen=True, slots=True)
class Taken:
    """One statement that was taken: of which session (`WHOLE`: the course), whether it `counts` towards `moveOn`, and
    which other one it `voids`."""

    statement_id: UUID
    verb: Verb
    sequence: int
    counts: bool
    percent: int | None
    happened_at: datetime
    voids: UUID | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """What is proven, or (`holds` False) was and is not any more; as a message of evidence says it."""

    piece: Piece
    sequence: int
    holds: bool
    percent: int | None
    happened_at: datetime | None
    revision: int


def claims_of(taken: Collection[Taken], *, move_ons: Sequence[MoveOn], is_registered: bool) -> frozenset[Claim]:
    """What these statements of one purchase and one speaker prove, of a course with these units, a session each.

    Without a registered course, whoever completed or passed the whole has completed it."""
    voided = frozenset(each.voids for each in taken if each.voids is not None)
    claims = []
    for number, move_on in enumerate(move_ons, start=1):
        said = [each for each in taken if each.sequence == number and _counts(each)]
        claims.append(_claim(Piece.ATTENDANCE, number, said, voided, move_on.met_at))
    whole = [
        each
        for each in taken
        if each.sequence == WHOLE and (each.verb is Verb.SATISFIED or (_counts(each) and not is_registered))
    ]
    claims.append(_claim(Piece.COMPLETION, 1, whole, voided, _first))
    seen = [each for each in taken if each.percent is not None and (each.sequence == WHOLE or len(move_ons) == 1)]
    claims.append(_progress(seen, voided))
    return frozenset(claim for claim in claims if claim is not None)


def _counts(each: Taken) -> bool:
    return each.counts and each.verb in _COUNTING


def _first(said: dict[Verb, datetime]) -> datetime | None:
    return min(said.values(), default=None)


def _claim(
    piece: Piece,
    number: int,
    said: Sequence[Taken],
    voided: frozenset[UUID],
    met_at: Callable[[dict[Verb, datetime]], datetime | None],
) -> Claim | None:
    first: dict[Verb, datetime] = {}
    voided_count = 0
    for each in said:
        if each.statement_id in voided:
            voided_count += 1
        else:
            first[each.verb] = min(each.happened_at, first.get(each.verb, each.happened_at))
    at = met_at(first)
    if at is not None:
        return Claim(piece, number, True, None, at, 2 * voided_count + 1)
    return Claim(piece, number, False, None, None, 2 * voided_count) if voided_count else None


def _progress(said: Sequence[Taken], voided: frozenset[UUID]) -> Claim | None:
    """The furthest speaks, in whatever order the statements arrive."""
    live = [each for each in said if each.statement_id not in voided]
    begin = _PROGRESS_STEP * (len(said) - len(live))
    furthest = max((each.percent for each in live if each.percent is not None), default=None)
    if furthest is None:
        return Claim(Piece.PROGRESS, 1, False, None, None, begin) if begin else None
    at = min(each.happened_at for each in live if each.percent == furthest)
    return Claim(Piece.PROGRESS, 1, True, furthest, at, begin + furthest + 1)
