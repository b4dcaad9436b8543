"""What was learned in parts, put together and unlearned: the same bits as from the people who are left."""

import json
from typing import Any

import numpy as np
import polars
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bekal.core.recommend import Recommender, from_bytes, to_bytes
from tests.core.recommend.worlds import Arrays, people_of, random_world, reordered, small_worlds


def fresh() -> Recommender:
    return Recommender(seed=0, history_strength=10.0, floor=0.3)


def nobody(world: Arrays) -> Arrays:
    return {"ptr": np.zeros(1, np.int64), "items": world["items"][:0], "profile": world["profile"][:0]}


def without_people(world: Arrays) -> Arrays:
    return {**nobody(world), "price_rupiah": world["price_rupiah"]}


def some(world: Arrays, people: np.ndarray) -> Arrays:
    return reordered(world, people) if len(people) else without_people(world)


def parts_of(world: Arrays, count: int, order: np.ndarray) -> list[Arrays]:
    return [reordered(world, people) for people in np.array_split(order, count) if len(people)]


def saved(model: Recommender) -> tuple[dict[str, Any], dict[str, Any]]:
    arrays, manifest = model.save(counts=True)
    return arrays, manifest


def same(one: Recommender, other: Recommender) -> bool:
    return saved(one)[1] == saved(other)[1]  # the manifest has the hash of every array


@given(world=small_worlds(), data=st.data())
def test_any_parts_in_any_order_give_the_same_bits(world: Arrays, data: st.DataObject) -> None:
    people = len(world["ptr"]) - 1
    order = np.array(data.draw(st.permutations(range(people))), dtype=np.int64)
    parts = parts_of(world, data.draw(st.integers(1, 4)), order)
    whole, added = fresh().fit(**world), fresh().partial_fit(**without_people(world))
    for part in parts:
        added.partial_fit(**people_of(part))
    assert same(added, whole)
    merged = fresh().partial_fit(**without_people(world))
    for part in reversed(parts):
        merged.merge(fresh().fit(**part))
    assert same(merged, whole)


@given(world=small_worlds(), data=st.data())
def test_to_add_and_then_forget_is_to_do_nothing(world: Arrays, data: st.DataObject) -> None:
    people = len(world["ptr"]) - 1
    order = np.array(data.draw(st.permutations(range(people))), dtype=np.int64)
    first, second = order[: people // 2], order[people // 2 :]
    before = fresh().fit(**some(world, first))
    after = fresh().fit(**some(world, first)).partial_fit(**people_of(some(world, second)))
    assert same(after.forget(**people_of(some(world, second))), before)


def test_who_was_never_added_cannot_be_forgotten_and_nothing_changes() -> None:
    world = random_world(21)
    model, untouched = fresh().fit(**world), fresh().fit(**world)
    stranger = {"ptr": [0, 2], "items": [0, 29], "profile": [[77, 77, 77]]}
    with pytest.raises(ValueError, match="were not learned from"):
        model.forget(**stranger)
    assert same(model, untouched)


def test_a_person_who_is_forgotten_has_no_part_in_any_list() -> None:
    """One person took what nobody else did; afterwards it ranks as what nobody took."""
    world = random_world(22)
    odd = {"ptr": np.array([0, 2]), "items": np.array([30, 0]), "profile": world["profile"][:1]}
    price = np.append(world["price_rupiah"], 100_000)
    model = fresh().fit(**world).partial_fit(**odd, price_rupiah=price)
    known = {"ptr": [0, 1], "items": [0], "profile": world["profile"][:1]}
    assert model.scores(**known)[0, 30] > 0.001
    without = fresh().fit(**{**world, "price_rupiah": price})
    assert np.array_equal(model.forget(**odd).scores(**known), without.scores(**known))


def test_new_trainings_come_after_the_known_ones() -> None:
    world = random_world(23, trainings=20)
    wider = {**world, "price_rupiah": np.append(world["price_rupiah"], [5_000, 6_000])}
    model = fresh().fit(**world).partial_fit(**nobody(world), price_rupiah=wider["price_rupiah"])
    assert same(model, fresh().fit(**wider))
    with pytest.raises(ValueError, match="19 entries but 22 trainings are known"):
        model.partial_fit(**people_of(world), price_rupiah=world["price_rupiah"][:19])


def test_what_cannot_be_put_together_is_refused() -> None:
    world = random_world(24)
    with pytest.raises(ValueError, match="price_rupiah is needed the first time"):
        fresh().partial_fit(**people_of(world))
    with pytest.raises(ValueError, match=r"One has Settings\(history_strength=10.0, .*make both with the same"):
        fresh().fit(**world).merge(Recommender(history_strength=3, floor=0.3).fit(**world))
    with pytest.raises(ValueError, match=r"floor=0.3\), the other .*floor=0.1\): make both"):
        fresh().fit(**world).merge(Recommender(history_strength=10, floor=0.1).fit(**world))
    with pytest.raises(ValueError, match="other trainings or prices"):
        fresh().fit(**world).merge(fresh().fit(**{**world, "price_rupiah": world["price_rupiah"] + 1}))
    narrow = {**world, "profile": world["profile"][:, :2]}
    with pytest.raises(ValueError, match="profile has 2 columns but the fit had 3"):
        fresh().fit(**world).partial_fit(**people_of(narrow))
    with pytest.raises(ValueError, match="learned nothing yet"):
        fresh().forget(**people_of(world))
    for strength in (0, -1.0, float("inf"), float("nan"), "10", True):
        with pytest.raises(ValueError, match="give a finite number greater than 0"):
            Recommender(history_strength=strength)  # type: ignore[arg-type]
    for floor in (-0.1, 1.1, float("nan"), "0", False):
        with pytest.raises(ValueError, match="give a number from 0 to 1"):
            Recommender(floor=floor)  # type: ignore[arg-type]


def test_loaded_with_its_counts_it_goes_on_and_without_them_it_says_so() -> None:
    world = random_world(25)
    first, second = parts_of(world, 2, np.arange(400))
    arrays, manifest = fresh().fit(**first).save(counts=True)
    manifest = json.loads(json.dumps(manifest))
    loaded = Recommender.load(from_bytes(to_bytes(arrays), sha256=manifest["sha256"]), manifest)
    assert same(loaded.partial_fit(**people_of(second)), fresh().fit(**world))
    bare = Recommender.load(*fresh().fit(**first).save())
    assert bare.people_count == 200
    with pytest.raises(ValueError, match="loaded without its counts"):
        bare.partial_fit(**people_of(second))


def test_what_is_given_is_kept_and_what_was_chosen_stays() -> None:
    world = random_world(26)
    given_both = fresh().fit(**world).save()[1]["hyperparameters"]
    assert (given_both["kappa_history"], given_both["floor"]) == (10.0, 0.3)
    chosen = Recommender(seed=0).fit(**world)
    before = chosen.save()[1]["hyperparameters"]
    after = chosen.partial_fit(**people_of(world)).save()[1]["hyperparameters"]
    assert (after["kappa_history"], after["floor"]) == (before["kappa_history"], before["floor"])


def test_columns_of_a_table_are_taken_as_they_are() -> None:
    """Polars stands for all that numpy can read: pandas and Arrow give arrays in the same way."""
    world = random_world(27)
    table = {
        "ptr": polars.Series(world["ptr"]),
        "items": polars.Series(world["items"]),
        "profile": polars.DataFrame(world["profile"], schema=["sex", "age", "education"]),
        "price_rupiah": polars.Series(world["price_rupiah"]),
    }
    assert same(fresh().fit(**table), fresh().fit(**world))
    with_a_hole = {**table, "price_rupiah": polars.Series([None, *world["price_rupiah"][1:].tolist()])}
    with pytest.raises(ValueError, match="price_rupiah must hold whole numbers"):
        fresh().fit(**with_a_hole)
