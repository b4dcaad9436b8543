"""The table of one regime: the recommender and every peer, fitted, measured, compared and printed as it comes."""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bekal.core.recommend import Popularity, Recommender, SegmentPopularity, mean_and_error
from benchmarks._recommender_calibration import calibration, print_calibration
from benchmarks._recommender_protocol import CELLS, World, cell_name, gains
from benchmarks._recommender_verdicts import (
    Gains,
    Verdict,
    against_peers,
    against_targets,
    as_record,
    compared,
    print_comparisons,
    print_targets,
)
from benchmarks.peers import PEERS, BoostedReranker, Choices, Peer, Split, Tuned, is_installed, tuned

SEED = 0
OWN = "CoLift"
FIXED: dict[str, type[Any]] = {"segment popularity": SegmentPopularity, "popularity": Popularity}
NAMES = [*FIXED, *(peer.name for peer in PEERS), BoostedReranker.name]
SECONDS_BETWEEN_LINES = 2.0

Figures = dict[str, Any]
Say = Callable[[str], None]


@dataclass
class Table:
    """What was found in one regime: gains and figures of each method, the peers whose package is not installed."""

    gains: dict[str, Gains] = field(default_factory=dict)
    figures: dict[str, Figures] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)
    record: Figures = field(default_factory=dict)


def regime(world: World, name: str, peer_names: list[str], *, quick: bool) -> Table:
    """Everything of one regime."""
    train = world.training(name)
    split = Split.of(train, SEED)
    kind = "short histories, as they are" if world.short_count is None else f"{name} histories"
    print(
        f"\n{kind}: {len(train):,} people with {len(train.items):,} choices to learn from (settings chosen on "
        f"{len(split.held):,} of them), {len(world.test):,} to test on\n"
        f"{'NDCG@10':24s}" + "".join(f"{cell_name(*at):>8s}" for at in CELLS) + "    mean  fit CPU-s  people/CPU-s",
        flush=True,
    )
    table = Table()
    model = add_row(table, world, OWN, lambda: _fitted(Recommender(seed=SEED), train))
    print_targets(world, name, table.gains[OWN])
    for fixed in [fixed for fixed in FIXED if fixed in peer_names]:
        add_row(table, world, fixed, lambda fixed=fixed: _fitted(FIXED[fixed](seed=SEED), train))
    _add_peers(table, world, train, split, peer_names, quick=quick)
    own = table.gains[OWN]
    comparisons = [compared(own, peer, theirs) for peer, theirs in table.gains.items() if peer != OWN]
    print_comparisons(comparisons)
    calibrated = calibration(model, world)
    print_calibration(calibrated)
    table.verdicts = [*against_targets(world, name, own), *against_peers(name, comparisons)]
    table.record = {
        "models": table.figures,
        "comparisons": [as_record(each) for each in comparisons],
        "verdicts": [as_record(each) for each in table.verdicts],
        "calibration": calibrated,
    }
    return table


def _add_peers(table: Table, world: World, train: Choices, split: Split, names: list[str], *, quick: bool) -> None:
    """A row for each peer asked for, tuned; the re-ranker last, on whichever was best on the held-out people."""
    best: tuple[Tuned, Peer] | None = None
    for peer_class in [peer_class for peer_class in PEERS if peer_class.name in names]:
        if not _is_there(table, peer_class):
            continue
        chosen = tuned(peer_class, split, seed=SEED, quick=quick, say=progress())
        peer = peer_class(seed=SEED, **chosen.settings)
        add_row(table, world, peer.name, lambda peer=peer: _fitted(peer, train), chosen)
        if best is None or chosen.figure > best[0].figure:
            best = chosen, peer
    if BoostedReranker.name in names and _is_there(table, BoostedReranker):
        if best is None:
            print(f"{BoostedReranker.name:24s}left out: it stands on the best of the other peers, and there is none")
            return
        chosen, base = best
        add_row(
            table,
            world,
            BoostedReranker.name,
            lambda: BoostedReranker(seed=SEED).stack(
                base_of_seen=chosen.seen_only, base=base, split=split, train=train
            ),
        )


def _is_there(table: Table, peer_class: type[Peer]) -> bool:
    if is_installed(peer_class):
        return True
    table.missing.append(peer_class.name)
    print(f"{peer_class.name:24s}not installed: it needs the package {peer_class.package}", flush=True)
    return False


def add_row(table: Table, world: World, name: str, fit: Callable[[], Any], chosen: Tuned | None = None) -> Any:
    """Fit, measure every cell, print the row; returns the model."""
    started = time.process_time()
    model = fit()
    fit_seconds = time.process_time() - started
    say = progress()
    cells = []
    for at in CELLS:
        cells.append(gains(model, world, *at))
        say(f"{name}: {cell_name(*at)}")
    found = [mean_and_error(gain) for gain, _ in cells]
    figures: Figures = {
        "cells": {cell_name(*at): {"mean": m, "error": e} for at, (m, e) in zip(CELLS, found, strict=True)},
        "mean": float(np.nanmean([mean for mean, _ in found])),
        "fit_cpu_seconds": round(fit_seconds, 2),
        "people_per_cpu_second": round(float(np.median([speed for _, speed in cells]))),
    }
    if isinstance(model, Peer):
        figures["settings"] = model.settings
    if chosen is not None:
        figures |= {"tried_count": chosen.tried_count, "tuning_cpu_seconds": chosen.cpu_seconds}
    table.gains[name], table.figures[name] = [gain for gain, _ in cells], figures
    print_row(name, figures)
    return model


def _fitted(model: Any, train: Choices) -> Any:
    return model.fit(ptr=train.ptr, items=train.items, profile=train.profile, price_rupiah=train.price_rupiah)


def print_row(name: str, figures: Figures) -> None:
    """One method: its figures, their standard errors, and the settings chosen for it."""
    means = "".join(f"{value['mean']:8.4f}" for value in figures["cells"].values())
    errors = "".join(f"{value['error']:8.4f}" for value in figures["cells"].values())
    speed = f"{figures['fit_cpu_seconds']:11.1f}{figures['people_per_cpu_second']:14,d}"
    print(f"{name:24s}{means}{figures['mean']:8.4f}{speed}\n{'  standard error':24s}{errors}")
    if settings := figures.get("settings"):
        words = [
            f"{key} {value:g}" if isinstance(value, float) else f"{key} {value}" for key, value in settings.items()
        ]
        if "tried_count" in figures:
            words.append(f"the best of {figures['tried_count']}, found in {figures['tuning_cpu_seconds']:.0f} CPU-s")
        print(f"{'  settings':24s}{', '.join(words)}")
    sys.stdout.flush()


def progress() -> Say:
    """Says a line on stderr, at most one every two seconds, the first after two."""
    last = time.perf_counter()

    def say(text: str) -> None:
        nonlocal last
        if time.perf_counter() - last >= SECONDS_BETWEEN_LINES:
            last = time.perf_counter()
            print(f"  … {text}", file=sys.stderr, flush=True)

    return say
