"""Nobody can compute from all reasons together what none of them may say.

The attacker is given more than is ever shown: every total, every value's number of people, every shown cell exactly.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bekal.core.recommend import ReasonTables
from tests.core.recommend.test_explain import SEX, Recount, tables_of
from tests.core.recommend.worlds import Arrays, arrays_of

Cells = dict[tuple[int, int], dict[int, int]]  # (column, training) -> code -> people


def shown_cells(tables: ReasonTables) -> Cells:
    """Every cell by profile that a reason may quote."""
    shown: Cells = {}
    row, training = np.divmod(tables.profile_key, len(tables.training_count))
    for at, j, count in zip(row, training, tables.profile_cell, strict=True):
        column, code = int(tables.profiles.row_attribute[at]), int(tables.profiles.row_code[at])
        shown.setdefault((column, int(j)), {})[code] = int(count)
    return shown


def subtracted(world: Recount, shown: Cells) -> dict[tuple[int, int], tuple[set[int], int]]:
    """What is left of each training's total when the shown cells are taken off: the values it is spread over, the
    unknown one (-1) where some people have none, and how many people."""
    return {
        (column, training): (
            {world.profile[u][column] for u in world.people} - set(cells),
            len(world.takers(training)) - sum(cells.values()),
        )
        for (column, training), cells in shown.items()
    }


def betrayed(world: Recount, shown: Cells) -> list[tuple[int, int]]:
    """Where the subtraction tells a number that may not be told: of one value's people, or of all hidden ones'."""
    found = []
    for (column, training), (hidden, count) in subtracted(world, shown).items():
        holders = {code: world.holders(column, code) for code in hidden}
        union = set().union(*holders.values())
        assert count == len(union & world.takers(training)), "the attacker has computed it rightly"
        all_safe = -1 not in hidden and all(world.safe(group, training) for group in holders.values())
        if not all_safe and (len(hidden) == 1 or not world.safe(union, training)):
            found.append((column, training))
    return found


def without_suppression(world: Recount) -> Cells:
    """The cells that are safe and lifted, each for itself."""
    shown: Cells = {}
    trainings = {j for taken in world.taken for j in taken}
    for column in range(len(world.profile[0])):
        for code in {world.profile[u][column] for u in world.people} - {-1}:
            group = world.holders(column, code)
            for training in trainings:
                if column != SEX and world.safe(group, training) and world.lifted(group, training):
                    shown.setdefault((column, training), {})[code] = len(group & world.takers(training))
    return shown


def three_values(takers: tuple[int, int, int], unknown: int = 0) -> Arrays:
    """30 people of each of three values, so many of whom took training 0; `unknown` takers without a value."""
    choices, profile = [], []
    for code, count in enumerate(takers):
        choices += [[0, 1 + u % 3] if u < count else [1 + u % 3] for u in range(30)]
        profile += [[code, 0]] * 30
    choices += [[0, 1 + u % 3] for u in range(unknown)]
    return arrays_of(choices, profile + [[-1, 0]] * unknown, [1] * 4)


@pytest.mark.parametrize(
    ("takers", "unknown", "shown", "kept_back"),
    [
        ((20, 3, 0), 0, {0: 20}, {}),  # two hidden values, but only three people in both
        ((20, 3, 15), 0, {0: 20, 2: 15}, {0: 20}),  # 38 - 35 = 3 people of the value 1: the smaller cell goes, too
        ((15, 3, 15), 0, {0: 15, 2: 15}, {2: 15}),  # of equals the first
        ((20, 18, 10), 0, {0: 20, 1: 18}, {0: 20, 1: 18}),  # 48 - 38 = 10 people: no secret
        ((20, 18, 10), 2, {0: 20, 1: 18}, {0: 20, 1: 18}),  # two without a value, hidden among ten
        ((20, 18, 9), 0, {0: 20, 1: 18}, {0: 20}),
        ((20, 10, 3), 0, {0: 20}, {0: 20}),  # the hidden thirteen cannot be told apart
    ],
)
def test_a_subtraction_that_would_tell_finds_a_second_cell_hidden(takers, unknown, shown, kept_back):
    world = three_values(takers, unknown)
    again = Recount(world, np.arange(4))
    alone = without_suppression(again)
    assert alone[0, 0] == shown
    final = shown_cells(tables_of(world, np.arange(4)))
    assert final.get((0, 0), {}) == kept_back
    assert ((0, 0) in betrayed(again, alone)) == (shown != kept_back)
    assert betrayed(again, final) == []


def taste_world(seed: int, values: int, trainings: int, homes: int, unknown: float) -> tuple[Arrays, np.ndarray]:
    """50-160 people whose taste follows their first attribute; so many parts of the profile are unknown."""
    draw = np.random.default_rng(seed)
    people = int(draw.integers(50, 160))
    profile = draw.integers(0, values, (people, 3))
    profile[draw.random((people, 3)) < unknown] = -1
    taste = draw.gamma(0.7, size=(values, trainings)) + 0.05
    choices = [
        draw.choice(trainings, int(draw.integers(1, 4)), replace=False, p=taste[row[0]] / taste[row[0]].sum()).tolist()
        for row in profile
    ]
    return arrays_of(choices, profile.tolist(), [1] * trainings), draw.integers(0, homes, trainings)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 4), st.integers(4, 7), st.integers(3, 6), st.sampled_from([0.0, 0.02]))
def test_no_subtraction_tells_anything_in_any_small_world(seed, values, trainings, homes, unknown):
    world, institution = taste_world(seed, values, trainings, homes, unknown)
    again, tables = Recount(world, institution), tables_of(world, institution)
    shown = shown_cells(tables)
    assert betrayed(again, shown) == []
    for (column, training), cells in shown.items():
        assert column != SEX
        for code, count in cells.items():
            group = again.holders(column, code)
            assert again.safe(group, training) and count == len(group & again.takers(training))
    for key in tables.pair_key.tolist():
        one, other = (again.takers(training) for training in divmod(key, trainings))
        assert again.safe(one, key % trainings) and again.safe(other, key // trainings)
        assert len(again.people - one - other) >= 10
    for training in np.flatnonzero(tables.training_speaks).tolist():
        takers = again.takers(training)
        assert again.many(takers) and again.many(again.people - takers)


def test_in_worlds_like_these_there_is_something_to_find():
    """Without the second cell the same attack tells what it must not, in many of them."""
    worlds = [Recount(*taste_world(seed, 2 + seed % 3, 5, 5, 0.0)) for seed in range(30)]
    assert sum(bool(betrayed(world, without_suppression(world))) for world in worlds) >= 10
