"""What the rules promise to whoever is accepted on a day, as SQL: read from the rule files themselves, not through the
loader that the verbs use."""

from datetime import date
from importlib import resources
from typing import Any

import yaml

AMOUNTS, NUMBERS, SETTLEMENT = "amounts.yaml", "instalments.yaml", "settlement.yaml"
DEADLINES = "deadlines.yaml"


def _history(file: str, parameter: str) -> list[tuple[date, str]]:
    """Each value with its first day, newest first."""
    text = resources.files("bekal.core.rules").joinpath(file).read_text(encoding="utf-8")
    values: dict[Any, Any] = yaml.safe_load(text)[parameter]["values"]
    dated = [(date.fromisoformat(str(since_on)), str(entry["value"])) for since_on, entry in values.items()]
    return sorted(dated, reverse=True)


def promised_sql(file: str, parameter: str, day: str) -> str:
    """The number in force on the day that the SQL expression `day` gives; NULL before the first."""
    whens = " ".join(
        f"WHEN {day} >= DATE '{since_on}' THEN {int(value)}" for since_on, value in _history(file, parameter)
    )
    return f"(CASE {whens} END)"


def promised_day_sql(file: str, parameter: str, day: str) -> str:
    """The first such day of a year (a value as 12-15) on or after `day`, by the rule in force on it."""
    whens = []
    for since_on, value in _history(file, parameter):
        month, number = (int(part) for part in value.split("-"))
        ends = f"make_date(extract(year FROM {day})::int, {month}, {number})"
        later = f"make_date(extract(year FROM {day})::int + 1, {month}, {number})"
        whens.append(f"WHEN {day} >= DATE '{since_on}' THEN CASE WHEN {ends} >= {day} THEN {ends} ELSE {later} END")
    return f"(CASE {' '.join(whens)} END)"
