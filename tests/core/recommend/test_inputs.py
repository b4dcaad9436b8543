"""What may be handed in: any container of whole numbers, to the same bits; anything else a ValueError that names it."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas
import polars
import pyarrow
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bekal.core.recommend import Popularity, ReasonTables, Recommender, SegmentPopularity, ndcg_at
from bekal.core.recommend.checks import whole_numbers
from tests.core.recommend.worlds import Arrays, arrays_of, people_of, random_world

NAMES = ["sex", "age", "education"]


def frozen(array: np.ndarray) -> np.ndarray:
    array = array.copy()
    array.flags.writeable = False
    return array


def spaced(array: np.ndarray) -> np.ndarray:
    """The same numbers, each followed in memory by another that is none of them."""
    wider = np.full((*array.shape[:-1], 2 * array.shape[-1]), -99, array.dtype)
    wider[..., ::2] = array
    return wider[..., ::2]


def frame(table: Callable[[Any], Any], column: Callable[[Any], Any]) -> Callable[[np.ndarray], Any]:
    return lambda array: table({n: array[:, at] for at, n in enumerate(NAMES)}) if array.ndim == 2 else column(array)


CONTAINERS: dict[str, Callable[[np.ndarray], Any]] = {
    "lists": lambda array: array.tolist(),
    "tuples": lambda array: tuple(tuple(row) for row in array.tolist()) if array.ndim == 2 else tuple(array.tolist()),
    "pandas": frame(pandas.DataFrame, pandas.Series),
    "pandas shifted index": frame(pandas.DataFrame, lambda a: pandas.Series(a, index=np.arange(len(a), 0, -1))),
    "pandas nullable": frame(pandas.DataFrame, lambda array: pandas.Series(array, dtype="Int64")),
    "polars": frame(polars.DataFrame, polars.Series),
    "arrow": frame(pyarrow.table, pyarrow.array),
    "arrow in chunks": frame(pyarrow.table, lambda a: pyarrow.chunked_array([a[: len(a) // 3], a[len(a) // 3 :]])),
    "read-only": frozen,
    "every second": spaced,
    "backwards in memory": lambda array: np.ascontiguousarray(array[::-1])[::-1],
    "by columns": np.asfortranarray,
    "big-endian": lambda array: array.astype(">i8"),
    "int32": lambda array: array.astype(np.int32),
    "uint8": lambda array: array.astype(np.uint8 if array.max() < 256 else np.uint64),
}


@pytest.mark.parametrize("contained", CONTAINERS.values(), ids=CONTAINERS.keys())
@pytest.mark.parametrize("model_class", [Recommender, SegmentPopularity, Popularity])
def test_any_container_gives_the_same_bits(model_class: Any, contained: Callable[[np.ndarray], Any]) -> None:
    world = random_world(61, people=120, trainings=20)
    balance = np.random.default_rng(0).integers(0, 1_000_001, 120)
    other = {name: contained(array) for name, array in world.items()}
    plain = model_class(seed=0).fit(**world).recommend(**people_of(world), balance_rupiah=balance)
    found = model_class(seed=0).fit(**other).recommend(**people_of(other), balance_rupiah=contained(balance))
    assert np.array_equal(found[0], plain[0]) and np.array_equal(found[1], plain[1])


@pytest.mark.parametrize("contained", CONTAINERS.values(), ids=CONTAINERS.keys())
def test_reasons_and_metrics_take_them_too(contained: Callable[[np.ndarray], Any]) -> None:
    world = random_world(62, people=300, trainings=15)
    institution = np.arange(15) % 5
    arrays = [
        ReasonTables.fit(
            **{name: change(array) for name, array in people_of(world).items()}, institution=change(institution)
        ).save()
        for change in (contained, np.asarray)
    ]
    assert all(np.array_equal(arrays[0][name], arrays[1][name]) for name in arrays[1])
    lists = Popularity().fit(**world).recommend(**people_of(world), n=3)[0].clip(0)
    gains = [ndcg_at(change(lists), change(world["ptr"]), change(world["items"])) for change in (contained, np.asarray)]
    assert np.array_equal(*gains, equal_nan=True)


def test_nothing_that_was_handed_in_is_changed() -> None:
    world = {name: frozen(array) for name, array in random_world(63, people=100).items()}
    model = Recommender(seed=0).fit(**world)
    balance = frozen(np.full(100, 500_000))
    on_sale = frozen(np.arange(30) % 7 > 0)
    model.recommend(**people_of(world), balance_rupiah=balance, on_sale=on_sale, price_rupiah=world["price_rupiah"])
    model.probabilities(**people_of(world), balance_rupiah=balance, on_sale=on_sale)
    model.partial_fit(**people_of(world)).forget(**people_of(world))


MASKED = np.ma.array([0, 1, 2], mask=[False, True, False])
REFUSED: dict[str, tuple[Any, int, str]] = {
    "nan": ([0, float("nan")], 1, "x must hold whole numbers, not float64 (entry 1 is nan): convert it with"),
    "half": ([[0, 1], [0.5, 1]], 2, "x must hold whole numbers, not float64 (entry 1, 0 is 0.5)"),
    "whole floats": (np.ones(3), 1, "x must hold whole numbers, not float64: convert it with .astype(np.int64) first"),
    "none": ([0, None], 1, "not object (entry 1 is None)"),
    "objects": (np.array([1, 2], object), 1, "not object: convert it with .astype(np.int64) first"),
    "words": (["0", "1"], 1, "x must hold whole numbers, not <U1"),
    "bool": ([True], 1, "x must hold whole numbers, not bool"),
    "dates": (np.array(["2020-01-01"], "M8[D]"), 1, "x must hold whole numbers, not datetime64[D]"),
    "ragged": ([[1], [1, 2]], 2, "x is no array: its rows differ in length"),
    "masked": (MASKED, 1, "x[1] is masked: fill it or leave its row out"),
    "above int64": (np.array([1, 2**63], np.uint64), 1, f"x[1] is {2**63}: use numbers below 2**63"),
    "above int64 in a table": (np.array([[1, 2**63]], np.uint64), 2, f"x[0, 1] is {2**63}"),
    "a column for a table": ([0, 1], 2, "x must have 2 dimension(s), it has 1"),
    "one number": (5, 1, "x must have 1 dimension(s), it has 0"),
    "no array": ({"a": 1}, 1, "x must hold whole numbers, not object"),
    "a hole in pandas": (pandas.Series([0, None], dtype="Int64"), 1, "entry 1 is nan"),
    "a hole in polars": (polars.Series([None, 1]), 1, "entry 0 is nan"),
    "a hole in arrow": (pyarrow.table({"a": [0, 1], "b": [2, None]}), 2, "entry 1, 1 is nan"),
}


@pytest.mark.parametrize(("values", "dimensions", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_no_array_of_whole_numbers_is_refused(values: Any, dimensions: int, message: str) -> None:
    with pytest.raises(ValueError) as refusal:
        whole_numbers("x", values, dimensions)
    assert message in str(refusal.value)


def test_unmasked_and_in_range_is_taken() -> None:
    assert whole_numbers("x", np.ma.array([1, 2])).tolist() == [1, 2]
    assert whole_numbers("x", np.array([2**63 - 1], np.uint64)).tolist() == [2**63 - 1]


def test_a_ptr_that_wraps_around_is_seen_to_fall() -> None:
    """Each step is below 2**63 once it has overflowed, so differences alone would call it rising."""
    ptr = [0, 2**63 - 1, -(2**63), -1, 2]
    with pytest.raises(ValueError, match=r"ptr\[2\] is -9223372036854775808, less than"):
        Popularity().fit(ptr=ptr, items=[0, 1], profile=np.zeros((4, 1), int), price_rupiah=[1, 1])


whole = st.integers(-(2**63), 2**64 - 1) | st.integers(-2, 6)
scalar = st.none() | st.booleans() | st.floats() | st.text(max_size=2) | whole | st.just(2**80)
junk = (
    scalar
    | st.lists(scalar, max_size=5)
    | st.lists(whole, max_size=6)
    | st.lists(st.lists(whole, min_size=2, max_size=2), max_size=4)
    | st.lists(st.lists(scalar, max_size=3), max_size=4)
    | st.lists(st.floats(), max_size=4).map(np.array)
    | st.lists(st.integers(0, 255), max_size=6).map(lambda drawn: np.array(drawn, np.uint8))
    | st.dictionaries(st.text(max_size=1), whole, max_size=2)
)
GOOD = arrays_of([[0], [1], [2, 1]], [[0], [1], [0]], [1000, 2000, 3000])
ASKED = {"ptr": [0, 1], "items": [2], "profile": [[1]]}


def only_value_errors(call: Callable[..., object], arguments: Arrays) -> None:
    """The call works, or raises ValueError that names one of its arguments; never another exception."""
    try:
        call(**arguments)
    except ValueError as refusal:
        assert any(name in str(refusal) for name in arguments), refusal
        assert len(str(refusal)) < 300


@settings(max_examples=100)
@given(name=st.sampled_from(sorted(GOOD)), value=junk)
def test_any_junk_to_learn_from_is_refused_by_name(name: str, value: Any) -> None:
    world = {**GOOD, name: value}
    for model in (Recommender(seed=0), SegmentPopularity(), Popularity()):
        only_value_errors(model.fit, world)
    only_value_errors(Recommender(seed=0).fit(**GOOD).partial_fit, world)
    only_value_errors(Recommender(seed=0).fit(**GOOD).forget, people_of(world))
    only_value_errors(ReasonTables.fit, {**people_of(world), "institution": world["price_rupiah"]})


@settings(max_examples=100)
@given(name=st.sampled_from([*ASKED, "balance_rupiah", "price_rupiah", "on_sale"]), value=junk)
def test_any_junk_in_a_question_is_refused_by_name(name: str, value: Any) -> None:
    model = Recommender(seed=0).fit(**GOOD)
    before = model.scores(**ASKED)
    asked = {**ASKED, "balance_rupiah": [2500], name: value}
    for call in (model.recommend, model.probabilities):
        only_value_errors(call, asked)
    if name not in ("price_rupiah", "on_sale"):
        only_value_errors(Popularity().fit(**GOOD).recommend, asked)
    assert np.array_equal(model.scores(**ASKED), before)


@settings(max_examples=40)
@given(refused=st.sampled_from(["ptr", "items", "profile", "price_rupiah"]), value=junk)
def test_what_is_refused_changes_nothing(refused: str, value: Any) -> None:
    model = Recommender(seed=0, history_strength=10.0, floor=0.3).fit(**GOOD)
    before = model.save(counts=True)[1]
    try:
        model.partial_fit(**{**GOOD, refused: value})
    except ValueError:
        assert model.save(counts=True)[1] == before
