"""The state of evidence: a function of the set of statements, which explains each piece."""

import random
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bekal.core.evidence import (
    MAY_SAY,
    CaseKind,
    EvidenceState,
    Piece,
    PieceState,
    Source,
    Standing,
    Statement,
    state_of,
)
from bekal.core.rules import RULES

REDEEMED_ON = date(2020, 3, 3)
SCHEME, CONFIRMING = RULES.scheme(date(2020, 2, 1)), RULES.scheme(date(2023, 2, 1))
INSTITUTION, PARTICIPANT, PLATFORM, PROGRAMME = (
    Source.INSTITUTION,
    Source.PARTICIPANT,
    Source.PLATFORM,
    Source.PROGRAMME,
)
ATTENDANCE, COMPLETION = Piece.ATTENDANCE, Piece.COMPLETION


def state(*said: Statement, scheme: Any = SCHEME, is_live: bool = False, **facts: Any) -> EvidenceState:
    return state_of(said, scheme=scheme, is_live=is_live, **{"session_count": 2, "redeemed_on": REDEEMED_ON} | facts)


def piece_of(found: EvidenceState, piece: Piece, sequence: int = 1, source: Source | None = None) -> PieceState:
    return next(
        each
        for each in found.pieces
        if (each.piece, each.sequence) == (piece, sequence) and source in (None, each.owed_by)
    )


def learnt(*, on: date | None = None) -> list[Statement]:
    return [
        Statement(INSTITUTION, ATTENDANCE, 1, happened_on=on),
        Statement(INSTITUTION, ATTENDANCE, 2, happened_on=on),
        Statement(INSTITUTION, COMPLETION, happened_on=on),
    ]


REVIEWED = [Statement(PARTICIPANT, Piece.RATING), Statement(PARTICIPANT, Piece.REVIEW)]


@st.composite
def statements(draw: st.DrawFn) -> Statement:
    source = draw(st.sampled_from(Source))
    piece = draw(st.sampled_from(sorted(MAY_SAY[source])))
    return Statement(
        source,
        piece,
        draw(st.integers(1, 3)) if piece is ATTENDANCE else 1,
        draw(st.booleans()),
        draw(st.none() | st.integers(0, 100)) if piece in (COMPLETION, Piece.PROGRESS) else None,
        draw(st.none() | st.dates(REDEEMED_ON, REDEEMED_ON + timedelta(days=9))),
        draw(st.integers(1, 3)),
    )


@given(st.lists(statements(), max_size=12), st.randoms(use_true_random=False), st.booleans())
def test_order_and_repetition_make_no_difference(said: list[Statement], rng: random.Random, is_live: bool) -> None:
    again = [*said, *rng.choices(said, k=3)] if said else []
    rng.shuffle(again)
    found = state(*said, scheme=CONFIRMING, is_live=is_live)
    assert found == state(*again, scheme=CONFIRMING, is_live=is_live)
    assert found.is_releasable == (all(piece.is_present for piece in found.pieces))
    assert not (found.is_releasable and (found.conflict or not found.is_completed))
    assert set(found.proven) <= set(found.attended) <= {1, 2}


def test_a_missing_session_says_who_owes_it_since_when_and_until_when() -> None:
    found = state(Statement(INSTITUTION, ATTENDANCE, 1))
    assert piece_of(found, ATTENDANCE, 2) == PieceState(
        ATTENDANCE, 2, INSTITUTION, Standing.MISSING, date(2020, 3, 3), date(2020, 3, 6)
    )
    assert piece_of(found, COMPLETION).since_on is None  # not its turn yet
    dated = state(session_days={2: date(2020, 3, 20)})
    assert piece_of(dated, ATTENDANCE, 2).due_on == date(2020, 3, 23)


def test_a_completion_waits_for_its_attendance_and_then_counts() -> None:
    first, second, completion = learnt()
    assert not state(completion, first).is_completed
    assert state(completion, first, second).is_completed


def test_the_highest_revision_of_a_source_speaks() -> None:
    back = Statement(INSTITUTION, ATTENDANCE, 2, holds=False, revision=2)
    found = state(*learnt(), back)
    assert (found.attended, found.conflict, piece_of(found, ATTENDANCE, 2).is_denied) == ((1,), None, True)
    assert state(*learnt(), back, Statement(INSTITUTION, ATTENDANCE, 2, revision=3)).is_completed


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        (Statement(INSTITUTION, ATTENDANCE, 2, holds=False), CaseKind.CONTRADICTION),
        (Statement(PARTICIPANT, ATTENDANCE, 2, holds=False), CaseKind.DISAGREEMENT),
        (Statement(PLATFORM, COMPLETION, percent=60), CaseKind.DISAGREEMENT),
        (Statement(PLATFORM, Piece.PROGRESS, percent=60), CaseKind.PROGRESS_BELOW),
    ],
)
def test_what_does_not_agree_is_a_conflict_that_the_programme_decides(said: Statement, kind: CaseKind) -> None:
    found = state(*learnt(), *REVIEWED, said)
    assert (found.conflict, found.is_releasable, found.is_completed) == (kind, False, False)
    contested = next(piece for piece in found.pieces if piece.kind)
    assert (contested.owed_by, contested.due_on) == (PROGRAMME, REDEEMED_ON + timedelta(days=7))
    piece = COMPLETION if said.piece is Piece.PROGRESS else said.piece
    decided = state(*learnt(), *REVIEWED, said, Statement(PROGRAMME, piece, said.sequence))
    assert (decided.conflict, decided.is_releasable, decided.is_decided) == (None, True, True)
    refused = state(*learnt(), *REVIEWED, said, Statement(PROGRAMME, piece, said.sequence, holds=False))
    assert (refused.conflict, refused.is_releasable) == (None, False)


def test_progress_only_grows_within_a_revision_and_a_partial_completion_is_none() -> None:
    said = [Statement(PLATFORM, Piece.PROGRESS, percent=each) for each in (40, 100, 80)]
    assert state(*learnt(), *said).progress_percent == 100
    assert state(*learnt(), *said).is_completed
    partial = [*learnt()[:2], Statement(INSTITUTION, COMPLETION, percent=60)]
    found = piece_of(state(*partial), COMPLETION)
    assert (found.standing, found.percent, found.is_denied) == (Standing.MISSING, 60, True)


def test_from_2023_the_participant_confirms_each_session_of_a_live_training() -> None:
    found = state(
        *learnt(on=date(2023, 3, 4)), *REVIEWED, scheme=CONFIRMING, is_live=True, redeemed_on=date(2023, 3, 3)
    )
    own = piece_of(found, ATTENDANCE, 2, PARTICIPANT)
    assert (own.standing, own.since_on, own.due_on) == (Standing.MISSING, date(2023, 3, 4), date(2023, 3, 18))
    assert (found.is_completed, found.is_releasable, found.proven) == (True, False, (1, 2))
    confirmed = [Statement(PARTICIPANT, ATTENDANCE, number) for number in (1, 2)]
    assert state(*learnt(), *REVIEWED, *confirmed, scheme=CONFIRMING, is_live=True).is_releasable


def test_a_contested_session_is_not_paid_for_and_one_of_another_training_says_nothing() -> None:
    found = state(*learnt(), Statement(PARTICIPANT, ATTENDANCE, 1, holds=False), Statement(INSTITUTION, ATTENDANCE, 9))
    assert (found.proven, found.denied) == ((2,), (1,))


def test_what_is_taken_back_after_the_money_moved_is_a_case() -> None:
    found = state(*learnt(), *REVIEWED, Statement(INSTITUTION, COMPLETION, holds=False, revision=2))
    assert found.case_kind(is_reconciled=False) is None
    assert found.case_kind(is_reconciled=True) is CaseKind.TAKEN_BACK
