"""One look at the database serves several invariants: a statement that passes over its rows once, keeps those that
break one of them, and gives the first of each. No row is the proof."""

from dataclasses import dataclass
from typing import Any

LIMIT = 20


@dataclass(frozen=True, slots=True)
class Invariant:
    """One thing that must hold.

    `breaks` is the condition over a row of the look that must never be true; `shows` are the columns that tell what is
    wrong, or a whole SELECT over `broken` where that has to ask further. What has no past is left out as of an
    instant."""

    name: str
    holds: str
    breaks: str
    shows: str
    only_now: bool = False

    def sql(self) -> str:
        if self.shows.startswith("SELECT"):
            return f"{self.shows} LIMIT {LIMIT}"
        return f"SELECT {self.shows} FROM broken WHERE {self.breaks} LIMIT {LIMIT}"


@dataclass(frozen=True, slots=True)
class Look:
    """Rows to pass over, and what must hold for each. `ctes` are what `rows` is made of; `%(as_of)s` bounds them."""

    rows: str
    invariants: tuple[Invariant, ...]
    ctes: str = ""

    def checked(self, *, now: bool) -> tuple[Invariant, ...]:
        """What this look can tell: now, or as of a past instant."""
        return tuple(each for each in self.invariants if now or not each.only_now)

    def sql(self, *, now: bool) -> str:
        """One statement: (number of the invariant among those checked, the row as JSON)."""
        checked = self.checked(now=now)
        ctes = f"{self.ctes}," if self.ctes else ""
        any_broken = " OR ".join(f"({each.breaks})" for each in checked)
        found = " UNION ALL ".join(
            f"(SELECT {number} AS number, row_to_json(found) AS row FROM ({each.sql()}) found)"
            for number, each in enumerate(checked)
        )
        return f"WITH {ctes} broken AS MATERIALIZED (SELECT * FROM ({self.rows}) seen WHERE {any_broken}) {found}"

    def violations(
        self, cursor: Any, as_of: object, *, now: bool
    ) -> list[tuple[Invariant, tuple[dict[str, Any], ...]]]:
        """Ask; each invariant that is broken with its first rows."""
        checked = self.checked(now=now)
        if not checked:
            return []
        cursor.execute(self.sql(now=now), {"as_of": as_of})
        rows: dict[int, list[dict[str, Any]]] = {}
        for number, row in cursor.fetchall():
            rows.setdefault(number, []).append(row)
        return [(checked[number], tuple(found)) for number, found in sorted(rows.items())]
