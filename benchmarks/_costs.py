"""What work costs: seconds by the clock, and of processor time in the backend of PostgreSQL that does it."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Figures = dict[str, Any]


@dataclass(slots=True)
class Cost:
    """Seconds by the clock, and of processor time in the backend of PostgreSQL that did the work; 0 if unknown."""

    seconds: float = 0.0
    backend_seconds: float = 0.0

    def figures(self, people: int) -> Figures:
        figures: Figures = {"seconds": round(self.seconds, 2), "people_per_second": round(people / self.seconds)}
        if self.backend_seconds:
            figures["backend_microseconds_per_person"] = round(self.backend_seconds / people * 1e6, 1)
        return figures


class Timer:
    """Adds up what blocks of work cost, by name."""

    def __init__(self) -> None:
        self.costs: dict[str, Cost] = {}

    @contextmanager
    def __call__(self, name: str, alias: str = "default") -> Iterator[None]:
        from django.db import connections

        with connections[alias].cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            pid = cursor.fetchone()[0]
        before, started = processor_seconds(pid), time.perf_counter()
        yield
        cost = self.costs.setdefault(name, Cost())
        cost.seconds += time.perf_counter() - started
        cost.backend_seconds += processor_seconds(pid) - before


def processor_seconds(pid: int) -> float:
    """What a process of this machine has used of its processors; 0 where that cannot be told."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def ratios(costs: dict[str, Cost], runners: int, people: int) -> Figures:
    """The verb by so many runners beside COPY, over the rounds that were theirs."""
    verb, same, drawing, bare = (costs[f"{kind} {runners}"] for kind in ("verb", "same", "drawing", "bare"))
    found: Figures = {kind: costs[f"{kind} {runners}"].figures(people) for kind in ("verb", "same", "drawing", "bare")}
    found["of_copy"] = round(same.seconds / verb.seconds, 3)
    found["of_copy_that_draws_numbers"] = round(drawing.seconds / verb.seconds, 3)
    found["of_bare_copy"] = round(bare.seconds / verb.seconds, 3)
    found["copy_of_bare_copy"] = round(bare.seconds / same.seconds, 3)
    if verb.backend_seconds:
        found["processor_of_copy"] = round(same.backend_seconds / verb.backend_seconds, 3)
        found["processor_of_copy_that_draws_numbers"] = round(drawing.backend_seconds / verb.backend_seconds, 3)
        found["processor_of_bare_copy"] = round(bare.backend_seconds / verb.backend_seconds, 3)
    return found
