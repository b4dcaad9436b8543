"""The programme's rules: dated, cited data in YAML, one file per topic, beside this module.

A parameter has a value for every day from its first date on. ``basis`` says which day to ask with: ``acceptance`` rules
are kept for good from the day a person was accepted, ``event`` rules follow the day of what happens. The files are
read once, when this module is imported; a changed rule is a reviewed release. Another folder of the same form (a draft
to be replayed over real histories) is read with :func:`load_rules`.
"""

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from bekal.core.rules.reading import Basis, RuleError, RuleValue, Unit, read_rule_file
from bekal.core.rules.scheme import MonthDay, Scheme

__all__ = ["RULES", "Basis", "MonthDay", "RuleError", "RuleValue", "Rules", "Scheme", "Unit", "load_rules"]

_PACKAGED = Path(__file__).parent
_SCHEME_PARAMETERS = tuple(name for name in Scheme.__dataclass_fields__ if name != "accepted_on")


class Rules:
    """All parameters of one folder. Immutable; asking the same again gives the same."""

    def __init__(self, parameters: Mapping[str, tuple[RuleValue, ...]], name: str) -> None:
        self._parameters = dict(parameters)
        self._name = name
        self._schemes: dict[date, Scheme] = {}

    def __iter__(self) -> Iterator[str]:
        """The names of all parameters, in order."""
        return iter(sorted(self._parameters))

    def history(self, parameter: str) -> tuple[RuleValue, ...]:
        """Every value the parameter ever had, oldest first. Raises :class:`RuleError` if there is no such one."""
        if parameter not in self._parameters:
            known = ", ".join(self)
            raise RuleError(self._name, parameter, "no rule of this name", f"Add it to a file, or use one of: {known}")
        return self._parameters[parameter]

    def cited(self, parameter: str, on: date) -> RuleValue:
        """The value in force on that day, with its source. Raises :class:`RuleError` before the first date."""
        history = self.history(parameter)
        index = bisect_right(history, on, key=lambda value: value.since_on)
        if index == 0:
            first = history[0]
            raise RuleError(
                first.file,
                parameter,
                f"no value for {on}, the first one begins on {first.since_on}",
                "Ask for that day or later, or add an earlier value with its source",
            )
        return history[index - 1]

    def value(self, parameter: str, on: date) -> Any:
        """The bare value in force on that day, in the parameter's unit: int, bool, None (no limit), MonthDay or, for
        ``month_days``, a mapping of MonthDay to name. Raises :class:`RuleError` as :meth:`cited` does."""
        return self.cited(parameter, on).value

    def scheme(self, accepted_on: date) -> Scheme:
        """What these rules promise to whoever is accepted on that day. Raises :class:`RuleError`."""
        scheme = self._schemes.get(accepted_on)
        if scheme is None:
            values = {name: self._kept_from(name, accepted_on) for name in _SCHEME_PARAMETERS}
            scheme = self._schemes[accepted_on] = Scheme(accepted_on=accepted_on, **values)
        return scheme

    def throughout(self, parameter: str, on: date) -> "Rules":
        """These rules, but with the value that the parameter has on that day in force from its first date on: what the
        days before would have been under it. Raises :class:`RuleError` as :meth:`cited` does."""
        lasting = replace(self.cited(parameter, on), since_on=self.history(parameter)[0].since_on)
        return Rules({**self._parameters, parameter: (lasting,)}, self._name)

    def _kept_from(self, parameter: str, accepted_on: date) -> Any:
        cited = self.cited(parameter, accepted_on)
        if cited.basis is not Basis.ACCEPTANCE:
            problem = "its basis is event, but what is promised to a person is kept from the day of acceptance"
            raise RuleError(cited.file, parameter, problem, "Write basis: acceptance")
        return cited.value


def load_rules(directory: Path | None = None) -> Rules:
    """The rules of every ``*.yaml`` file in a folder; without one the packaged rules (:data:`RULES`), read only once.

    Raises :class:`RuleError` for a folder without files, a fault in a file, or a parameter that two files have.
    """
    return RULES if directory is None else _load(directory)


def _load(directory: Path) -> Rules:
    parameters: dict[str, tuple[RuleValue, ...]] = {}
    paths = sorted(directory.glob("*.yaml"))
    if not paths:
        raise RuleError(str(directory), "folder", "no .yaml file here", "Name a folder that holds rule files")
    for path in paths:
        for name, history in read_rule_file(path).items():
            if name in parameters:
                other = parameters[name][0].file
                raise RuleError(path.name, name, f"{other} has this parameter, too", "Keep it in one of the two files")
            parameters[name] = history
    return Rules(parameters, directory.name)


RULES = _load(_PACKAGED)
