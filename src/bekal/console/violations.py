"""What broke an invariant when the ledger was last proved: the first rows of each, leading to whose money it is."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any
from urllib.parse import urlencode

from django.shortcuts import resolve_url

from bekal.ledger.proof_results import StoredProof
from bekal.participants.models import Participation

SHOWN_VIOLATIONS, SHOWN_ROWS = 20, 5
# The columns that hold the owner of the money.
OWNER = ("owner_id", "participation_id")


@dataclass(frozen=True, slots=True)
class Cell:
    """One column of a row with its value; `address` leads on, where there is a page of it."""

    name: str
    value: str
    address: str = ""


@dataclass(frozen=True, slots=True)
class Broken:
    """One violation as the page shows it."""

    sentence: str
    rows: tuple[tuple[Cell, ...], ...]


def violations_of(proof: StoredProof) -> list[Broken]:
    """The first violations with the first rows that break each."""
    found = [
        (sentence, rows[:SHOWN_ROWS])
        for sentence, rows in islice(zip(proof.violations, proof.violation_rows, strict=True), SHOWN_VIOLATIONS)
    ]
    owners = {owner for _, rows in found for row in rows if (owner := _owner(row)) is not None}
    # Money whose owner is no participation is a violation, too: it has no page.
    known = set(Participation.objects.filter(pk__in=owners).order_by("pk").values_list("pk", flat=True))
    return [
        Broken(sentence, tuple(tuple(_cells(row, _owner(row) if _owner(row) in known else None)) for row in rows))
        for sentence, rows in found
    ]


def _owner(row: Mapping[str, Any]) -> int | None:
    return next((row[name] for name in OWNER if isinstance(row.get(name), int)), None)


def _cells(row: Mapping[str, Any], owner_id: int | None) -> Iterator[Cell]:
    # Stored without the order of its columns: whose money it is comes first.
    for name, value in sorted(row.items(), key=lambda column: column[0] not in OWNER):
        if name == "transfers" and isinstance(value, list):
            for each in value:
                text = ", ".join(f"{column} {_text(held)}" for column, held in each.items())
                yield Cell("transfer", text, _transfer(owner_id, each.get("id")))
        elif name in OWNER:
            yield Cell(name, _text(value), "" if owner_id is None else resolve_url("console:person_ledger", owner_id))
        elif name == "id":
            yield Cell("transfer", _text(value), _transfer(owner_id, value))
        elif name == "idempotency_key" and owner_id is not None and row.get("posted_at") is not None:
            yield Cell(name, value, f"{resolve_url('console:ledger')}?{urlencode({'q': f'{owner_id} {value}'})}")
        else:
            yield Cell(name, _text(value))


def _transfer(owner_id: int | None, number: int | None) -> str:
    return "" if owner_id is None or number is None else resolve_url("console:transfer", owner_id, number)


def _text(value: object) -> str:
    return "–" if value is None else str(value)
