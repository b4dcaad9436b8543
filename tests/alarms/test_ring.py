"""The ring of 200 is found in each shape it has to be found in, and families, cafés and helpers are left in peace."""

from typing import Any

import pytest

from bekal.alarms.links import Bought, Cell, recent_purchases, shared_cells
from bekal.alarms.ring import flags
from bekal.alarms.watch import RING, watch
from bekal.holds.decide_holds import lift_holds
from bekal.holds.models import Hold
from bekal.simulation.ring_shapes import FOUND, MISSED
from bekal.simulation.ring_world import RING_COUNT, build_world, innocents, write_people
from tests import factories
from tests.factories import jakarta

pytestmark = pytest.mark.django_db
INNOCENT_COUNT = 4_000


def looked(shape: Any, seed: int) -> tuple[float, float]:
    """(recall, share of the innocent who were flagged)."""
    world = build_world(seed=seed, opens_at=jakarta(2020, 4, 1))
    people = innocents(world, INNOCENT_COUNT)
    innocent_ids = set(write_people(world, people))
    ring_ids = set(write_people(world, shape(world, people)))
    assert len(ring_ids) == RING_COUNT
    found = {flag.participation_id for flag in flags(shared_cells(world.looked_at), recent_purchases(world.looked_at))}
    return len(found & ring_ids) / RING_COUNT, len(found & innocent_ids) / len(innocent_ids)


@pytest.mark.parametrize("name", ["star", "chain", "fives", "mixed", "scattered"])
def test_a_ring_is_found(name: str) -> None:
    recall, false = looked(FOUND[name], seed=1)
    assert recall >= 0.95 and false <= 0.005, (recall, false)


def test_seven_couples_on_one_day_are_no_ring() -> None:
    """Nothing is known of others yet, and seven couples met at one institution on one day."""
    at = jakarta(2020, 5, 1)
    cells = [Cell("device", (2 * number, 2 * number + 1)) for number in range(7)]
    purchases = [Bought(number, 1, at) for number in range(14)]
    assert flags(cells, purchases) == []


def test_who_shares_nothing_is_not_found_and_nobody_else_is() -> None:
    assert looked(MISSED["unlinked"], seed=1) == (0.0, 0.0)


def test_a_second_look_holds_nobody_twice_and_nobody_who_was_let_go() -> None:
    world = build_world(seed=2, opens_at=jakarta(2020, 4, 1))
    people = innocents(world, 600)
    write_people(world, people)
    ring_ids = write_people(world, FOUND["star"](world, people))
    (first,) = watch(at=world.looked_at, detectors=(RING,))
    assert (first.found_count, first.opened_count) == (RING_COUNT, RING_COUNT)
    assert set(Hold.objects.order_by("pk").values_list("participation_id", flat=True)) == set(ring_ids)
    lifted = list(Hold.objects.order_by("pk").values_list("pk", flat=True)[:50])
    lift_holds(hold_ids=lifted, officer_id=factories.officer().pk, reason="Satu desa.", at=world.looked_at)
    (second,) = watch(at=world.looked_at, detectors=(RING,))
    assert (second.found_count, second.opened_count) == (RING_COUNT, 0)
