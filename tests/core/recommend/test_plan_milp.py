"""Spending plans against scipy's integer programme, on instances too large to enumerate."""

import numpy as np
import pytest

from bekal.core.recommend import plan_spending
from benchmarks._plan_instances import KINDS, Programme, catalogue
from benchmarks.plan import is_equal, main

INSTANCES = 12  # of each kind


@pytest.mark.parametrize("kind", range(KINDS))
def test_equal_to_an_integer_programme(kind):
    """The best plan, the fullest, one amount of the front, one ranked training: `dev bench plan` does 1,000."""
    rng = np.random.default_rng(kind)
    assert all(is_equal(rng, kind) for _ in range(INSTANCES))


@pytest.mark.parametrize("balance", [300_000, 1_000_000])
def test_equal_on_a_catalogue_of_real_size(balance):
    value, price = catalogue(np.random.default_rng(1), 1_500)
    spending = plan_spending(value, price, balance)
    highest = Programme(1000 * value, price, balance, 8).highest(value)
    assert spending.best_value.value == pytest.approx(highest, rel=1e-6)


def test_the_benchmark_prints_its_verdicts(capsys):
    assert main(["--instances", "1", "--trainings", "200", "--equal", "10"]) in (0, 1)  # by how fast it was
    printed = capsys.readouterr().out
    assert "small catalogues equal to milp (target: all)                   10 of 10  met" in printed
    assert "Not written: a part of the whole." in printed
