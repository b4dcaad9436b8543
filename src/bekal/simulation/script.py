"""People of the simulation whose journey is written down instead of drawn."""

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class ScriptedPurchase:
    """One purchase and what becomes of it; None: not yet. `attended_on` has a day for each session attended."""

    training_code: str
    bought_on: date
    redeemed_on: date | None = None
    attended_on: tuple[date, ...] = ()
    completed_on: date | None = None
    reviewed_on: date | None = None
    rating: int = 5
    review: str = ""


@dataclass(frozen=True, slots=True)
class ScriptedPerson:
    """A person with a name and a profile of their own, accepted in the wave that opens on that day."""

    full_name: str
    is_man: bool
    born_on: date
    education: int
    employment: int
    province: int
    wave_opens_on: date
    purchases: tuple[ScriptedPurchase, ...]


# Of somebody whose script is over: they are still there, and do nothing of themselves.
SILENT = ScriptedPerson("", False, date(1990, 1, 1), 1, 1, 11, date(1990, 1, 1), ())
