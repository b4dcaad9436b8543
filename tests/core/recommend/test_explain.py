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


class Recount:
    """Every reason by its definition, from sets of people."""

    def __init__(self, world: Arrays, institution: np.ndarray) -> None:
        self.taken = takers_of(world)
        self.institution = institution
        self.profile = world["profile"].tolist()
        self.people = {u for u, trainings in enumerate(self.taken) if trainings}

    def takers(self, training: int) -> set[int]:
        return {u for u in self.people if training in self.taken[u]}

    def holders(self, column: int, code: int) -> set[int]:
        return {u for u in self.people if self.profile[u][column] == code}

    def many(self, side: set[int]) -> bool:
        return len(side) >= 10 and len({int(self.institution[j]) for u in side for j in self.taken[u]}) >= 3

    def safe(self, group: set[int], training: int) -> bool:
        return self.many(group & self.takers(training)) and self.many(group - self.takers(training))

    def lifted(self, group: set[int], training: int) -> bool:
        takers = self.takers(training)
        return 10 * len(group & takers) * len(self.people) > 11 * len(group) * len(takers)

    def pair_speaks(self, known: int, training: int) -> bool:
        one, other = self.takers(known), self.takers(training)
        neither = self.people - one - other
        return (
            self.safe(one, training) and self.safe(other, known) and len(neither) >= 10 and self.lifted(one, training)
        )

    def values_that_speak(self, column: int, training: int) -> set[int]:
        codes = {self.profile[u][column] for u in self.people} - {-1}
        safe = {code for code in codes if self.safe(self.holders(column, code), training)}
        speaking = {code for code in safe if self.lifted(self.holders(column, code), training)}
        everybody_known = all(self.profile[u][column] >= 0 for u in self.people)
        if speaking and not (safe == codes and everybody_known) and safe == speaking:
            takers = self.takers(training)
            speaking -= {min(speaking, key=lambda code: (len(takers & self.holders(column, code)), code))}
        return speaking

    def reason(self, profile: list[int], known: list[int], training: int) -> Reason:
        takers, people = self.takers(training), len(self.people)
        found = [
            (len(group & takers) / len(group), -place, ("after", -1, -1, x, len(group & takers), len(group)))
            for place, x in enumerate(sorted(set(known) - {training}))
            if self.pair_speaks(x, training) and (group := self.takers(x))
        ] or [
            (len(group & takers) / len(group), -column, ("profile", column, code, -1, len(group & takers), len(group)))
            for column, code in enumerate(profile)
            if column != SEX and code in self.values_that_speak(column, training)
            if (group := self.holders(column, code))
        ]
        if found:
            return Reason(*max(found)[2], len(takers), people)
        shown = self.many(takers) and self.many(self.people - takers)
        return Reason("popular", -1, -1, -1, len(takers), people, len(takers), people, shown)


@pytest.mark.parametrize("seed", [30, 31, 32])
def test_reasons_are_recomputable(seed):
    world = random_world(seed, people=500, trainings=16)
    world = arrays_of(
        [*map(list, takers_of(world)), [], [], []], [*world["profile"].tolist(), *[[3, 3, 3]] * 3], [1] * 16
    )
    institution = np.random.default_rng(seed).integers(100, 105, 16)
    tables, again = tables_of(world, institution), Recount(world, institution)
    rng = np.random.default_rng(seed + 1)
    kinds = []
    for _ in range(250):
        wanted, count = int(rng.integers(16)), int(rng.integers(0, 4))
        known = rng.choice(16, count, replace=False).tolist()
        profile = rng.integers(-1, 6, 3).tolist()
        found = tables.reason(profile, known, wanted)
        assert found == again.reason(profile, known, wanted)
        kinds.append(found.kind)
    assert min(kinds.count(kind) for kind in ("after", "profile", "popular")) >= 10


def pair_world(both: int, first: int, second: int, neither: int, institutions: list[int]) -> ReasonTables:
    """`both` people took 0, 1 and one of 2-4; `first` 0 and one of 2-4, `second` 1 and one of 2-4; `neither` 5-7."""
    choices = [[0, 1, 2 + u % 3] for u in range(both)] + [[0, 2 + u % 3] for u in range(first)]
    choices += [[1, 2 + u % 3] for u in range(second)] + [[5 + u % 3] for u in range(neither)]
    return tables_of(arrays_of(choices, [[0, 0]] * len(choices), [1] * 8), np.array(institutions))


APART = [1, 2, 3, 4, 5, 6, 7, 8]


@pytest.mark.parametrize(
    ("people", "institutions", "kind"),
    [
        ((10, 10, 10, 60), APART, "after"),
        ((9, 10, 10, 60), APART, "popular"),  # nine people in the cell
        ((10, 9, 10, 60), APART, "popular"),  # nine took the first alone
        ((10, 10, 9, 60), APART, "popular"),  # nine took the second alone: the other way round they are a side
        ((18, 18, 18, 9), APART, "popular"),  # nine took neither
        ((10, 10, 10, 60), [1, 1, 2, 2, 2, 6, 7, 8], "popular"),  # two institutions on every side
        ((10, 10, 10, 60), [1, 2, 1, 2, 2, 6, 7, 8], "popular"),
        ((10, 10, 10, 60), [1, 2, 1, 1, 3, 6, 7, 8], "popular"),  # three in the cell, two on either other side
    ],
)
def test_a_pair_speaks_only_for_enough_people_and_institutions_on_all_sides(people, institutions, kind):
    tables = pair_world(*people, institutions)
    reason, back = tables.reason([0, 0], [0], 1), tables.reason([0, 0], [1], 0)
    assert reason.kind == back.kind == kind
    if kind == "after":
        assert reason == Reason("after", -1, -1, 0, 10, 20, 20, 90)
        assert (reason.share, reason.lift, reason.share_percent, reason.publishable) == (0.5, 2.25, 50, True)


def test_a_lift_of_exactly_one_and_a_tenth_says_nothing():
    """22 of 40 with the value took it, 100 of 200 in all: a lift of 1.1. One more of the 40 and it speaks."""
    for inside, kind in ((22, "popular"), (23, "profile")):
        choices = [[0, 1 + u % 3] if u < inside else [1 + u % 3] for u in range(40)]
        choices += [[0, 1 + u % 3] if u < 100 - inside else [1 + u % 3] for u in range(160)]
        world = arrays_of(choices, [[7, 0]] * 40 + [[8, 0]] * 160, [1] * 4)
        reason = tables_of(world, np.arange(4)).reason([7, 0], [], 0)
        assert (reason.kind, reason.training_count, reason.people_count) == (kind, 100, 200)


def test_sex_never_speaks():
    """The second column decides nearly everything, the first nothing: no reason is left but popularity."""
    choices = [[int((u % 2 == 0) != (u % 20 < 2)), 2 + u // 2 % 3] for u in range(400)]
    world = arrays_of(choices, [[0, u % 2] for u in range(400)], [1] * 5)
    arrays = {name: world[name] for name in ("ptr", "items", "profile")} | {"institution": np.arange(5)}
    assert ReasonTables.fit(**arrays).reason([0, 0], [], 1) == Reason("profile", 1, 0, -1, 180, 200, 200, 400)
    assert tables_of(world, np.arange(5)).reason([0, 0], [], 1) == Reason("popular", -1, -1, -1, 200, 400, 200, 400)


def test_equal_shares_go_to_the_lower_training_and_column():
    """30 took 0, 1 and 2, 30 took 0 and 1 alone, 12 took 2 alone; who took 0 and 1 has one profile."""
    choices = [[0, 1, 2, 3 + u % 3] for u in range(30)] + [[0, 1, 3 + u % 3] for u in range(30)]
    choices += [[2, 3 + u % 3] for u in range(12)] + [[3 + u % 3] for u in range(60)]
    world = arrays_of(choices, [[4, 0, 6]] * 60 + [[5, 0, 7]] * 72, [1] * 6)
    tables = tables_of(world, np.arange(6))
    assert tables.reason([4, 0, 6], [1, 0], 2).training == 0
    assert tables.reason([4, 0, 6], [], 2) == Reason("profile", 0, 4, -1, 30, 60, 42, 132)


def test_few_takers_are_not_published():
    choices = [[0, 3 + u % 3] for u in range(9)] + [[1, 3 + u % 3] for u in range(10)]
    choices += [[3 + u % 3] for u in range(30)]
    tables = tables_of(arrays_of(choices, [[0, 0]] * 49, [1] * 6), np.arange(6))
    assert [tables.reason([0, 0], [], j).publishable for j in range(4)] == [False, True, False, True]
    assert tables.reason([0, 0], [], 2) == Reason("popular", -1, -1, -1, 0, 49, 0, 49, False)
    one_home = tables_of(arrays_of(choices, [[0, 0]] * 49, [1] * 6), np.array([0, 1, 2, 3, 3, 3]))
    assert not one_home.reason([0, 0], [], 1).publishable, "its ten people know two institutions between them"


def test_what_nearly_everybody_took_is_not_published():
    choices = [[0, 1 + u % 3] for u in range(50)] + [[1 + u % 3] for u in range(9)]
    assert not tables_of(arrays_of(choices, [[0, 0]] * 59, [1] * 4), np.arange(4)).reason([0, 0], [], 0).publishable


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
    assert reason == Reason("popular", -1, -1, -1, 0, 0, 0, 0, False)
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
