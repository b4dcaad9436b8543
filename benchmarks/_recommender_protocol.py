"""The protocol by which every figure of the recommender is measured, on any set of people with choices and balances.

Fit on people who are no test people; the first k = 0, 1, 2, 3 choices of each test person are known and all later ones
are targets; NDCG@10 over the whole catalogue with the ideal of min(10, targets); what is known is never listed. "b":
lists and targets hold only what the balance affords, people without such a target are left out.
"""

import hashlib
import time
import zipfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bekal.core.recommend import affordable_choices, first_choices, ndcg_at
from benchmarks.peers import Choices

KNOWN_MOST = 3
CELLS = [(known, budget) for budget in (False, True) for known in range(KNOWN_MOST + 1)]
NEEDED = ("ptr", "items", "profile", "price", "balance", "is_test", "short_len")
EXPLANATION = (
    f"Give --data FILE: an npz file of real choices with the arrays {', '.join(NEEDED)} "
    "(people with their distinct trainings, a fixed test split, prices and balances in rupiah)."
)


@dataclass(frozen=True)
class World:
    """People with their choices in order; `balance_rupiah` (people, 4) is what they have left after 0, 1, 2, 3 of them.

    `short_count` (people,): to how many choices the regime "short" cuts each history; None where histories are short as
    they are, so that there is no other regime. `sha256` of the file, empty where there is none.
    """

    name: str
    choices: Choices
    balance_rupiah: NDArray[np.int64]
    is_test: NDArray[np.bool_]
    short_count: NDArray[np.int64] | None
    sha256: str = ""

    @property
    def regimes(self) -> tuple[str, ...]:
        """Names of what can be measured."""
        return ("short",) if self.short_count is None else ("full", "short")

    @cached_property
    def test(self) -> NDArray[np.int64]:
        """The test people."""
        return np.flatnonzero(self.is_test)

    def training(self, regime: str) -> Choices:
        """What may be learned from: choices of people who are no test people."""
        train = np.flatnonzero(~self.is_test)
        if regime == "full" or self.short_count is None:
            return self.choices.of_people(train)
        ptr, items = first_choices(self.choices.ptr, self.choices.items, train, self.short_count[train])
        return Choices.of(ptr, items, self.choices.profile[train], self.choices.price_rupiah)

    def asked(self, known: int) -> dict[str, NDArray[np.int64]]:
        """Test people with their first `known` choices, as arguments of `recommend`."""
        ptr, items = first_choices(self.choices.ptr, self.choices.items, self.test, known)
        return {"ptr": ptr, "items": items, "profile": self.choices.profile[self.test]}

    def balance(self, known: int) -> NDArray[np.int64]:
        """(test people,) what they have left when the first `known` choices are behind them."""
        return self.balance_rupiah[self.test, known]

    def targets(self, known: int, budget: bool) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """(ptr, items) of the later choices of the test people, `budget`: of those they can pay."""
        everything = np.iinfo(np.int64).max
        targets = first_choices(self.choices.ptr, self.choices.items, self.test, everything, start=known)
        return affordable_choices(*targets, self.choices.price_rupiah, self.balance(known)) if budget else targets


def read(path: Path) -> World:
    """The file as a world; ValueError naming what it lacks."""
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            lacking = [name for name in NEEDED if name not in file.files]
            if not lacking:
                arrays = {name: file[name] for name in NEEDED}
    except (OSError, EOFError, ValueError, AttributeError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} is no npz file that can be read ({error}). {EXPLANATION}") from error
    if lacking:
        raise ValueError(f"{path} lacks {', '.join(lacking)}. {EXPLANATION}")
    choices = Choices.of(*(arrays[name] for name in ("ptr", "items", "profile", "price")))
    balance = np.repeat(arrays["balance"].astype(np.int64)[:, None], KNOWN_MOST + 1, axis=1)
    content = hashlib.sha256(path.read_bytes()).hexdigest()
    is_test, short_count = arrays["is_test"].astype(bool), arrays["short_len"].astype(np.int64)
    return World(path.name, choices, balance, is_test, short_count, content)


def gains(model: Any, world: World, known: int, budget: bool) -> tuple[NDArray[np.float64], float]:
    """NDCG@10 of each test person (NaN without target), and the people served per CPU second.

    RuntimeError where a list holds what is known or, with `budget`, what the balance does not reach."""
    asked, balance = world.asked(known), world.balance(known)
    started = time.process_time()
    lists, _ = model.recommend(**asked, balance_rupiah=balance if budget else None, n=10)
    seconds = max(time.process_time() - started, 1e-9)
    check_allowed(lists, asked["ptr"], asked["items"], world.choices.price_rupiah, balance if budget else None)
    return ndcg_at(lists, *world.targets(known, budget), n=10), len(lists) / seconds


def check_allowed(
    lists: NDArray[Any],
    ptr: NDArray[np.int64],
    items: NDArray[np.int64],
    price_rupiah: NDArray[np.int64],
    balance_rupiah: NDArray[np.int64] | None,
) -> None:
    """RuntimeError where a list breaks the protocol: its figures would be worth nothing."""
    listed, width = np.maximum(lists, 0).astype(np.int64), len(price_rupiah)
    person = np.arange(len(lists), dtype=np.int64)[:, None]
    taken = np.repeat(person[:, 0], np.diff(ptr)) * width + items
    if np.any(np.isin(person * width + listed, taken) & (lists >= 0)):
        raise RuntimeError("A list holds a training that its person has taken already.")
    if balance_rupiah is not None and np.any((price_rupiah[listed] > balance_rupiah[:, None]) & (lists >= 0)):
        raise RuntimeError("A list holds a training that its person cannot pay.")


def cell_name(known: int, budget: bool) -> str:
    """k0 ... k3, with b where only what the balance affords counts."""
    return f"k{known}{'b' if budget else ''}"
