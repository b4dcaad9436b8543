"""The benchmark's command: what it says without data, and what it writes with some."""

import json

import numpy as np
import pytest

from benchmarks import machine, recommender
from tests.core.recommend.worlds import random_world


@pytest.fixture
def data_file(tmp_path):
    world = random_world(40, people=300)
    rng = np.random.default_rng(0)
    path = tmp_path / "choices.npz"
    np.savez(
        path,
        ptr=world["ptr"],
        items=world["items"],
        profile=world["profile"],
        price=world["price_rupiah"],
        balance=rng.integers(100_000, 1_000_000, 300),
        is_test=rng.random(300) < 0.3,
        short_len=rng.integers(1, 4, 300),
    )
    return path


@pytest.mark.parametrize("arguments", [[], ["--data", "/nowhere/choices.npz"]])
def test_without_data_it_says_what_it_needs(arguments, capsys):
    assert recommender.main(arguments) == 2
    said = capsys.readouterr().err
    assert "Give --data FILE" in said and "short_len" in said


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


def test_figures_of_both_regimes_are_printed_and_written(data_file, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(machine, "RESULTS", tmp_path / "results")
    assert recommender.main(["--data", str(data_file)]) == 0
    printed = capsys.readouterr().out
    written = json.loads((tmp_path / "results" / "recommender.json").read_text())
    assert set(written["regimes"]) == {"full", "short"} and written["seed"] == 0 and written["data"] == "choices.npz"
    assert written["machine"]["cores_count"] >= 1 and written["machine"]["packages"]["numpy"] in printed
    for models in written["regimes"].values():
        assert set(models) == {"CoLift", "segment popularity", "popularity"}
        for model in models.values():
            assert set(model["cells"]) == {"k0", "k1", "k2", "k3", "k0b", "k1b", "k2b", "k3b"}
            assert all(0 <= cell["mean"] <= 1 and cell["error"] > 0 for cell in model["cells"].values())
        above = models["CoLift"]["above popularity"]["k0"]["mean"]
        assert above == pytest.approx(
            models["CoLift"]["cells"]["k0"]["mean"] - models["popularity"]["cells"]["k0"]["mean"]
        )
    assert f"{written['regimes']['short']['popularity']['mean']:.4f}" in printed


def test_short_alone(data_file, tmp_path, monkeypatch):
    monkeypatch.setattr(machine, "RESULTS", tmp_path)
    assert recommender.main(["--data", str(data_file), "--short"]) == 0
    assert list(json.loads((tmp_path / "recommender.json").read_text())["regimes"]) == ["short"]
