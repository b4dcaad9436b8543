"""How the payment partners of the simulated year fail, as data (`failures.yaml`) and as draws that follow the seed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from bekal.core.schedule import working_day_from
from bekal.participants.models import PaymentPartner
from bekal.simulation.draws import Draws, Numbers
from bekal.simulation.year import payout_days

FAILURES_FILE = Path(__file__).with_name("failures.yaml")
NONE = -1


class FailuresError(ValueError):
    """A fault in the file of failures; the sentence says where and how to mend it."""


class Kind(StrEnum):
    """What goes wrong at a partner on a day of payment."""

    OUTAGE = "outage"
    CUT_ANSWER = "cut_answer"
    DUPLICATE_FILE = "duplicate_file"
    CUT_STATEMENT = "cut_statement"


@dataclass(frozen=True, slots=True)
class Iso20022:
    """From when on a partner is paid by `pain.001` and gives a statement, and the account that pays there."""

    since: date
    statement: str
    debtor_name: str
    debtor_number: str
    bic: str


@dataclass(frozen=True)
class Failures:
    """Reasons of rejections with their weights, who speaks ISO 20022, and what happens once."""

    weights: Mapping[str, int]
    iso: Mapping[str, Iso20022]
    events: frozenset[tuple[Kind, str, date]]

    @cached_property
    def reasons(self) -> tuple[str, ...]:
        return tuple(self.weights)

    def place_of(self, code: str) -> int:
        """The place of a reason; of one that is not here, the first."""
        return self.reasons.index(code) if code in self.weights else 0

    def happens(self, kind: Kind, partner: str, on: date) -> bool:
        return (kind, partner, on) in self.events

    def iso_of(self, partner: str, on: date) -> Iso20022 | None:
        """The partner's form on that day; None: the CSV."""
        found = self.iso.get(partner)
        return found if found is not None and found.since <= on else None

    def rejections(
        self, draws: Draws, people: Numbers, instalments: Numbers, attempts: Numbers, share: float
    ) -> NDArray[np.int64]:
        """[k] the place in `reasons` for which each transfer is rejected, `NONE` where it is paid. The first attempt
        asks what a rehearsal asks."""
        first = draws.at("rejected", people, instalments)
        later = draws.at("rejected again", people, instalments, attempts)
        fails = np.where(attempts == 1, first, later) < share
        bounds = np.cumsum(list(self.weights.values())) / sum(self.weights.values())
        reason = np.searchsorted(bounds, draws.at("reason of a rejection", people, instalments, attempts))
        return np.where(fails, reason, NONE)


@cache
def next_working_day(day: date) -> date:
    """The first working day after that day: when what failed is made good, and a statement is fetched."""
    return working_day_from(day + timedelta(days=1))


def load_failures(path: Path = FAILURES_FILE) -> Failures:
    """Read a file of failures. Raises FailuresError for what cannot be."""
    try:
        read: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
        found = Failures(
            {str(code): _weight(entry) for code, entry in read["reasons"].items()},
            {str(name): _iso(entry) for name, entry in (read.get("partners") or {}).items()},
            frozenset((Kind(one["kind"]), str(one["partner"]), one["day"]) for one in read.get("events") or ()),
        )
    except (yaml.YAMLError, AttributeError, KeyError, TypeError, ValueError) as error:
        problem = f"{type(error).__name__}: {error}".replace("\n", " ")
        raise FailuresError(f"{path.name}: {problem}. Write it as the file beside this module has it.") from None
    if not found.weights:
        raise FailuresError(f"{path.name}: reasons: name at least one.")
    for name in (*found.iso, *(partner for _, partner, _ in found.events)):
        if name not in PaymentPartner.values:
            raise FailuresError(f"{path.name}: {name} is no partner; write one of {', '.join(PaymentPartner.values)}.")
    for kind, partner, on in sorted(found.events):
        if on not in payout_days():
            raise FailuresError(f"{path.name}: {kind} of {partner}: {on} is no day of payment of the simulated year.")
        form = found.iso_of(partner, on)
        if kind is Kind.CUT_STATEMENT and (form is None or not form.statement):
            raise FailuresError(f"{path.name}: {kind} of {partner}: it gives no statement of {on}.")
    return found


def _weight(entry: Mapping[str, Any]) -> int:
    weight = entry["weight"]
    if isinstance(weight, bool) or not isinstance(weight, int) or weight < 1:
        raise ValueError(f"weight {weight}: write a whole number from 1")
    if not entry.get("label") or not (entry.get("assumption") or entry.get("source")):
        raise ValueError("a reason needs a label, and an assumption or a source")
    return weight


def _iso(entry: Mapping[str, Any]) -> Iso20022:
    if entry["form"] != "pain.001" or entry.get("statement", "") not in ("", "camt.053", "mt940"):
        raise ValueError("a partner's form is pain.001, its statement camt.053 or mt940")
    if not isinstance(entry["since"], date):
        raise TypeError(f"since {entry['since']}: write a day")
    texts = (entry.get("statement", ""), entry["debtor_name"], entry["debtor_number"], entry["bic"])
    return Iso20022(entry["since"], *map(str, texts))


FAILURES = load_failures()
