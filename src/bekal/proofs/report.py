"""How a proof begins its report: what it tried, with which seed, of which commit, on which machine."""

import os
import platform
import subprocess
from functools import cache
from pathlib import Path


def heading(name: str, *, seed: int | str | None = None, **figures: object) -> str:
    """`prove NAME: 6000 attempts, seed 1, commit 1b1188c, x86_64, 2 cores, Python 3.11.2`.

    A figure is named by its argument: `attempts=6000`; underscores become blanks."""
    parts = [f"{_number(value)} {what.replace('_', ' ')}" for what, value in figures.items()]
    if seed is not None:
        parts.append(f"seed {seed}")
    return f"prove {name}: " + ", ".join([*parts, f"commit {commit()}", machine()])


def bound(tries: int) -> str:
    """What no failure in so many tries says: the rate is below 3/N with 95 % confidence."""
    return (
        f"no failure in {_number(tries)} tries: fewer than {3 / tries:.2g} of all (95 %)" if tries else "nothing tried"
    )


@cache
def commit() -> str:
    """The commit this code is of, with a + where files have changed since; "unknown" outside a checkout."""
    here = Path(__file__).resolve().parent
    try:
        described = subprocess.run(
            ["git", "-C", str(here), "describe", "--always", "--dirty=+", "--exclude=*"],
            capture_output=True,
            text=True,
            check=False,
            timeout=20,
        )
    except (OSError, subprocess.TimeoutExpired):
        return "unknown"
    return described.stdout.strip() or "unknown"


def machine() -> str:
    """Kind of processor, usable cores, Python."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{platform.machine()}, {count} cores, Python {platform.python_version()}"


def _number(value: object) -> str:
    return f"{value:_}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
