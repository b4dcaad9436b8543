"""What stands first on a list: what goes with the best use of the whole balance, and among those what is worth most."""

import numpy as np

from bekal.recommender.made import _by_plan
from bekal.recommender.places import Places

VALUE = np.array([0.30, 0.20, 0.10, 0.05, 0.25])


def test_by_the_best_plan_that_holds_each_in_steps_of_five_per_cent() -> None:
    """0 would use up what a better plan of small ones needs; 1 and 2 lose next to nothing of it, 3 exactly one step."""
    places = Places((0, 1, 2, 3), (1.0,) * 4, None)
    assert _by_plan(places, VALUE, [0.50, 0.99, 1.00, 0.95]).chosen == (1, 2, 3, 0)


def test_within_a_step_by_value_and_then_by_number() -> None:
    places = Places((3, 1, 0, 2), (1.0,) * 4, None)
    assert _by_plan(places, VALUE, [1.0, 0.97, 0.96, 0.99]).chosen == (0, 1, 2, 3)
    assert _by_plan(places, np.ones(5), [1.0, 0.97, 0.96, 0.99]).chosen == (0, 1, 2, 3)


def test_the_place_that_was_drawn_stays_the_last() -> None:
    places = Places((0, 1, 2, 4), (1.0, 1.0, 1.0, 0.2), 3)
    found = _by_plan(places, VALUE, [0.50, 0.99, 1.00, 1.00])
    assert found.chosen == (1, 2, 0, 4) and found.explored == 3 and found.propensities == places.propensities


def test_what_no_plan_may_hold_comes_last_and_nothing_at_all_is_no_error() -> None:
    """A training that is worth nothing after its seat is in no plan."""
    places = Places((0, 1, 2), (1.0,) * 3, None)
    assert _by_plan(places, VALUE, [-np.inf, 0.9, 1.0]).chosen == (2, 1, 0)
    assert _by_plan(places, VALUE, [-np.inf] * 3).chosen == (0, 1, 2)
    assert _by_plan(Places((), (), None), VALUE, []).chosen == ()
