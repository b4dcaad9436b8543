"""What the ledger's figures are to be, and whether they are."""

from dataclasses import dataclass
from typing import Any

Figures = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Target:
    """One figure and its bound; `path` leads to it, where it leads to several the worst counts."""

    what: str
    path: tuple[str, ...]
    bound: float
    is_most: bool = False
    unit: str = ""


_DRAWS, _AFTER_LOAD, _SIZES_KNOWN = (
    "of_copy_that_draws_numbers",
    "right after the bulk load",
    "once the planner knows the sizes",
)
# Two runners are the two cores the targets are for; COPY has no way to use the second one.
TARGETS = (
    Target("posting, of COPY into the same constraints", ("posting", "two_runners", "of_copy"), 0.9),
    Target("posting, of COPY into a bare heap", ("posting", "two_runners", "of_bare_copy"), 0.2),
    Target("planning, of COPY into the same constraints", ("planning", "two_runners", "of_copy"), 0.9),
    Target("planning, of COPY into a bare heap", ("planning", "two_runners", "of_bare_copy"), 0.2),
    Target("posting by one runner, of COPY that draws numbers, too", ("posting", "one_runner", _DRAWS), 0.9),
    Target("planning by one runner, of COPY that draws numbers, too", ("planning", "one_runner", _DRAWS), 0.9),
    Target("finished runs again after the bulk load, the slowest", ("finished_again", _AFTER_LOAD), 5, True, " s"),
    Target("finished runs again, sizes known, the slowest", ("finished_again", _SIZES_KNOWN), 5, True, " s"),
    Target("the proof of the whole world", ("proof", "seconds"), 60, True, " s"),
    Target("its memory beside a proof of nothing", ("proof", "growth_mib"), 8, True, " MiB"),
    Target("one purchase, of the same rows without a check", ("purchase", "of_unchecked"), 0.9),
)


def verdicts(figures: Figures) -> list[Figures]:
    """Each target whose figure was measured, with what was found; printed as a table."""
    found = [
        {"what": target.what, "bound": target.bound, "measured": measured, "is_met": _is_met(target, measured)}
        for target in TARGETS
        if (measured := _measured(figures, target)) is not None
    ]
    by_name = {target.what: target for target in TARGETS}
    print("\ntarget                                                       bound    measured")
    for each in found:
        target = by_name[each["what"]]
        sign, bound, measured = (
            "<=" if target.is_most else ">=",
            *(
                f"{value:.1f}{target.unit}" if target.unit else f"{value:.0%}"
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
