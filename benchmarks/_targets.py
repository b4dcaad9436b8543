"""What figures are to be, and whether they are."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks._costs import Figures


@dataclass(frozen=True, slots=True)
class Target:
    """One figure and its bound; `path` leads to it, where it leads to several the worst counts."""

    what: str
    path: tuple[str, ...]
    bound: float
    is_most: bool = False
    unit: str = ""


def verdicts(figures: Figures, targets: Sequence[Target]) -> list[Figures]:
    """Each target whose figure was measured, with what was found; printed as a table."""
    found = [
        {"what": target.what, "bound": target.bound, "measured": measured, "is_met": _is_met(target, measured)}
        for target in targets
        if (measured := _measured(figures, target)) is not None
    ]
    by_name = {target.what: target for target in targets}
    print("\ntarget                                                       bound    measured")
    for each in found:
        target = by_name[each["what"]]
        sign, bound, measured = (
            "<=" if target.is_most else ">=",
            *(
                f"{value:,.{0 if value >= 1_000 else 1}f}{target.unit}" if target.unit else f"{value:.0%}"
                for value in (each["bound"], each["measured"])
            ),
        )
        print(f"{each['what']:56s} {sign} {bound:>8s} {measured:>11s}  {'met' if each['is_met'] else 'MISSED'}")
    return found


def _measured(figures: Figures, target: Target) -> float | None:
    value: Any = figures
    for step in target.path:
        if step not in value:
            return None
        value = value[step]
    if isinstance(value, dict):
        value = max(value.values()) if target.is_most else min(value.values())
    return float(value)


def _is_met(target: Target, measured: float) -> bool:
    return measured <= target.bound if target.is_most else measured >= target.bound
