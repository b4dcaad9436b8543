"""The verdicts of the benchmark, both ways, and the calibration it reports."""

from dataclasses import dataclass

import numpy as np
import pytest

from benchmarks._recommender_calibration import calibration
from benchmarks._recommender_protocol import CELLS, World
from benchmarks._recommender_verdicts import (
    PUBLIC_SHA256,
    TARGETS,
    Comparison,
    against_peers,
    against_targets,
    compared,
    is_different,
)
from benchmarks.peers import Choices

NOBODY = Choices.of([0], [], np.zeros((0, 1)), [1])


def world(sha256: str) -> World:
    return World("made up", NOBODY, np.zeros((0, 4), np.int64), np.zeros(0, bool), np.zeros(0, np.int64), sha256)


def gains(means, spread: float = 0.3, people: int = 900) -> list[np.ndarray]:
    """Figures of people in every cell whose mean is exactly that, with a standard error of 0.01."""
    around = np.where(np.arange(people) % 2, spread, -spread)
    return [mean + around for mean in means]


TARGET = np.array(TARGETS["full"])
ONE_LOW = np.where(np.arange(8) == 6, 1, 0)


@pytest.mark.parametrize(
    ("means", "met"),
    [
        (TARGET, [True, True]),
        (TARGET * 0.9951, [True, True]),
        (TARGET * 0.9949, [False, True]),
        (TARGET + 0.003 - 0.0129 * ONE_LOW, [True, True]),  # 0.99 standard errors under in one cell
        (TARGET + 0.003 - 0.0131 * ONE_LOW, [True, False]),  # 1.01 under
    ],
)
def test_the_targets_are_met_or_missed_to_the_last_digit(means, met):
    found = against_targets(world(PUBLIC_SHA256), "full", gains(means))
    assert [verdict.is_met for verdict in found] == met
    assert ("MISSED" in "".join(verdict.line() for verdict in found)) is not all(met)


def test_targets_of_the_public_set_hold_for_no_other_data():
    assert against_targets(world("0" * 64), "full", gains(TARGET * 0)) == []


def test_a_difference_counts_when_a_paired_t_test_says_so():
    plain = np.where(np.arange(100) % 2, 1.0, -1.0)  # standard error 0.1005, the 97.5 % point of t with 99 is 1.984
    assert is_different(plain + 0.2) and is_different(plain - 0.2)
    assert not is_different(plain + 0.199) and not is_different(np.zeros(100))
    assert is_different(np.full(5, 0.1)) and not is_different(np.array([1.0]))


def test_a_peer_is_compared_person_by_person():
    rng = np.random.default_rng(0)
    own = [rng.random(400) for _ in CELLS]
    better = [each + 0.05 + rng.normal(0, 0.1, 400) for each in own]
    found = compared(own, "a peer", better)
    assert found.losses == ("k0", "k1", "k2", "k3", "k0b", "k1b", "k2b", "k3b") and found.wins == ()
    assert found.low < found.mean < found.high < 0
    assert found.mean == pytest.approx(np.mean([np.mean(a - b) for a, b in zip(own, better, strict=True)]))
    assert compared(better, "another", own).wins == found.losses
    same = compared(own, "itself", own)
    assert (same.mean, same.low, same.high, same.wins, same.losses) == (0, 0, 0, (), ())


def test_the_interval_knows_that_cells_are_of_the_same_people():
    """Eight times the same cell says no more than the cell once; a person without target is left out of a cell."""
    rng = np.random.default_rng(1)
    own, other = rng.random(300), rng.random(300)
    own[:50] = other[:50] = np.nan
    found = compared([own] * 8, "a peer", [other] * 8)
    difference = (own - other)[50:]
    assert (found.high - found.low) / 2 == pytest.approx(1.96 * difference.std() / np.sqrt(250))


def test_the_interval_covers_the_truth_in_95_of_100_cases():
    rng = np.random.default_rng(2)
    covered = 0
    for _ in range(400):
        person = rng.normal(0, 0.2, 200)
        own = [0.01 + person + rng.normal(0, 0.1, 200) for _ in CELLS]
        found = compared(own, "a peer", [np.zeros(200)] * 8)
        covered += found.low <= 0.01 <= found.high
    assert 0.92 <= covered / 400 <= 0.98


def test_peers_are_beaten_or_not():
    own = gains(TARGET)
    worse, better = compared(own, "worse", gains(TARGET - 0.01)), compared(own, "better", gains(TARGET + 0.0001))
    assert [verdict.is_met for verdict in against_peers("full", [worse])] == [True, True]
    mean, cells = against_peers("full", [worse, better])
    assert not mean.is_met and "better" in mean.measured
    assert not cells.is_met and "k0, k1" in cells.measured and "to better" in cells.measured
    assert against_peers("full", []) == []


def test_another_candidate_may_be_ahead_by_chance_but_not_by_more():
    """User kNN is no peer: within chance of it is enough, as long as no cell is lost. k-shot is one."""
    within, beyond = (Comparison("user kNN", mean, mean - 0.002, mean + 0.002, (), ()) for mean in (-0.001, -0.004))
    assert [verdict.is_met for verdict in against_peers("full", [within])] == [True, True]
    verdicts = against_peers("full", [beyond])
    assert [verdict.is_met for verdict in verdicts] == [False, True] and "user kNN" in verdicts[0].measured
    behind = Comparison("k-shot linear + profile", -0.001, -0.003, 0.001, (), ())
    assert [verdict.is_met for verdict in against_peers("full", [behind])] == [False, True]


@dataclass
class Chooser:
    """Somebody whose chances are those of the world, raised to a power: 1 is calibrated, 0.5 too timid."""

    chances: np.ndarray
    power: float

    def probabilities(self, *, ptr, items, profile, balance_rupiah):
        allowed = np.ones((len(ptr) - 1, len(self.chances)))
        allowed[np.repeat(np.arange(len(ptr) - 1), np.diff(ptr)), items] = 0
        allowed[:, 0] *= balance_rupiah >= 500  # the price of training 0
        raised = allowed * self.chances**self.power
        return (raised / raised.sum(axis=1, keepdims=True)).astype(np.float32)


def test_calibration_finds_the_temperature_and_the_buckets():
    rng = np.random.default_rng(3)
    chances = 1.0 / (1.0 + np.arange(40)) ** 1.2
    people = 3_000
    balance = np.where(np.arange(people) % 3 == 0, 100, 900)
    price = np.where(np.arange(40) == 0, 500, 50)
    items = []
    for left in balance:
        allowed = chances * (price <= left)
        items.append(rng.choice(40, 2, replace=False, p=allowed / allowed.sum()))
    choices = Choices.of(np.arange(people + 1) * 2, np.concatenate(items), np.zeros((people, 1)), price)
    lived = World("made up", choices, np.repeat(balance[:, None], 4, axis=1), np.ones(people, bool), None)
    exact, timid = (calibration(Chooser(chances, power), lived)["k1"] for power in (1.0, 0.5))
    assert exact["people_count"] == people and exact["best_temperature"] == pytest.approx(1.0, abs=0.06)
    assert timid["best_temperature"] == pytest.approx(0.6, abs=0.01)  # the lowest that is tried
    assert timid["log_loss_at_best_nats"] < timid["log_loss_nats"] and exact["log_loss_nats"] < timid["log_loss_nats"]
    for bucket in exact["buckets"]:
        assert bucket["observed"] == pytest.approx(bucket["expected"], rel=0.12, abs=12)
    assert sum(bucket["expected"] for bucket in exact["buckets"]) == pytest.approx(people, rel=1e-3)
    assert set(calibration(Chooser(chances, 1.0), lived)) == {"k0", "k1"}  # after two choices there is no target
