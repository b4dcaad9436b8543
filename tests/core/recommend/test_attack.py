"""What it costs to push a training nobody knows into the lists of a group, with the prior and without it."""

import json

import numpy as np
import pytest

from bekal.core.recommend import Recommender
from bekal.core.recommend.attack import CarelessRecommender, alike, cheapest_attack, neighbourhoods, sharing
from bekal.core.recommend.fairness import Verdict
from bekal.core.recommend.gaming import least_history_strengths, needed_accomplices
from tests.core.recommend.worlds import Arrays, arrays_of, in_fields, people_of

TRAININGS = 120


def thin_world(people: int = 3000, seed: int = 1) -> Arrays:
    """Choices spread over many trainings, with a taste of one's own: few are chosen by many."""
    rng = np.random.default_rng(seed)
    profile = np.stack([rng.integers(0, 2, people), rng.integers(0, 12, people)], axis=1)
    field = rng.integers(0, 10, people)
    wish = np.log(1 / (15.0 + np.arange(TRAININGS))) + rng.gumbel(size=(people, TRAININGS))
    wish[np.arange(TRAININGS) % 10 == field[:, None]] += 2.0
    order = np.argsort(-wish, axis=1)
    choices = [order[u, : 1 + int(n)].tolist() for u, n in enumerate(rng.poisson(1.0, people).clip(max=4))]
    return arrays_of(choices, profile.tolist(), [100_000] * TRAININGS)


@pytest.fixture(scope="module")
def world() -> Arrays:
    return thin_world()


def fitted(world: Arrays, history_strength: float) -> Recommender:
    return Recommender(seed=0, history_strength=history_strength, floor=0.3).fit(**world)


def careless(world: Arrays, history_strength: float) -> Recommender:
    return CarelessRecommender(seed=0, history_strength=history_strength, floor=0.3).fit(**world)


def test_min_of_100_and_5_percent() -> None:
    assert [needed_accomplices(n) for n in (100, 101, 400, 2000, 100_000)] == [5, 6, 20, 100, 100]


def test_without_a_prior_a_handful_is_enough_and_with_it_they_are_not(world: Arrays) -> None:
    groups = neighbourhoods(**people_of(world))
    assert len(groups) >= 2 and {group.knows_bait for group in groups} == {True, False}
    price = world["price_rupiah"]
    pushed = [cheapest_attack(careless(world, 1e-3), group, price_rupiah=price) for group in groups]
    careful = [cheapest_attack(fitted(world, 10.0), group, price_rupiah=price) for group in groups]
    assert Verdict.BLOCKED in {attack.verdict for attack in pushed}
    assert {attack.verdict for attack in careful} == {Verdict.PASSES}
    for without, with_it in zip(pushed, careful, strict=True):
        assert without.group_count == with_it.group_count
        assert without.as_json()["accomplices"] <= with_it.as_json()["accomplices"]
        json.dumps(without.as_json(), allow_nan=False)


def test_the_smallest_number_is_found_and_the_model_is_left_as_it_was(world: Arrays) -> None:
    model, group = fitted(world, 1.0), neighbourhoods(**people_of(world))[0]
    before = model.recommend(**people_of(world))
    found = cheapest_attack(model, group, price_rupiah=world["price_rupiah"])
    assert found.accomplices is not None and found.accomplices > 1
    one_less = cheapest_attack(model, group, price_rupiah=world["price_rupiah"], most=found.accomplices - 1)
    assert one_less.accomplices is None and one_less.as_json()["accomplices"] == found.accomplices
    enough = cheapest_attack(model, group, price_rupiah=world["price_rupiah"], most=found.accomplices)
    assert enough.accomplices == found.accomplices
    for one, other in zip(before, model.recommend(**people_of(world)), strict=True):
        assert np.array_equal(one, other)


def test_what_the_accomplices_do_is_what_the_model_learns(world: Arrays) -> None:
    """So many people who look alike and complete both: the training stands in the lists of those who completed one."""
    model, group = fitted(world, 1.0), neighbourhoods(**people_of(world))[0]
    found = cheapest_attack(model, group, price_rupiah=world["price_rupiah"])
    assert found.accomplices is not None and found.strategy == "the training they share"
    for count, is_pushed in ((found.accomplices, True), (found.accomplices - 1, False)):
        attacked = fitted(world, 1.0).partial_fit(
            ptr=np.arange(count + 1) * 2,
            items=np.tile([group.bait, TRAININGS], count),
            profile=group.profile[np.arange(count) % group.people_count],
            price_rupiah=np.append(world["price_rupiah"], 0),
        )
        lists, _ = attacked.recommend(
            ptr=np.arange(group.people_count + 1),
            items=np.full(group.people_count, group.bait),
            profile=group.profile,
        )
        assert ((lists == TRAININGS).any(axis=1).mean() >= 0.5) == is_pushed


@pytest.mark.parametrize("seed", range(3))
def test_from_the_least_strength_on_nobody_is_pushed_by_too_few(seed: int) -> None:
    world = thin_world(seed=seed)
    groups = [group for group in neighbourhoods(**people_of(world)) if group.knows_bait]
    counted = fitted(world, 1.0)._counted
    least = least_history_strengths(counted, np.full(TRAININGS, np.sort(counted.rate)[-10]))
    assert least.shape == (TRAININGS,) and least.max() > 0
    for group in groups:
        needed = needed_accomplices(group.people_count)
        pushed_rate = needed / (2.0 * counted.people_count)  # by which kappa_h would be divided
        strength = float(least[group.bait]) * counted.usual_rate / pushed_rate
        found = cheapest_attack(
            careless(world, max(strength, 1e-3)), group, price_rupiah=world["price_rupiah"], most=needed - 1
        )
        assert found.accomplices is None


def test_whatever_is_chosen_the_priors_are_strong_enough(world: Arrays) -> None:
    """A weaker kappa_h than held-out people may choose."""
    for group in neighbourhoods(**people_of(world)):
        model, most = fitted(world, 0.1), needed_accomplices(group.people_count) - 1
        assert cheapest_attack(model, group, price_rupiah=world["price_rupiah"], most=most).accomplices is None


@pytest.mark.parametrize("history_strength", [None, 0.1], ids=["chosen", "the weakest"])
@pytest.mark.parametrize("fields", [3, 30])
def test_a_catalogue_of_fields_is_no_easier(fields: int, history_strength: float | None) -> None:
    """Lists of those who know one training end far lower than the lists of all, pairs have structure, and the largest
    group is so large that accomplices could make it no neighbourhood any more."""
    made = in_fields(3, trainings=90 if fields == 3 else 270, fields=fields)
    model = Recommender(seed=0, history_strength=history_strength).fit(**made)
    for group in neighbourhoods(**people_of(made)):
        most = needed_accomplices(group.people_count) - 1
        found = cheapest_attack(model, group, price_rupiah=made["price_rupiah"], most=most)
        assert found.accomplices is None, f"{found.accomplices} of {group.people_count}"


def test_a_group_is_who_shares_a_training_or_a_value() -> None:
    world = arrays_of([[0, 2], [1], [2], [0]], [[0], [1], [1], [0]], [1000, 1000, 1000])
    arrays = {name: np.asarray(value, dtype=np.int64) for name, value in people_of(world).items()}
    who = sharing(0, **arrays)
    assert (who.ptr.tolist(), who.items.tolist(), who.profile.tolist()) == ([0, 2, 3], [0, 2, 0], [[0], [0]])
    assert [part.tolist() for part in who.known] == [[0, 1, 2], [0, 0]]
    same = alike(0, 1, **arrays)
    assert (same.items.tolist(), same.bait, [part.tolist() for part in same.known]) == ([1, 2], 1, [[0, 0, 0], []])
    assert neighbourhoods(**arrays) == [], "nobody is a neighbourhood of fewer than a hundred"


def test_an_empty_group_is_refused() -> None:
    world = arrays_of([[0]], [[0]], [1000, 1000])
    arrays = {name: np.asarray(value, dtype=np.int64) for name, value in people_of(world).items()}
    with pytest.raises(ValueError, match="neighbourhood is empty"):
        cheapest_attack(fitted(world, 1.0), sharing(1, **arrays), price_rupiah=world["price_rupiah"])
