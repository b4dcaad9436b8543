"""What statements prove is a function of their set: any order, any voiding, the same claims stand in the end."""

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bekal.core.statements import Piece
from bekal.core.xapi import MoveOn, Verb
from bekal.core.xapi_claims import WHOLE, Claim, Taken, claims_of

DAY = datetime(2020, 11, 19, tzinfo=UTC)
VERBS = (Verb.COMPLETED, Verb.PASSED, Verb.LAUNCHED, Verb.SATISFIED, Verb.PROGRESSED)


def said(
    number: int, verb: Verb, sequence: int = 1, *, day: int = 0, percent: int | None = None, counts: bool = True
) -> Taken:
    return Taken(UUID(int=number), verb, sequence, counts, percent, DAY + timedelta(days=day))


def void(number: int, target: int) -> Taken:
    return Taken(UUID(int=number), Verb.VOIDED, WHOLE, False, None, DAY, UUID(int=target))


def found(*taken: Taken, move_on: MoveOn = MoveOn.COMPLETED_OR_PASSED, is_registered: bool = True) -> set[Claim]:
    return set(claims_of(taken, move_ons=[move_on, MoveOn.COMPLETED], is_registered=is_registered))


def test_the_first_day_on_which_a_unit_was_done_speaks() -> None:
    assert found(said(1, Verb.PASSED, day=2), said(2, Verb.COMPLETED, day=1)) == {
        Claim(Piece.ATTENDANCE, 1, True, None, DAY + timedelta(days=1), 1)
    }
    both = found(said(1, Verb.PASSED, day=2), said(2, Verb.COMPLETED, day=1), move_on=MoveOn.COMPLETED_AND_PASSED)
    assert both == {Claim(Piece.ATTENDANCE, 1, True, None, DAY + timedelta(days=2), 1)}


def test_what_does_not_count_or_is_not_all_proves_nothing() -> None:
    assert found(said(1, Verb.COMPLETED, counts=False), said(2, Verb.LAUNCHED), said(3, Verb.PASSED, WHOLE)) == set()
    assert found(said(1, Verb.PASSED), move_on=MoveOn.NOT_APPLICABLE) == set()
    assert found(said(1, Verb.PASSED, WHOLE), is_registered=False) == {Claim(Piece.COMPLETION, 1, True, None, DAY, 1)}


def test_what_is_voided_is_taken_back_and_can_be_proven_again() -> None:
    done, taken_back = said(1, Verb.COMPLETED), void(2, 1)
    assert found(done, taken_back) == {Claim(Piece.ATTENDANCE, 1, False, None, None, 2)}
    again = said(3, Verb.PASSED, day=4)
    assert found(done, taken_back, again) == {Claim(Piece.ATTENDANCE, 1, True, None, DAY + timedelta(days=4), 3)}
    assert found(done, again, taken_back, void(4, 3)) == {Claim(Piece.ATTENDANCE, 1, False, None, None, 4)}
    # Nobody voids what voids, and what was never said is not taken back.
    assert found(done, taken_back, void(5, 2)) == found(done, taken_back)
    assert found(void(2, 1)) == set()


@pytest.mark.parametrize("left", [0, 100])
def test_a_progress_that_is_voided_leaves_the_furthest_of_the_others(left: int) -> None:
    furthest, other = said(1, Verb.PROGRESSED, WHOLE, percent=100), said(2, Verb.PROGRESSED, WHOLE, percent=left)
    before = found(furthest) | found(furthest, other)
    (after,) = found(furthest, other, void(3, 1))
    (none,) = found(furthest, other, void(3, 1), void(4, 2))
    assert (after.percent, after.holds, none.holds) == (left, True, False)
    assert max(claim.revision for claim in before) < after.revision < none.revision


STATEMENTS = st.lists(
    st.tuples(st.sampled_from(VERBS), st.integers(0, 2), st.integers(0, 5), st.sampled_from([None, 0, 40, 100])),
    min_size=1,
    max_size=7,
)


def told(order: Sequence[Taken], move_on: MoveOn) -> set[Claim]:
    """What was ever claimed, statement by statement as they arrive."""
    ever: set[Claim] = set()
    for number in range(len(order)):
        ever |= found(*order[: number + 1], move_on=move_on)
    return ever


def standing(claims: set[Claim]) -> set[tuple[object, ...]]:
    """Of each matter the highest revision, and of that the first day: as the state of evidence reads them."""
    matters: dict[tuple[Piece, int], list[Claim]] = {}
    for claim in claims:
        matters.setdefault((claim.piece, claim.sequence), []).append(claim)
    ends = set()
    for matter, each in matters.items():
        highest = [claim for claim in each if claim.revision == max(other.revision for other in each)]
        assert len({(claim.holds, claim.percent) for claim in highest}) == 1, "one revision says two things"
        first = min((claim.happened_at for claim in highest if claim.happened_at), default=None)
        ends.add((*matter, highest[0].revision, highest[0].holds, highest[0].percent, first))
    return ends


@given(statements=STATEMENTS, voids=st.lists(st.integers(1, 9), max_size=4), seed=st.integers(), data=st.data())
def test_any_order_ends_in_the_same(
    statements: list[tuple[Verb, int, int, int | None]], voids: list[int], seed: int, data: st.DataObject
) -> None:
    taken = [
        said(number, verb, sequence, day=day, percent=percent if verb is Verb.PROGRESSED else None)
        for number, (verb, sequence, day, percent) in enumerate(statements, start=1)
    ]
    taken += [void(100 + number, target) for number, target in enumerate(voids)]
    move_on = data.draw(st.sampled_from([each for each in MoveOn if each is not MoveOn.NOT_APPLICABLE]))
    shuffled = random.Random(seed).sample(taken, len(taken))
    assert (
        standing(told(shuffled, move_on)) == standing(told(taken, move_on)) == standing(found(*taken, move_on=move_on))
    )
