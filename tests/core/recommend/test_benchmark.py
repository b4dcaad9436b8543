"""The benchmark's command: what it measures on, what it prints and writes, and how it ends."""

import json

import numpy as np
import pytest

from benchmarks import machine, recommender
from benchmarks._recommender_simulated import lived_world
from benchmarks._recommender_table import NAMES
from benchmarks.peers import BoostedReranker, ImplicitAls, ItemItem
from tests import factories
from tests.core.recommend.worlds import random_world

KEPT_CELLS = {"k0", "k1", "k2", "k3", "k0b", "k1b", "k2b", "k3b"}


@pytest.fixture
def data_file(tmp_path):
    """Two hundred people, a third of them to be tested on, with balances from which some cannot pay anything."""
    people = 200
    world = random_world(40, people=people)
    rng = np.random.default_rng(0)
    path = tmp_path / "choices.npz"
    np.savez(
        path,
        ptr=world["ptr"],
        items=world["items"],
        profile=world["profile"],
        price=world["price_rupiah"],
        balance=rng.integers(0, 1_000_000, people),
        is_test=rng.random(people) < 0.3,
        short_len=rng.integers(1, 4, people),
    )
    return path


@pytest.fixture
def results(tmp_path, monkeypatch):
    monkeypatch.setattr(machine, "RESULTS", tmp_path / "results")
    return tmp_path / "results"


@pytest.mark.parametrize("content", [b"no archive", b"", b"PK\x03\x04 cut off"])
def test_a_file_of_another_kind_is_refused(content, tmp_path, capsys):
    path = tmp_path / "choices.npz"
    path.write_bytes(content)
    assert recommender.main(["--data", str(path)]) == 2
    assert "no npz file that can be read" in capsys.readouterr().err


def test_a_file_that_lacks_an_array_is_refused(tmp_path, capsys):
    path = tmp_path / "choices.npz"
    np.savez(path, ptr=[0], items=[])
    assert recommender.main(["--data", str(path)]) == 2
    assert "lacks profile, price, balance, is_test, short_len" in capsys.readouterr().err


@pytest.mark.parametrize("is_test", [True, False])
def test_a_file_with_nobody_to_test_on_or_to_learn_from_is_refused(data_file, is_test, capsys):
    with np.load(data_file) as file:
        arrays = dict(file)
    np.savez(data_file, **arrays | {"is_test": np.full(200, is_test)})
    assert recommender.main(["--data", str(data_file)]) == 2
    assert "nobody to test on, or nobody to learn from" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["--data", "/nowhere/choices.npz"]])
def test_without_data_it_says_what_it_takes_and_simulates(arguments, capsys):
    assert recommender.main([*arguments, "--participants", "0"]) == 2
    said = capsys.readouterr().err
    assert "Give --data FILE" in said and "short_len" in said
    assert "a simulated population" in said and "--participants is 0: write a whole number from 1 on" in said


def test_a_peer_nobody_knows_is_named(data_file, capsys):
    with pytest.raises(SystemExit):
        recommender.main(["--data", str(data_file), "--peers", "popularity,oracle"])
    assert "--peers names oracle: write any of segment popularity, popularity" in capsys.readouterr().err


def test_a_whole_run_prints_and_writes_every_row_of_both_regimes(data_file, results, capsys):
    pytest.importorskip("implicit")
    pytest.importorskip("xgboost")
    status = recommender.main(["--data", str(data_file)])
    printed = capsys.readouterr().out
    written = json.loads((results / "recommender.json").read_text())
    assert set(written["regimes"]) == {"full", "short"} and written["data"] == "choices.npz"
    assert written["machine"]["packages"]["numpy"] in printed
    for regime in written["regimes"].values():
        assert sorted(regime["models"]) == sorted(["CoLift", *NAMES])
        for model in regime["models"].values():
            assert set(model["cells"]) == KEPT_CELLS
            assert all(0 <= cell["mean"] <= 1 and cell["error"] > 0 for cell in model["cells"].values())
            assert f"{model['mean']:.4f}" in printed
        assert {each["peer"] for each in regime["comparisons"]} == set(NAMES)
        assert set(regime["calibration"]) == {"k0", "k1", "k2", "k3"}
        own, other = (regime["models"][name]["mean"] for name in ("CoLift", "popularity"))
        beside = next(each for each in regime["comparisons"] if each["peer"] == "popularity")
        assert beside["mean"] == pytest.approx(own - other)
    assert "The targets of the public set do not apply to choices.npz." in printed
    # The exit code is that of the verdicts: one a line, in both regimes.
    assert printed.count("beats every peer in the mean") == printed.count("loses no cell to any of them") == 2
    assert status == (1 if "MISSED" in printed else 0)


def test_a_part_of_the_table_is_judged_but_not_written(data_file, results, capsys):
    status = recommender.main(["--data", str(data_file), "--short", "--peers", "popularity,profile ridge"])
    printed = capsys.readouterr().out
    assert status == (1 if "MISSED" in printed else 0)
    assert "short histories" in printed and "full histories" not in printed and "EASE" not in printed
    assert "Only a whole table is written." in printed and not results.exists()


def test_it_ends_well_where_every_verdict_is_met(tmp_path, results, capsys):
    """Two kinds of people that only the profile tells apart: the same for everybody is no match."""
    rng = np.random.default_rng(0)
    kind = np.arange(400) % 2
    items = np.concatenate([rng.choice(20, 4, replace=False) + 20 * each for each in kind])
    path = tmp_path / "choices.npz"
    arrays = {"ptr": np.arange(401) * 4, "items": items, "profile": kind[:, None], "price": np.full(40, 100_000)}
    balance, short = np.full(400, 500_000), np.full(400, 2)
    np.savez(path, **arrays, balance=balance, short_len=short, is_test=np.arange(400) % 7 < 2)
    assert recommender.main(["--data", str(path), "--peers", "popularity"]) == 0
    printed = capsys.readouterr().out
    assert "MISSED" not in printed and printed.count("  met\n") == 4


def test_a_table_without_a_peer_that_is_not_installed_is_not_whole(data_file, results, monkeypatch, capsys):
    for peer_class in (ImplicitAls, ItemItem, BoostedReranker):
        monkeypatch.setattr(peer_class, "package", "a_package_that_nobody_has")
    asked = "popularity,implicit ALS,item-item + profile ridge,boosted re-ranker"
    assert recommender.main(["--data", str(data_file), "--short", "--peers", asked]) == 1
    printed = capsys.readouterr().out
    assert printed.count("not installed: it needs the package a_package_that_nobody_has") == 3
    assert "not installed: boosted re-ranker, implicit ALS, item-item + profile ridge." in printed
    assert not results.exists()


@pytest.mark.django_db
def test_a_lived_year_gives_choices_in_order_and_what_was_left_before_each():
    prices = (300_000, 200_000, 50_000)
    late, soon, never = (factories.training(price_rupiah=price) for price in prices)
    one, two, nobody = factories.accepted(
        3, born_on=factories.date(1995, 6, 15), education=3, employment=1, province=32
    )
    factories.completed(one, soon, at=factories.BOUGHT_AT)
    factories.bought(one, never, at=factories.jakarta(2020, 5, 20))  # paid for, not completed
    factories.completed(one, late, at=factories.jakarta(2020, 6, 20))
    factories.completed(two, late, at=factories.BOUGHT_AT)
    factories.bought(nobody, late)
    world = lived_world("a year")
    assert world.choices.ptr.tolist() == [0, 2, 3] and world.regimes == ("short",)
    assert world.choices.items.tolist() == [1, 0, 0]
    assert world.choices.price_rupiah.tolist() == list(prices)
    assert world.choices.profile[0].tolist() == [0, 1, 3, 1, 32]  # a woman of 25 in 2020
    assert world.balance_rupiah[:, :2].tolist() == [[1_000_000, 750_000], [1_000_000, 0]]
    assert world.sha256 == "" and len(world.is_test) == 2
