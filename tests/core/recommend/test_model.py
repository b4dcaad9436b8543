"""The recommender itself: what it learns in planted worlds, what it refuses, how it is saved."""

import json

import numpy as np
import pytest

from bekal.core.recommend import Popularity, Recommender, from_bytes, mean_and_error, ndcg_at, to_bytes
from bekal.core.recommend.streaming import count_blocks
from tests.core.recommend.worlds import arrays_of, people_of, random_world, reordered

NOBODY = {"ptr": [0, 0], "items": [], "profile": [[0, 0, 0]]}


def planted(seed: int, people: int = 3000, trainings: int = 40):
    """Value v of attribute 0 takes trainings of class v (j % 4) six times as often, attribute 1 is noise, and of the
    last twenty trainings each pair 2i, 2i+1 goes together."""
    rng = np.random.default_rng(seed)
    profile = np.column_stack([rng.integers(0, 4, people), rng.integers(0, 5, people)])
    choices = []
    for value, _ in profile:
        weight = np.where(np.arange(trainings) % 4 == value, 6.0, 1.0)
        first = int(rng.choice(trainings, p=weight / weight.sum()))
        weight[first] = 0.0
        if first >= 20:
            weight[first ^ 1] *= 60.0
        second = int(rng.choice(trainings, p=weight / weight.sum()))
        choices.append([first, second])
    return arrays_of(choices, profile.tolist(), [100_000] * trainings)


def test_own_trainings_of_a_profile_group_are_recovered():
    model = Recommender(seed=0).fit(**planted(0))
    people = {"ptr": [0] * 5, "items": [], "profile": [[value, 2] for value in range(4)]}
    lists, _ = model.recommend(**people, n=10)
    for value in range(4):
        assert (lists[value] % 4 == value).all()


def test_the_partner_of_a_known_choice_comes_first():
    model = Recommender(seed=0).fit(**planted(1))
    known = np.arange(20, 40)
    lists, _ = model.recommend(ptr=np.arange(21), items=known, profile=np.full((20, 2), -1), n=1)
    assert np.array_equal(lists[:, 0], known ^ 1)


def test_strength_follows_the_noise_of_an_attribute():
    """The attribute that carries taste is shrunk least, the noisy one most."""
    _, manifest = Recommender(seed=0).fit(**planted(2)).save()
    taste, noise = manifest["hyperparameters"]["kappa_profile"]
    assert taste < 10 < 100 < noise


@pytest.mark.parametrize("known", [0, 1])
def test_better_than_popularity_on_people_held_back(known):
    world = planted(3)
    half = reordered(world, np.arange(1500))
    rest = reordered(world, np.arange(1500, 3000))
    first = rest["items"].reshape(-1, 2)
    people = {"ptr": np.arange(1501) * known, "items": first[:, :known].ravel(), "profile": rest["profile"]}
    targets = (np.arange(1501) * (2 - known), first[:, known:].ravel())
    gains = [ndcg_at(model(seed=0).fit(**half).recommend(**people)[0], *targets) for model in (Recommender, Popularity)]
    mean, error = mean_and_error(gains[0] - gains[1])
    assert mean > 10 * error


def test_a_code_never_seen_or_unknown_says_nothing():
    world = random_world(7)
    model = Recommender(seed=0).fit(**world)
    strange = [model.scores(ptr=[0, 0], items=[], profile=[[code] * 3]) for code in (99, -1, -7)]
    assert np.array_equal(strange[0], strange[1]) and np.array_equal(strange[0], strange[2])
    assert not np.array_equal(strange[0], model.scores(**NOBODY))


@pytest.mark.parametrize("dtype", [np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint32])
def test_any_integer_type(dtype):
    world = random_world(8, people=60, trainings=20)
    plain = Recommender(seed=0).fit(**world).recommend(**people_of(world))[0]
    typed = {**world, "items": world["items"].astype(dtype), "profile": world["profile"].astype(dtype)}
    assert np.array_equal(Recommender(seed=0).fit(**typed).recommend(**people_of(typed))[0], plain)


def test_the_order_of_a_history_does_not_matter():
    """Not even in the last bit: sums of floats depend on their order, scores must not."""
    model = Recommender(seed=0).fit(**random_world(9))
    rng = np.random.default_rng(0)
    histories = np.array([rng.choice(30, 6, replace=False) for _ in range(200)])
    people = {"ptr": np.arange(201) * 6, "profile": np.ones((200, 3), np.int64)}
    one, other = (model.scores(items=order.ravel(), **people) for order in (histories, histories[:, ::-1]))
    assert np.array_equal(one, other)


def test_lists_follow_todays_prices_and_sales():
    model = Recommender(seed=0).fit(**random_world(10))
    price = np.full(30, 500_000)
    price[[3, 8, 11]] = 200_000
    on_sale = np.ones(30, np.bool_)
    on_sale[8] = False
    lists, _ = model.recommend(**NOBODY, balance_rupiah=[300_000], price_rupiah=price, on_sale=on_sale)
    assert sorted(lists[0].tolist()) == [-1] * 8 + [3, 11]


def test_lists_are_those_of_the_scores():
    world = random_world(11)
    model = Recommender(seed=0).fit(**world)
    scores = model.scores(**people_of(world))
    lists, values = model.recommend(**people_of(world), n=3)
    for person in range(0, 400, 37):
        taken = world["items"][world["ptr"][person] : world["ptr"][person + 1]]
        scores[person, taken] = -np.inf
        assert lists[person].tolist() == np.argsort(-scores[person], kind="stable")[:3].tolist()
        assert np.array_equal(values[person], scores[person, lists[person]])


def test_people_without_shared_choices_are_served():
    """One choice each: no pair to learn from, so a history changes no score of another training."""
    world = arrays_of([[j % 5] for j in range(100)], [[j % 2] for j in range(100)], [100_000] * 5)
    model = Recommender(seed=0).fit(**world)
    without = model.scores(ptr=[0, 0], items=[], profile=[[1]])
    assert np.array_equal(model.scores(ptr=[0, 1], items=[3], profile=[[1]]), without)


def test_everybody_alike():
    world = arrays_of([[0, 1, 2]] * 300, [[1]] * 300, [10_000] * 4)
    lists, _ = Recommender(seed=0).fit(**world).recommend(ptr=[0, 1], items=[0], profile=[[1]], n=3)
    assert lists.tolist() == [[1, 2, 3]]


def test_held_out_people_depend_on_the_seed_only():
    world = random_world(12, people=1000)
    people = [(world["ptr"], world["items"], world["profile"])]
    one, again, other = (count_blocks(lambda: people, trainings_count=30, seed=seed) for seed in (0, 0, 1))
    assert np.array_equal(one.held_items, again.held_items) and not np.array_equal(one.held_items, other.held_items)
    assert 150 < len(one.held_ptr) < 300


REFUSED = {
    "ptr starts": ({"ptr": [1, 2, 3, 4]}, "ptr[0] must be 0"),
    "ptr falls": ({"ptr": [0, 2, 1, 4]}, "ptr[2] is 1, less than the 2 before it"),
    "ptr ends": ({"ptr": [0, 1, 2, 3]}, "ptr[-1] is 3 but items has 4"),
    "ptr float": ({"ptr": [0.0, 1.0, 2.0, 4.0]}, "ptr must hold whole numbers, not float64"),
    "ptr flat": ({"ptr": [[0, 1, 2, 4]]}, "ptr must have 1 dimension(s), it has 2"),
    "items above": ({"items": [0, 1, 2, 3]}, "items[3] is 3, but there are 3 trainings: use 0 to 2"),
    "items below": ({"items": [0, -1, 2, 1]}, "items[1] is -1"),
    "items twice": ({"items": [0, 1, 2, 2]}, "items[3] repeats training 2 of person 2"),
    "items bool": ({"items": [True, False, True, False]}, "items must hold whole numbers, not bool"),
    "profile short": ({"profile": [[0], [1]]}, "profile has 2 rows but ptr describes 3 people"),
    "profile flat": ({"profile": [0, 1, 0]}, "profile must have 2 dimension(s), it has 1"),
    "profile float": ({"profile": [[0.5], [1.0], [0.0]]}, "profile must hold whole numbers"),
    "price float": ({"price_rupiah": [1000.0, 2000.0, 3000.0]}, "price_rupiah must hold whole numbers, not float64"),
    "price negative": ({"price_rupiah": [1000, -2000, 3000]}, "price_rupiah[1] is -2000"),
}


@pytest.mark.parametrize(("change", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_bad_arrays_are_refused_with_name_position_and_mend(change, message):
    good = {"ptr": [0, 1, 2, 4], "items": [0, 1, 2, 1], "profile": [[0], [1], [0]], "price_rupiah": [1000, 2000, 3000]}
    Recommender(seed=0).fit(**good)
    with pytest.raises(ValueError) as refusal:
        Recommender(seed=0).fit(**{**good, **change})
    assert message in str(refusal.value)


REFUSED_LISTS = {
    "balance negative": ({"balance_rupiah": [-1]}, "balance_rupiah[0] is -1"),
    "balance float": ({"balance_rupiah": [1000.5]}, "balance_rupiah must hold whole numbers"),
    "balance length": ({"balance_rupiah": [1, 2]}, "balance_rupiah has 2 entries where 1 are needed"),
    "n zero": ({"n": 0}, "n is 0: give a whole number of at least 1"),
    "n float": ({"n": 2.0}, "n is 2.0"),
    "columns": ({"profile": [[0]]}, "profile has 1 columns but the fit had 3"),
    "price length": ({"price_rupiah": [1]}, "price_rupiah has 1 entries where 30 are needed"),
    "on sale": ({"on_sale": [1] * 30}, "on_sale must be 30 True/False values"),
}


@pytest.mark.parametrize(("change", "message"), REFUSED_LISTS.values(), ids=REFUSED_LISTS.keys())
def test_bad_questions_are_refused(change, message):
    model = Recommender(seed=0).fit(**random_world(13))
    with pytest.raises(ValueError) as refusal:
        model.recommend(**{**NOBODY, **change})
    assert message in str(refusal.value)


def test_nothing_learned_and_no_seed_are_refused():
    with pytest.raises(ValueError, match="learned nothing yet"):
        Recommender(seed=0).recommend(**NOBODY)
    with pytest.raises(ValueError, match="seed is -1"):
        Recommender(seed=-1)


def test_saved_and_loaded_it_answers_the_same():
    world = random_world(14)
    model = Recommender(seed=5).fit(**world)
    arrays, manifest = model.save(extra={"reason_extra": np.arange(3)})
    manifest = json.loads(json.dumps(manifest))
    loaded = Recommender.load(from_bytes(to_bytes(arrays), sha256=manifest["sha256"]), manifest)
    assert (manifest["seed"], manifest["people_count"], manifest["trainings_count"]) == (5, 400, 30)
    assert manifest["attributes_count"] == 3 and len(manifest["hyperparameters"]["kappa_profile"]) == 3
    for one, other in zip(model.recommend(**people_of(world)), loaded.recommend(**people_of(world)), strict=True):
        assert np.array_equal(one, other)
    assert loaded.save(extra={"reason_extra": np.arange(3)})[1] == manifest


def test_a_changed_array_or_another_format_is_not_loaded():
    arrays, manifest = Recommender(seed=0).fit(**random_world(15)).save()
    changed = {**arrays, "profile": arrays["profile"] + np.float32(1e-6)}
    with pytest.raises(ValueError, match="belong to another model"):
        Recommender.load(changed, manifest)
    with pytest.raises(ValueError, match="bekal-colift version 4"):
        Recommender.load(arrays, {**manifest, "format_version": 1})
    with pytest.raises(ValueError, match="extra names profile"):
        Recommender(seed=0).fit(**random_world(15)).save(extra={"profile": np.zeros(1)})
