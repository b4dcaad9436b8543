"""How good and how fast the recommender is on real choices, with popularity beside it.

    dev bench recommender --data FILE [--short]

Protocol: fit on people with is_test false; for k = 0, 1, 2, 3 the first k choices of each test person are known and all
later ones are targets; NDCG@10 over the whole catalogue; "b": only what the person's balance affords, people without an
affordable target left out. "short": fit on only the first short_len choices of each training person, which is the
programme's real situation.
"""

import argparse
import hashlib
import sys
import time
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

if not __package__:  # run as a file: its folder is on the path, the repository is not
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bekal.core.recommend import (
    Popularity,
    Recommender,
    SegmentPopularity,
    affordable_choices,
    first_choices,
    mean_and_error,
    ndcg_at,
)
from benchmarks import machine

SEED = 0
NEEDED = ("ptr", "items", "profile", "price", "balance", "is_test", "short_len")
MODELS = {"CoLift": Recommender, "segment popularity": SegmentPopularity, "popularity": Popularity}
CELLS = [(known, budget) for budget in (False, True) for known in range(4)]
EXPLANATION = (
    f"Give --data FILE: an npz file of real choices with the arrays {', '.join(NEEDED)} "
    "(people with their distinct trainings, a fixed test split, prices and balances in rupiah)."
)

Figures = dict[str, Any]


def main(arguments: list[str] | None = None) -> int:
    """Exit code 0 when measured, 2 when there is nothing to measure on."""
    parser = argparse.ArgumentParser(prog="dev bench recommender", description="Quality and speed of the recommender.")
    parser.add_argument("--data", type=Path, help="npz file of real choices; it is read, never copied")
    parser.add_argument("--short", action="store_true", help="only the regime of short histories")
    options = parser.parse_args(arguments)
    if options.data is None or not options.data.is_file():
        missing = "" if options.data is None else f"There is no file {options.data}. "
        print(missing + EXPLANATION, file=sys.stderr)
        return 2
    try:
        data = read(options.data)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    print(f"{machine.one_line(machine.describe())}; seed {SEED}")
    regimes = {
        name: regime(data, short=name == "short") for name in (["short"] if options.short else ["full", "short"])
    }
    content = hashlib.sha256(options.data.read_bytes()).hexdigest()
    path = machine.write_result(
        "recommender", {"data": options.data.name, "data_sha256": content, "seed": SEED, "regimes": regimes}
    )
    print(f"Written to {path}")
    return 0


def read(path: Path) -> dict[str, np.ndarray]:
    """The arrays of the file; ValueError naming what it lacks."""
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            lacking = [name for name in NEEDED if name not in file.files]
            if not lacking:
                return {name: file[name] for name in NEEDED}
    except (OSError, EOFError, ValueError, AttributeError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} is no npz file that can be read ({error}). {EXPLANATION}") from error
    raise ValueError(f"{path} lacks {', '.join(lacking)}. {EXPLANATION}")


def regime(data: dict[str, np.ndarray], *, short: bool) -> Figures:
    """Figures of all models in one regime, printed as they come."""
    train = np.flatnonzero(~data["is_test"])
    count = data["short_len"][train] if short else np.diff(data["ptr"])[train]
    ptr, items = first_choices(data["ptr"], data["items"], train, count)
    print(f"\n{'short' if short else 'full'} histories: {len(train):,} people, {len(items):,} choices to learn from")
    print(
        f"{'NDCG@10':20s}" + "".join(f"{cell_name(*cell):>8s}" for cell in CELLS) + "    mean  fit CPU-s  people/CPU-s"
    )
    found: Figures = {}
    gains: dict[str, list[np.ndarray]] = {}
    for name, model_class in MODELS.items():
        started = time.process_time()
        model = model_class(seed=SEED).fit(
            ptr=ptr, items=items, profile=data["profile"][train], price_rupiah=data["price"]
        )
        fit_seconds = time.process_time() - started
        cells = [cell(model, data, known, budget) for known, budget in CELLS]
        gains[name] = [gain for gain, _ in cells]
        found[name] = summary(cells, fit_seconds)
        print_row(name, found[name])
    for rival in ("segment popularity", "popularity"):
        pairs = zip(gains["CoLift"], gains[rival], strict=True)
        found["CoLift"][f"above {rival}"] = {
            cell_name(*at): dict(zip(("mean", "error"), mean_and_error(own - other), strict=True))
            for at, (own, other) in zip(CELLS, pairs, strict=True)
        }
    return found


def cell(model: Any, data: dict[str, np.ndarray], known: int, budget: bool) -> tuple[np.ndarray, float]:
    """NDCG@10 of each test person (NaN without target) and the people served per CPU second."""
    test = np.flatnonzero(data["is_test"])
    ptr, items = first_choices(data["ptr"], data["items"], test, known)
    balance = data["balance"][test].astype(np.int64)
    started = time.process_time()
    lists, _ = model.recommend(
        ptr=ptr, items=items, profile=data["profile"][test], balance_rupiah=balance if budget else None, n=10
    )
    seconds = max(time.process_time() - started, 1e-9)
    targets = first_choices(data["ptr"], data["items"], test, np.iinfo(np.int64).max, start=known)
    if budget:
        targets = affordable_choices(*targets, data["price"].astype(np.int64), balance)
    return ndcg_at(lists, *targets, n=10), len(test) / seconds


def summary(cells: list[tuple[np.ndarray, float]], fit_seconds: float) -> Figures:
    """Mean and standard error by cell, their mean, and the speeds."""
    figures = [mean_and_error(gain) for gain, _ in cells]
    return {
        "cells": {
            cell_name(*at): {"mean": mean, "error": error} for at, (mean, error) in zip(CELLS, figures, strict=True)
        },
        "mean": float(np.mean([mean for mean, _ in figures])),
        "fit_cpu_seconds": round(fit_seconds, 2),
        "people_per_cpu_second": round(float(np.median([speed for _, speed in cells]))),
    }


def print_row(name: str, figures: Figures) -> None:
    """One model: figures, and their standard errors below."""
    means = "".join(f"{value['mean']:8.4f}" for value in figures["cells"].values())
    errors = "".join(f"{value['error']:8.4f}" for value in figures["cells"].values())
    speed = f"{figures['fit_cpu_seconds']:11.1f}{figures['people_per_cpu_second']:14,d}"
    print(f"{name:20s}{means}{figures['mean']:8.4f}{speed}\n{'  standard error':20s}{errors}")


def cell_name(known: int, budget: bool) -> str:
    """k0 ... k3, with b where only what the balance affords counts."""
    return f"k{known}{'b' if budget else ''}"


if __name__ == "__main__":
    sys.exit(main())
