"""From the text of one rule file to checked values, or to a :class:`RuleError` that says how to mend it.

Every scalar is read as text and then as what its parameter's unit says: YAML's own guesses (``no`` is false, ``010`` is
8, ``1_000.0`` a float) never reach a rule.
"""

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeAlias, TypeVar

import yaml

from bekal.core.money import MAX_RUPIAH
from bekal.core.rules.scheme import MonthDay

Kind = TypeVar("Kind", bound=StrEnum)
Value: TypeAlias = int | bool | MonthDay | Mapping[MonthDay, str] | None

_MAX_FILE_BYTES = 65_536
_PARAMETER = re.compile(r"[a-z][a-z0-9_]{0,62}")
_ISO_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MONTH_DAY = re.compile(r"[0-9]{2}-[0-9]{2}")
_WHOLE = re.compile(r"0|[1-9][0-9]{0,14}")
_SPECIFICATION_KEYS = ("label", "unit", "basis", "values")
_VALUE_KEYS = ("value", "source")


class Unit(StrEnum):
    """What a value counts. Apart from flags, a parameter's name ends in its unit."""

    RUPIAH = "rupiah"
    DAYS = "days"
    COUNT = "count"
    YEARS = "years"
    PERCENT = "percent"
    DAY_OF_MONTH = "day_of_month"
    MONTH_DAY = "month_day"
    MONTH_DAYS = "month_days"
    FLAG = "flag"


class Basis(StrEnum):
    """Which date picks the value: the day a person was accepted (kept for good), or the day of what happens."""

    ACCEPTANCE = "acceptance"
    EVENT = "event"


_BOUNDS = {
    Unit.RUPIAH: (0, MAX_RUPIAH),
    Unit.DAYS: (0, 3_660),
    Unit.COUNT: (0, 1_000),
    Unit.YEARS: (0, 150),
    Unit.PERCENT: (0, 100),
    Unit.DAY_OF_MONTH: (1, 28),  # every month has a 28th
}


class RuleError(ValueError):
    """A rule file, or a question to the rules, that cannot be answered: where, what is wrong, how to mend it."""

    def __init__(self, file: str, parameter: str, problem: str, mend: str) -> None:
        self.file, self.parameter, self.problem, self.mend = file, parameter, problem, mend
        super().__init__(f"{file}: {parameter}: {problem}. {mend}.")


@dataclass(frozen=True, slots=True)
class RuleValue:
    """One value with everything needed to quote it; in force from ``since_on`` until a later one takes over.

    ``value`` is by ``unit`` a bool (flag), a :class:`MonthDay`, a mapping of MonthDay to name (month_days), None (years
    without a limit) or a whole number.
    """

    value: Any
    since_on: date
    source: str
    label: str
    unit: Unit
    basis: Basis
    file: str


@dataclass(frozen=True, slots=True)
class _Place:
    """Where in the files we are, for the message if something is wrong."""

    file: str
    parameter: str = "file"

    def fault(self, problem: str, mend: str) -> RuleError:
        return RuleError(self.file, self.parameter, problem, mend)


class _NoAliases(yaml.BaseLoader):
    """All scalars as text; no anchors to follow, so a small file cannot grow large."""

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("an alias (*) stands where the value itself should")
        return super().compose_node(parent, index)


def read_rule_file(path: Path) -> dict[str, tuple[RuleValue, ...]]:
    """The parameters of one YAML file, each with its values in order of their dates. Raises :class:`RuleError`."""
    at = _Place(path.name)
    data = path.read_bytes()
    if len(data) > _MAX_FILE_BYTES:
        raise at.fault(f"larger than {_MAX_FILE_BYTES} bytes", "Split it: one file per topic, under 100 lines")
    try:
        parameters = _plain(yaml.compose(data.decode(), Loader=_NoAliases), at)
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        problem = " ".join(str(error).split())[:200]
        raise at.fault(f"not plain YAML in UTF-8 ({problem})", "Write it as the other rule files are") from error
    if not isinstance(parameters, dict) or not parameters:
        raise at.fault("no parameters", "Write 'name:' and below it label, unit, basis and values")
    return {name: _parameter(specification, _Place(path.name, name)) for name, specification in parameters.items()}


def _plain(node: yaml.Node | None, at: _Place) -> Any:
    """A YAML node as text, list or dict, having refused keys given twice (PyYAML keeps the last one silently)."""
    if isinstance(node, yaml.ScalarNode):
        return node.value
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item, at) for item in node.value]
    if not isinstance(node, yaml.MappingNode):
        return None
    result: dict[str, Any] = {}
    for key, value in node.value:
        line = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode):
            raise at.fault(f"line {line} has a key that is not plain text", "Write a name or a date before ':'")
        inner = _Place(at.file, key.value) if at.parameter == "file" else at
        if key.value in result:
            raise inner.fault(f"line {line} gives '{key.value}' a second time", "Keep one of the two")
        result[key.value] = _plain(value, inner)
    return result


def _parameter(specification: Any, at: _Place) -> tuple[RuleValue, ...]:
    if not _PARAMETER.fullmatch(at.parameter):
        raise at.fault("not a parameter name", "Use small letters, digits and _, for example survey_rupiah")
    _demand_keys(specification, _SPECIFICATION_KEYS, "the parameter", at)
    label = _text(specification["label"], "label", at)
    unit = _one_of(Unit, specification["unit"], "unit", at)
    basis = _one_of(Basis, specification["basis"], "basis", at)
    # "…_month_days" ends in "_days", too: the longest name counts.
    named = max((other for other in Unit if at.parameter.endswith(f"_{other}")), key=len, default=Unit.FLAG)
    if named is not unit:
        raise at.fault(f"the name says {named}, the unit says {unit}", f"End the name in its unit, _{unit}, or mend it")
    dated = specification["values"]
    if not isinstance(dated, dict) or not dated:
        raise at.fault("no values", "Write at least one date with a value and its source below 'values:'")
    values = []
    for since, entry in dated.items():
        since_on = _date(since, at)
        _demand_keys(entry, _VALUE_KEYS, since, at)
        source = _text(entry["source"], f"source of {since}", at)
        value = _value(entry["value"], unit, since, at)
        values.append(RuleValue(value, since_on, source, label, unit, basis, at.file))
    return tuple(sorted(values, key=lambda value: value.since_on))


def _demand_keys(given: Any, keys: tuple[str, ...], what: str, at: _Place) -> None:
    listed = ", ".join(keys)
    if not isinstance(given, dict):
        raise at.fault(f"{what} has no keys", f"Write these below it: {listed}")
    for key in keys:
        if key not in given:
            raise at.fault(f"{what} has no {key}", f"Add '{key}:'; all of {listed} are needed")
    for key in given:
        if key not in keys:
            raise at.fault(f"{what} has the unknown key '{key}'", f"Use only {listed}")


def _text(given: Any, what: str, at: _Place) -> str:
    if not isinstance(given, str) or not given.strip():
        raise at.fault(f"the {what} is empty or no text", f"Write the {what} as text")
    return given


def _one_of(kinds: type[Kind], given: Any, what: str, at: _Place) -> Kind:
    for kind in kinds:
        if given == kind.value:
            return kind
    raise at.fault(f"the {what} {given!r} is unknown", f"Use one of {', '.join(kinds)}")


def _date(given: str, at: _Place) -> date:
    if _ISO_DATE.fullmatch(given):
        with suppress(ValueError):
            return date.fromisoformat(given)
    raise at.fault(f"'{given}' is not a date", "Write year-month-day, for example 2020-04-11")


def _value(given: Any, unit: Unit, since: str, at: _Place) -> Value:
    if unit is Unit.MONTH_DAYS:
        return _named_days(given, since, at)
    if unit is Unit.FLAG and given in ("yes", "no"):
        return bool(given == "yes")
    if unit is Unit.YEARS and given == "none":
        return None
    if unit is Unit.MONTH_DAY and (day := _month_day(given)):
        return day
    least, most = _BOUNDS.get(unit, (0, -1))
    if isinstance(given, str) and _WHOLE.fullmatch(given) and least <= int(given) <= most:
        return int(given)
    raise at.fault(f"the value of {since} is {given!r}", _mend_value(unit))


def _mend_value(unit: Unit) -> str:
    if unit is Unit.FLAG:
        return "A flag is yes or no"
    if unit is Unit.MONTH_DAY:
        return "Write a day that every year has as month-day, for example 12-31"
    also = ", or none where there is no limit" if unit is Unit.YEARS else ""
    least, most = _BOUNDS[unit]
    return f"Write a whole number from {least} to {most}, as digits only{also}"


def _named_days(given: Any, since: str, at: _Place) -> Mapping[MonthDay, str]:
    mend = "Write name: month-day or name: [month-day, month-day], for example Waisak: 05-07, each day once"
    if not isinstance(given, dict):
        raise at.fault(f"the value of {since} is {given!r}", mend)
    named: dict[MonthDay, str] = {}
    for name, days in given.items():
        for text in days if isinstance(days, list) else [days]:
            day = _month_day(text)
            if day is None or day in named:
                raise at.fault(f"'{name}' of {since} has {text!r}: no day, or one given before", mend)
            named[day] = name
    return MappingProxyType(named)


def _month_day(given: Any) -> MonthDay | None:
    if isinstance(given, str) and _MONTH_DAY.fullmatch(given):
        with suppress(ValueError):
            day = date.fromisoformat(f"2001-{given}")  # not a leap year: 29 February is no day of every year
            return MonthDay(day.month, day.day)
    return None
