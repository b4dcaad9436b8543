"""What is wrong with the rows given to a verb that takes all of them or none."""

from collections.abc import Sequence
from dataclasses import dataclass

SHOWN = 5


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing to mend: `place` of the row among those given (from 0), its column, the value as text, and how."""

    place: int
    column: str
    value: str
    mend: str


class FaultyRows(ValueError):
    """Rows that contradict the catalogue; nothing of the call was kept. `faults` has all of them, by place."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(sorted(faults, key=lambda fault: fault.place))
        lines = [f"{fault.column} {fault.value!r}: {fault.mend}" for fault in self.faults[:SHOWN]]
        more = len(self.faults) - SHOWN
        super().__init__("; ".join([*lines, f"and {more} more"] if more > 0 else lines))
