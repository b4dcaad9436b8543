"""What the rules promise to whoever is accepted on a day, as SQL: read from the rule files themselves, not through the
loader that the verbs use."""

from datetime import date
from importlib import resources
from typing import Any

import yaml

AMOUNTS, NUMBERS, SETTLEMENT = "amounts.yaml", "instalments.yaml", "settlement.yaml"


def _history(file: str, parameter: str) -> list[tuple[date, int]]:
    """Each value with its first day, oldest first."""
    text = resources.files("bekal.core.rules").joinpath(file).read_text(encoding="utf-8")
    values: dict[Any, Any] = yaml.safe_load(text)[parameter]["values"]
    return sorted((date.fromisoformat(str(since_on)), int(entry["value"])) for since_on, entry in values.items())


def promised_sql(file: str, parameter: str, day: str) -> str:
    """The value in force on the day that the SQL expression `day` gives; NULL before the first."""
    steps = reversed(_history(file, parameter))
    whens = " ".join(f"WHEN {day} >= DATE '{since_on}' THEN {value}" for since_on, value in steps)
    return f"(CASE {whens} END)"
