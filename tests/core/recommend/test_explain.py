"""Every number of every reason, counted again from the choices with nothing but sets."""

import numpy as np
import pytest

from bekal.core.recommend import Reason, ReasonTables
from tests.core.recommend.worlds import Arrays, arrays_of, random_world, reordered

SEX = 1


def tables_of(world: Arrays, institution: np.ndarray) -> ReasonTables:
    arrays = {name: world[name] for name in ("ptr", "items", "profile")}
    return ReasonTables.fit(**arrays, institution=institution, excluded_columns=(SEX,))


def takers_of(world: Arrays) -> list[set[int]]:
    """Completed trainings of each person."""
    return [set(taken.tolist()) for taken in np.split(world["items"], world["ptr"][1:-1])]


def may_speak(cell: set[int], group: set[int], took: int, people: int, taken: list[set[int]], institution) -> bool:
    behind = {int(institution[j]) for u in cell for j in taken[u]}
    lifted = bool(group) and 10 * len(cell) * people > 11 * len(group) * took
    return len(cell) >= 10 and len(group) - len(cell) >= 10 and lifted and len(behind) >= 3


def counted_again(world: Arrays, institution: np.ndarray, profile: list[int], known: list[int], wanted: int) -> Reason:
    """The reason by its definition, from sets of people."""
    taken = takers_of(world)
    people = [u for u, trainings in enumerate(taken) if trainings]
    takers = {u for u in people if wanted in taken[u]}
    groups = [("after", -1, -1, x, {u for u in people if x in taken[u]}) for x in sorted(known) if x != wanted]
    groups += [
        ("profile", column, code, -1, {u for u in people if world["profile"][u][column] == code})
        for column, code in enumerate(profile)
        if column != SEX and code >= 0
    ]
    best = None
    for kind, column, code, x, group in groups:
        cell = group & takers
        if not may_speak(cell, group, len(takers), len(people), taken, institution):
            continue
        better = best is None or (kind == best.kind and len(cell) * best.group_count > best.cell_count * len(group))
        if better:
            best = Reason(kind, column, code, x, len(cell), len(group), len(takers), len(people))
    return best or Reason("popular", -1, -1, -1, len(takers), len(people), len(takers), len(people))


@pytest.mark.parametrize("seed", [30, 31, 32])
def test_reasons_are_recomputable(seed):
    world = random_world(seed, people=500, trainings=16)
    world = arrays_of(
        [*map(list, takers_of(world)), [], [], []], [*world["profile"].tolist(), *[[3, 3, 3]] * 3], [1] * 16
    )
    institution = np.random.default_rng(seed).integers(100, 105, 16)
    tables = tables_of(world, institution)
    rng = np.random.default_rng(seed + 1)
    kinds = []
    for _ in range(250):
        wanted, count = int(rng.integers(16)), int(rng.integers(0, 4))
        known = rng.choice(16, count, replace=False).tolist()
        profile = rng.integers(-1, 6, 3).tolist()
        found = tables.reason(profile, known, wanted)
        assert found == counted_again(world, institution, profile, known, wanted)
        kinds.append(found.kind)
    assert min(kinds.count(kind) for kind in ("after", "profile", "popular")) >= 10


def pair_world(together: int, only_first: int, institutions: list[int]) -> ReasonTables:
    """`together` people took 0, 1 and one of 2-4; `only_first` took 0 alone; 100 took 5 alone."""
    choices = [[0, 1, 2 + u % 3] for u in range(together)] + [[0]] * only_first + [[5]] * 100
    return tables_of(arrays_of(choices, [[0, 0]] * len(choices), [1] * 6), np.array(institutions))


@pytest.mark.parametrize(
    ("together", "only_first", "institutions", "kind"),
    [
        (10, 10, [1, 1, 2, 3, 3, 1], "after"),
        (9, 10, [1, 1, 2, 3, 3, 1], "popular"),  # nine people in the cell
        (10, 9, [1, 1, 2, 3, 3, 1], "popular"),  # nine on the other side
        (10, 10, [1, 1, 2, 2, 2, 3], "popular"),  # only two institutions behind the cell
    ],
)
def test_a_cell_speaks_only_for_enough_people_and_institutions(together, only_first, institutions, kind):
    reason = pair_world(together, only_first, institutions).reason([0, 0], [0], 1)
    assert reason.kind == kind
    if kind == "after":
        assert reason == Reason("after", -1, -1, 0, 10, 20, 10, 120)
        assert (reason.share, reason.lift, reason.share_percent, reason.publishable) == (0.5, 6.0, 50, True)


def test_a_lift_of_exactly_one_and_a_tenth_says_nothing():
    """22 of 40 with the value took it, 100 of 200 in all: a lift of 1.1. One more of the 40 and it speaks."""
    for inside, kind in ((22, "popular"), (23, "profile")):
        choices = [[0, 2 + u % 2] if u < inside else [1] for u in range(40)]
        choices += [[0] if u < 100 - inside else [1] for u in range(160)]
        world = arrays_of(choices, [[7, 0]] * 40 + [[8, 0]] * 160, [1] * 4)
        reason = tables_of(world, np.arange(4)).reason([7, 0], [], 0)
        assert (reason.kind, reason.training_count, reason.people_count) == (kind, 100, 200)


def test_sex_never_speaks():
    """The second column decides nearly everything, the first nothing: no reason is left but popularity."""
    choices = [[int(u % 2 == 0 or u % 20 == 1), 2 + u % 3] for u in range(400)]
    world = arrays_of(choices, [[0, u % 2] for u in range(400)], [1] * 5)
    arrays = {name: world[name] for name in ("ptr", "items", "profile")} | {"institution": np.arange(5)}
    assert ReasonTables.fit(**arrays).reason([0, 0], [], 1).kind == "popular"  # all of them took it: no other side
    assert ReasonTables.fit(**arrays).reason([0, 1], [], 0) == Reason("profile", 1, 1, -1, 180, 200, 180, 400)
    assert tables_of(world, np.arange(5)).reason([0, 1], [], 0) == Reason("popular", -1, -1, -1, 180, 400, 180, 400)


def test_equal_shares_go_to_the_lower_training_and_column():
    choices = [[0, 1, 2]] * 20 + [[0, 1]] * 20 + [[3]] * 60
    world = arrays_of(choices, [[4, 0, 6]] * 40 + [[5, 0, 7]] * 60, [1] * 4)
    tables = tables_of(world, np.arange(4))
    assert tables.reason([4, 0, 6], [1, 0], 2).training == 0
    assert tables.reason([4, 0, 6], [], 2) == Reason("profile", 0, 4, -1, 20, 40, 20, 100)


def test_few_takers_are_not_published():
    world = arrays_of([[0]] * 9 + [[1]] * 50, [[0, 0]] * 59, [1] * 3)
    tables = tables_of(world, np.arange(3))
    assert [tables.reason([0, 0], [], j).publishable for j in range(3)] == [False, True, False]
    assert tables.reason([0, 0], [], 2) == Reason("popular", -1, -1, -1, 0, 59, 0, 59)


def test_order_of_people_and_saving_change_nothing():
    world = random_world(33, people=500, trainings=16)
    institution = np.arange(16) % 5
    saved = tables_of(world, institution).save()
    mixed = tables_of(reordered(world, np.random.default_rng(0).permutation(500)), institution).save()
    assert all(name.startswith("reason_") for name in saved)
    assert all(np.array_equal(saved[name], mixed[name]) for name in saved)
    loaded = ReasonTables.load({**saved, "base": np.zeros(3)})
    assert all(
        loaded.reason(row, [2, 5], j) == tables_of(world, institution).reason(row, [2, 5], j)
        for row in world["profile"][:5].tolist()
        for j in (0, 3, 9)
    )


def test_nobody():
    tables = tables_of(arrays_of([], [], [1, 1]) | {"profile": np.zeros((0, 2), np.int64)}, np.array([1, 2]))
    reason = tables.reason([0, 0], [0], 1)
    assert reason == Reason("popular", -1, -1, -1, 0, 0, 0, 0)
    assert (reason.share, reason.lift, reason.share_percent) == (0.0, 1.0, 0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([0], [], 1), "profile has 1 columns but the fit had 3"),
        (([0, 0, 0], [99], 1), "items[0] is 99"),
        (([0, 0, 0], [], 16), "training is 16, but there are 16 trainings: use 0 to 15"),
        (([0, 0, 0], [], -1), "training is -1"),
    ],
)
def test_bad_questions_are_refused(arguments, message):
    tables = tables_of(random_world(34, trainings=16), np.arange(16))
    with pytest.raises(ValueError) as refusal:
        tables.reason(*arguments)
    assert message in str(refusal.value)


def test_bad_tables_are_refused():
    world = random_world(35, trainings=16)
    with pytest.raises(ValueError, match=r"excluded_columns\[0\] is 3, but profile has 3 columns"):
        ReasonTables.fit(
            **{name: world[name] for name in ("ptr", "items", "profile")},
            institution=np.arange(16),
            excluded_columns=[3],
        )
    with pytest.raises(ValueError, match=r"items\[\d+\] is \d+, but there are 2 trainings"):
        tables_of(world, np.array([1, 2]))
    with pytest.raises(ValueError, match="saved without reasons"):
        ReasonTables.load({"base": np.zeros(2)})
