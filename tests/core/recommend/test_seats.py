"""Prices of seats: near the optimum of the assignment, whatever the order and the blocks of people."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog
from scipy.sparse import coo_array

from bekal.core.recommend.seats import NO_LIMIT, SeatPrices, contested, reprice, seat_prices, softened_demand


@dataclass(frozen=True)
class Market:
    values: np.ndarray  # (people, trainings), 0 where a person cannot pay
    seats: np.ndarray


def market(seed: int, *, people: int = 2000, trainings: int = 80, limited: float = 0.9, seats: float = 1.0) -> Market:
    """Nearly everybody likes the same few trainings; each has about as many seats, `seats` a person in all."""
    draw = np.random.default_rng(seed)
    appeal = np.exp(-4.0 * np.arange(trainings) / trainings)
    liking = appeal * np.exp(0.7 * draw.gumbel(size=(people, trainings)))
    values = liking / liking.sum(axis=1, keepdims=True) * draw.uniform(0.6, 1.0, trainings)
    values[draw.random(values.shape) < 0.7] = 0.0  # above the balance
    quota = np.maximum(draw.multinomial(int(people * seats), np.full(trainings, 1 / trainings)), 1)
    return Market(values.astype(np.float32), np.where(draw.random(trainings) < limited, quota, NO_LIMIT))


def priced(values: np.ndarray, seats: np.ndarray, places: int = 1, block: int = 700) -> SeatPrices:
    blocks = [contested(values[first : first + block], seats, places) for first in range(0, len(values), block)]
    return seat_prices(lambda: iter(blocks), seats, places)


def optimum(world: Market, places: int = 1) -> float:
    """The highest total value, by linear programming."""
    person, training = np.nonzero(world.values)
    limited = np.flatnonzero(world.seats >= 0)
    people_count = len(world.values)
    row = np.full(len(world.seats), -1)
    row[limited] = people_count + np.arange(len(limited))
    held = row[training] >= 0
    column = np.arange(len(person))
    rows, columns = np.append(person, row[training][held]), np.append(column, column[held])
    sums = coo_array((np.ones(len(rows)), (rows, columns)), shape=(people_count + len(limited), len(person)))
    limits = np.append(np.full(people_count, places), world.seats[limited])
    bounds = (0, None if places == 1 else 1)
    solved = linprog(-world.values[person, training], A_ub=sums.tocsr(), b_ub=limits, bounds=bounds, method="highs")
    return float(-solved.fun)


def assigned(world: Market, price: np.ndarray, places: int = 1, seed: int = 4) -> float:
    """Total value when people come in a random order and take what is best for them at these prices and has a seat."""
    left = np.where(world.seats >= 0, world.seats, len(world.values))
    total = 0.0
    for person in np.random.default_rng(seed).permutation(len(world.values)):
        worth = world.values[person]
        surplus = np.where((left > 0) & (worth > 0), worth - price, 0.0)
        for training in np.argsort(-surplus)[:places]:
            if surplus[training] > 0:
                left[training] -= 1
                total += float(worth[training])
    return total


def wanted(world: Market, price: np.ndarray) -> np.ndarray:
    """How many people find each training best at these prices, seats or no seats."""
    surplus = np.where(world.values > 0, world.values - price, 0.0)
    best = surplus.argmax(axis=1)
    return np.bincount(best[surplus.max(axis=1) > 0], minlength=len(price))


@pytest.mark.parametrize("seed", [1, 2])
def test_lists_by_prices_come_near_the_optimum_and_first_come_does_not(seed):
    world = market(seed)
    best = optimum(world)
    found = priced(world.values, world.seats)
    assert assigned(world, found.price) >= 0.97 * best
    assert assigned(world, np.zeros(len(world.seats))) <= 0.8 * best
    limited = world.seats >= 0
    dual = found.price @ np.where(limited, world.seats, 0)
    dual += np.maximum(np.where(world.values > 0, world.values - found.price, 0), 0).max(axis=1).sum()
    assert best * (1 - 1e-5) <= dual <= 1.005 * best, "any prices bound the optimum from above, these closely"
    too_many = np.maximum(wanted(world, found.price) - world.seats, 0)[limited].sum()
    assert too_many <= 0.03 * world.seats[limited].sum(), "prices alone nearly keep to the seats"


def test_two_places_a_person():
    world = market(3, people=1200, trainings=60, seats=1.6)
    found = priced(world.values, world.seats, places=2)
    best = optimum(world, places=2)
    assert assigned(world, found.price, places=2) >= 0.97 * best
    assert assigned(world, np.zeros(len(world.seats)), places=2) <= 0.85 * best


def test_only_what_would_fill_up_has_a_price():
    """A price above 0 says that all seats are wanted; where seats are left over the price is 0."""
    world = market(5, seats=1.4)
    found = priced(world.values, world.seats)
    limited = world.seats >= 0
    assert (found.price >= 0).all() and (found.price[~limited] == 0).all() and (found.load[~limited] == 0).all()
    has_price = found.price > 0
    assert has_price.sum() > 20 and (limited & ~has_price).sum() > 5
    assert (np.abs(found.load - world.seats)[has_price] <= 0.05 * world.seats[has_price] + 1).all()
    assert (found.load[limited] <= world.seats[limited] * 1.05 + 1).all()
    assert found.misfit <= 0.01


def test_without_limits_or_without_takers_nothing_has_a_price():
    world = market(6, people=300)
    for seats in (np.full(80, NO_LIMIT), np.full(80, 300)):
        assert not priced(world.values, seats).price.any()
    nobody = priced(world.values[:0], world.seats)
    assert not nobody.price.any() and nobody.pass_count == 0
    assert not priced(np.zeros((5, 80)), world.seats).price.any()
    full = priced([[0.5, 0.2], [0.4, 0.0]], np.array([0, NO_LIMIT]))
    assert full.price.tolist() == [0.5, 0.0] and full.pass_count == 0, "all that has a limit is full"


def test_a_training_without_seats_has_the_price_at_which_nobody_wants_it():
    world = market(7, people=600)
    seats = world.seats.copy()
    seats[0] = 0
    found = priced(world.values, seats)
    assert found.load[0] == 0 and wanted(Market(world.values, seats), found.price)[0] == 0
    assert found.price[0] == pytest.approx(world.values[:, 0].max())
    others = priced(np.where(np.arange(80) == 0, 0, world.values), seats)
    assert np.array_equal(others.price[1:], found.price[1:]), "for the others it is as if it did not exist"


@pytest.mark.parametrize("places", [1, 3])
def test_neither_the_blocks_nor_the_order_of_people_change_a_bit(places):
    world = market(8, people=50, trainings=15)
    whole = priced(world.values, world.seats, places, block=50)
    mixed = world.values[np.random.default_rng(0).permutation(50)]
    for values, block in ((world.values, 1), (world.values, 17), (mixed, 30)):
        found = priced(values, world.seats, places, block)
        assert np.array_equal(found.price, whole.price) and np.array_equal(found.load, whole.load)


def test_the_order_of_trainings_does_not_matter():
    """Up to the rounding of a sum over a person's trainings."""
    world = market(9, people=500, trainings=40)
    order = np.random.default_rng(1).permutation(40)
    found = priced(world.values, world.seats)
    again = priced(world.values[:, order], world.seats[order])
    assert np.abs(again.price - found.price[order]).max() <= 1e-3 * found.price.max()


@pytest.mark.parametrize("training", [0, 3, 11])
def test_more_seats_never_raise_the_own_price(training):
    world = market(10, people=500, trainings=40, limited=1.0)
    prices = []
    for more in (0, 3, 10, 100):
        seats = world.seats.copy()
        seats[training] += more
        prices.append(priced(world.values, seats).price[training])
    assert all(later <= before + 0.01 * prices[0] for before, later in pairwise(prices))
    assert prices[0] > 0 and prices[-1] < 0.5 * prices[0]


def test_twice_the_values_are_twice_the_prices():
    world = market(11, people=400, trainings=40)
    found = priced(world.values, world.seats)
    assert np.array_equal(priced(world.values * np.float32(2), world.seats).price, 2 * found.price)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 4), st.integers(1, 7), st.sampled_from([0.02, 0.3, 2.0]))
def test_softened_demand_keeps_to_the_places(seed, places, trainings, temperature):
    """Each share is of one place at most, the sum is the places or all that is above the price, and better is more."""
    surplus = np.random.default_rng(seed).normal(size=(30, trainings)).astype(np.float32)
    surplus[np.random.default_rng(seed + 1).random(surplus.shape) < 0.2] = -np.inf
    shares = softened_demand(surplus, np.float32(temperature), places)
    assert (shares >= 0).all() and (shares <= 1 + 1e-6).all() and (shares[np.isneginf(surplus)] < 1e-30).all()
    assert (shares.sum(axis=1) <= places + 1e-4).all()
    order = np.argsort(surplus, axis=1)
    assert (np.diff(np.take_along_axis(shares, order, axis=1), axis=1) >= 0).all()
    alone = np.minimum(np.exp(np.minimum(surplus, 0) / temperature), 1)
    short = shares.sum(axis=1) < places - 1e-3
    assert np.allclose(shares[short], alone[short], atol=1e-5), "places are left only where nothing holds people back"


def resold(before: list[int], now: list[int], price: float = 0.5, hours: float = 1, last: float = 100) -> np.ndarray:
    each = np.ones(len(before))
    sales = {"seats_left_before": before, "seats_left_now": now, "hours": each * hours, "hours_to_last": each * last}
    return reprice(each * price, **sales, step=0.1)


def test_a_price_follows_what_is_really_sold():
    """100 seats are to last 100 hours: one an hour is as expected."""
    new = resold([100, 100, 100, 100, 100], [99, 90, 98, 100, 103])
    assert new[0] == 0.5, "as expected"
    assert new[1] == pytest.approx(0.5 + 0.1 * np.log(11 / 2)) and new[2] == pytest.approx(0.5 + 0.1 * np.log(3 / 2))
    assert new[3] == pytest.approx(0.5 - 0.1 * np.log(2)), "nothing sold"
    assert new[4] == new[3], "seats that came back were not sold"
    assert resold([100], [100], price=0.01) == 0.0, "never below 0"
    assert resold([100, 0, 0], [0, 0, 5]).tolist() == [0.5] * 3, "full: as dear as the last seat was, until one is back"
    assert resold([3], [3], last=720) == 0.5, "an hour in which a small course sells nothing says next to nothing"
    assert resold([3], [3], hours=72, last=720) < 0.5, "three days do"


def test_hours_at_once_or_one_by_one_lead_the_same_way():
    """Steady sales of three times what is expected."""
    price, left = np.array([0.2]), np.array([600])
    for _ in range(6):
        price = resold(left, left - 6, price=float(price[0]), last=300)
        left = left - 6
    paused = resold([600], [564], price=0.2, hours=6, last=300)
    assert price[0] > 0.2 and paused[0] > 0.2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"price": [-0.1]}, r"price is \[-0.1\]: give a finite number of 0 or more for each training"),
        ({"seats_left_before": [1, 2]}, r"seats_left_before is \[1, 2\]: give 0 or more for each training that"),
        ({"seats_left_now": [-1]}, r"seats_left_now is \[-1\]"),
        ({"hours": [0]}, r"hours is \[0.0\]: give a finite number above 0"),
        ({"hours_to_last": [1, 1]}, r"hours_to_last is \[1.0, 1.0\]"),
        ({"step": float("nan")}, "step is nan"),
    ],
)
def test_bad_sales_are_refused(change, message):
    arguments = {"price": [0.1], "seats_left_before": [5], "seats_left_now": [4]}
    arguments |= {"hours": [1], "hours_to_last": [100], "step": 0.1} | change
    with pytest.raises(ValueError, match=message):
        reprice(arguments.pop("price"), **arguments)


def test_bad_markets_are_refused():
    values = np.zeros((2, 3), np.float32)
    with pytest.raises(ValueError, match=r"seats\[1\] is -2: give seats left, 0 or more, or -1 for no limit"):
        contested(values, [1, -2, 3])
    with pytest.raises(ValueError, match=r"values has the shape \(2, 3\): give one row a person of 2 trainings"):
        contested(values, [1, 2])
    with pytest.raises(ValueError, match=r"values\[1, 2\] is nan"):
        contested([[0, 0, 0], [0, 0, np.nan]], [1, 2, 3])
    with pytest.raises(ValueError, match="places is 0"):
        contested(values, [1, 2, 3], places=0)
    block = contested(np.ones((2, 3)), [1, 2, -1], places=1)
    with pytest.raises(ValueError, match=r"a block has the shape .*, but seats and places ask for 3 \+ 1 columns"):
        seat_prices(lambda: [block], [1, 2, 3])
