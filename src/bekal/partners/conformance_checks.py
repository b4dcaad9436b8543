"""The checks of the conformance page as data (`conformance_checks.yaml`), read once; a file that cannot be used is
refused with the check and the mend."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from bekal.partners.models import Partner

FILE = Path(__file__).with_name("conformance_checks.yaml")
_NEEDED = ("code", "seen", "id", "en", "next_id", "next_en")
_KNOWN = {*_NEEDED, "kind", "unsigned", "any_of"}
_SEEN = {"generation", "operation", "outcome", "fact"}


@dataclass(frozen=True, slots=True)
class Exchange:
    """A signed sandbox call and how it was answered, without anything of its content.

    `operation`: the door's name for it; `outcome`: `answered`, `repeated`, or a refusal's code; `facts`: what the door
    noticed beside."""

    generation: int
    operation: str
    method: str
    status: int
    outcome: str
    facts: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the conformance page; titles and advice by language."""

    code: str
    kind: str | None
    is_unsigned: bool
    any_of: str
    generation: int
    operation: str | None
    outcomes: tuple[str, ...]
    fact: str | None
    titles: Mapping[str, str]
    advice: Mapping[str, str]

    def is_shown_by(self, exchange: Exchange) -> bool:
        """Whether the call shows this check to be well."""
        return (
            self.generation == exchange.generation
            and self.operation in (None, exchange.operation)
            and (not self.outcomes or exchange.outcome in self.outcomes)
            and (self.fact is None or self.fact in exchange.facts)
        )


def checks_of(kind: str) -> tuple[Check, ...]:
    """The checks for a partner of this kind, in the order of the page."""
    return tuple(check for check in CHECKS if check.kind in (None, kind))


def read_checks(text: str) -> tuple[Check, ...]:
    """Raises ValueError, naming the check, where one cannot be used or a code stands twice."""
    rows = yaml.safe_load(text)
    checks = tuple(_check(place, row) for place, row in enumerate(rows, 1))
    codes = [check.code for check in checks]
    twice = {code for code in codes if codes.count(code) > 1}
    if twice:
        raise ValueError(f"conformance checks: {sorted(twice)} stand twice: give each check a code of its own")
    return checks


def _check(place: int, row: Any) -> Check:
    if not isinstance(row, dict) or set(row) - _KNOWN or any(not row.get(name) for name in _NEEDED):
        raise ValueError(f"conformance check {place}: write {', '.join(_NEEDED)}, and nothing but {sorted(_KNOWN)}")
    seen = row["seen"]
    if set(seen) - _SEEN or seen.get("generation") not in (1, 2) or len(seen) < 2:
        raise ValueError(f"conformance check {row['code']}: seen has a generation and one more of {sorted(_SEEN)}")
    if row.get("kind") not in (None, *Partner.Kind.values):
        raise ValueError(f"conformance check {row['code']}: kind is one of {Partner.Kind.values}")
    outcome: str | Sequence[str] = seen.get("outcome", ())
    return Check(
        code=str(row["code"]),
        kind=row.get("kind"),
        is_unsigned=bool(row.get("unsigned", False)),
        any_of=str(row.get("any_of", "")),
        generation=int(seen["generation"]),
        operation=seen.get("operation"),
        outcomes=(outcome,) if isinstance(outcome, str) else tuple(outcome),
        fact=seen.get("fact"),
        titles={"id": row["id"], "en": row["en"]},
        advice={"id": row["next_id"], "en": row["next_en"]},
    )


CHECKS = read_checks(FILE.read_text(encoding="utf-8"))
