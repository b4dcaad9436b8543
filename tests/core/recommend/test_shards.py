"""One function over many shards: the same bytes in the same order, by however many processes."""

from collections.abc import Iterator

import numpy as np
import pytest

from bekal.core.recommend import Recommender, map_shards
from tests.core.recommend.test_blocks import blocks_of
from tests.core.recommend.worlds import random_world


def squares(shard: np.ndarray) -> bytes:
    return bytes((shard * shard).data)


def refuse_three(shard: int) -> int:
    if shard == 3:
        raise ValueError("three is refused")
    return shard


def test_any_number_of_processes_gives_the_same_bytes_in_order() -> None:
    shards = [np.arange(n, n + 40, dtype=np.float64) / 7 for n in range(7)]
    serial = [squares(shard) for shard in shards]
    for processes in (1, 2, 3):  # spawned anew for each, which takes most of this test's time
        assert list(map_shards(squares, shards, processes=processes)) == serial


def test_a_fit_by_two_processes_is_the_fit_by_one() -> None:
    world = random_world(31, people=120)
    price = world["price_rupiah"]
    one, two = (
        Recommender(seed=0)
        .fit_stream(blocks=lambda: blocks_of(world, 40), price_rupiah=price, processes=processes)
        .save(counts=True)[1]
        for processes in (1, 2)
    )
    assert one == two  # the manifest has the hash of every array


def test_shards_are_taken_as_they_are_needed() -> None:
    taken: list[int] = []

    def shards() -> Iterator[int]:
        for number in range(100):
            taken.append(number)
            yield number

    results = map_shards(refuse_three, shards(), processes=2)
    assert [next(results), next(results)] == [0, 1]
    assert len(taken) <= 2 + 2 * 2
    assert next(results) == 2
    with pytest.raises(ValueError, match="three is refused"):
        next(results)


def test_no_shards_give_no_results() -> None:
    assert list(map_shards(squares, [], processes=2)) == list(map_shards(squares, [])) == []


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"processes": 0}, "processes is 0: give a whole number of at least 1"),
        ({"backend": "threads"}, "backend is 'threads': use one of processes, ray"),
    ],
)
def test_what_cannot_be_done_is_refused_at_once(wrong: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        map_shards(squares, [], **wrong)


def test_without_ray_the_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    with pytest.raises(RuntimeError, match="the package ray is not installed"):
        map_shards(squares, [], backend="ray")
