"""The file of completions: every purchase with its journey and the institution's evidence, as it happened."""

import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from bekal.accounts.privacy import encrypt
from bekal.exchange import completions_sql as sql
from bekal.exchange.history import EVIDENCE, MAX_ROWS, TRAINING, history_file, refuse_disorder, refuse_future
from bekal.exchange.kind import Kind, Loaded
from bekal.exchange.people import NIK, hash_of_nik
from bekal.exchange.progress import Progress
from bekal.exchange.staging import RowError
from bekal.exchange.table_fields import ColumnMap, Field, FieldError, Value, instant, one_of, rupiah, whole_number
from bekal.purchases.models import Purchase
from bekal.purchases.redeem_codes import normalised, redeem_code_hash

MAX_SESSIONS = 30
TO_BALANCE, TO_TREASURY = "balance", "treasury"
REFUNDED, PARTIAL, ATTENDED = (ending.value for ending in Purchase.Ending)
_SEPARATOR = re.compile(r"\s*;\s*")


def _instants_of(text: str) -> list[datetime | None]:
    """By sequence; an empty place is a session that was not attended."""
    parts = _SEPARATOR.split(text)
    if len(parts) > MAX_SESSIONS or not parts[-1]:
        raise FieldError(f"write at most {MAX_SESSIONS} instants with ; between them, none after the last")
    return [instant(part) if part else None for part in parts]


def _redeem_code_of(text: str) -> str:
    code = normalised(text)
    if code is None:
        raise FieldError("a redeem code of Bekal has 16 characters: correct it, or leave it blank")
    return code


FIELDS: tuple[Field, ...] = (
    NIK,
    TRAINING,
    Field("price_rupiah", rupiah, required=True, about="What was paid for it from the training balance."),
    Field("ordinal", whole_number(1, 1000), about="The how-manieth of this person; blank: in the order of bought_at."),
    Field("bought_at", instant, required=True, about="When it was bought."),
    Field("redeemed_at", instant, about="When it began; blank where it was attended or completed: as early as that."),
    Field(
        "attended_at",
        Value(_instants_of, f"up to {MAX_SESSIONS} instants by session, with `;` between them"),
        max_characters=1_200,
        about="When each session was recorded as attended; blank although completed: all of them at completed_at.",
    ),
    Field("completed_at", instant, about="When the institution recorded the completion; blank: not completed."),
    Field(
        "reconciled_at",
        instant,
        about="When the evidence of both sides was found complete and the price became the institution's; blank: not "
        "yet, the daily reconciliation decides. Who has no such instant may say --map reconciled_at=completed_at.",
    ),
    Field(
        "redeem_code", Value(_redeem_code_of, "16 characters"), about="Needed only where it is still to be redeemed."
    ),
    Field(
        "ended_at",
        instant,
        about="When it ended without its evidence; then there is no reconciled_at. Blank: it has not.",
    ),
    Field(
        "ending",
        one_of({ending: ending for ending in (REFUNDED, PARTIAL, ATTENDED)}),
        about="How it ended: `refunded` whole; `partial`: the sessions attended were paid; `attended`: all were.",
    ),
    Field("refunded_rupiah", rupiah, about="What went back of the price; needed where it ended."),
    Field(
        "refunded_to",
        one_of({place: place for place in (TO_BALANCE, TO_TREASURY)}),
        about="Where that went: to the training balance, or to the treasury because the balance had ended.",
    ),
    Field("settled_at", instant, about="When the institution was paid what it had earned; blank: not yet."),
    EVIDENCE,
)
_JOURNEY = ("bought_at", "redeemed_at", "completed_at", "reconciled_at")
COLUMNS: Mapping[str, str] = {
    "nik_hash": "bytea NOT NULL",
    "training": "text NOT NULL",
    "price_rupiah": "bigint NOT NULL",
    "ordinal": "smallint",
    "bought_at": "timestamptz NOT NULL",
    "redeemed_at": "timestamptz",
    "attended": "timestamptz[]",
    "completed_at": "timestamptz",
    "reconciled_at": "timestamptz",
    "code_hash": "bytea",
    "code_encrypted": "bytea",
    "ended_at": "timestamptz",
    "ending": "text NOT NULL",
    "refunded_rupiah": "bigint NOT NULL",
    "refunded_to": "text",
    "settled_at": "timestamptz",
    "is_told": "boolean NOT NULL",
}


def load(path: Path, column_map: ColumnMap, *, at: datetime, dry_run: bool, progress: Progress) -> Loaded:
    """Add the purchases that are new with what the verbs would have written: evidence, counts of the training, money
    from balance to escrow, from there to the institution or back, each at its own instant."""

    def row_of(values: Mapping[str, Any]) -> tuple[object, ...]:
        return _row(values, at)

    with history_file(
        path, FIELDS, column_map, columns=COLUMNS, row_of=row_of, dry_run=dry_run, progress=progress
    ) as staged:
        sql.prepare(staged)
        sql.check(staged)
        if staged.is_sound:
            staged.counts = sql.write(staged, progress)
    return Loaded(staged.counts, staged.findings)


def _row(given: Mapping[str, Any], at: datetime) -> tuple[object, ...]:
    """The row in the order of COLUMNS. Raises RowError with all that is wrong."""
    wrong: list[tuple[str, str]] = []
    values = dict(given)
    attended = [each for each in values.get("attended_at") or () if each is not None]
    if values.get("redeemed_at") is None:
        values["redeemed_at"] = min((*attended, values.get("completed_at")), default=None, key=_last_where_none)
    refuse_disorder(values, _JOURNEY, wrong)
    refuse_future(values, (*_JOURNEY, "ended_at", "settled_at"), at, wrong)
    _refuse_ending(values, wrong)
    _refuse_settlement(values, wrong)
    if any(not values["bought_at"] <= each <= at for each in attended):
        wrong.append(("attended_at", "a session was attended before bought_at or is still to come: correct it"))
    if wrong:
        raise RowError(wrong)
    code = values.get("redeem_code")
    return (
        hash_of_nik(values["nik"]),
        values["training"],
        values["price_rupiah"],
        values.get("ordinal"),
        *(values.get(name) for name in ("bought_at", "redeemed_at")),
        values.get("attended_at") or None,
        *(values.get(name) for name in ("completed_at", "reconciled_at")),
        redeem_code_hash(code) if code else None,
        encrypt(code) if code else None,
        values.get("ended_at"),
        values.get("ending") or "",
        values.get("refunded_rupiah") or 0,
        *(values.get(name) for name in ("refunded_to", "settled_at")),
        values.get("evidence") is True,
    )


def _refuse_ending(values: Mapping[str, Any], wrong: list[tuple[str, str]]) -> None:
    """An early ending says all of itself, and fits the price."""
    ended_at, ending, refunded_rupiah = (values.get(name) for name in ("ended_at", "ending", "refunded_rupiah"))
    for name in ("ended_at", "ending", "refunded_rupiah"):
        if (values.get(name) is None) != (ended_at is None):
            wrong.append((name, "ended_at, ending and refunded_rupiah stand together: write all three, or none"))
            return
    if (values.get("refunded_to") is None) != (not refunded_rupiah):
        wrong.append(("refunded_to", "this stands exactly where something was refunded: correct one of them"))
    if ended_at is None or refunded_rupiah is None:
        return
    if values.get("reconciled_at") is not None:
        wrong.append(("ended_at", "what was reconciled does not end early: leave one of them blank"))
    if any(values.get(name) is not None and ended_at < values[name] for name in _JOURNEY):
        wrong.append(("ended_at", "this is before it was bought, redeemed or completed: correct one of them"))
    price_rupiah = values["price_rupiah"]
    lowest = price_rupiah if ending == REFUNDED else 0
    highest = 0 if ending == ATTENDED else price_rupiah
    if not lowest <= refunded_rupiah <= highest:
        wrong.append(("refunded_rupiah", "this does not fit the price and the ending: correct one of them"))


def _refuse_settlement(values: Mapping[str, Any], wrong: list[tuple[str, str]]) -> None:
    """Only what is proven was paid to the institution, and not before."""
    settled_at = values.get("settled_at")
    if settled_at is None:
        return
    proven_at = values.get("reconciled_at") or (values.get("ended_at") if values.get("ending") != REFUNDED else None)
    if proven_at is None:
        wrong.append(("settled_at", "nothing was proven of it: write reconciled_at or the ending, or leave this blank"))
    elif settled_at < proven_at:
        wrong.append(("settled_at", "this is before it was proven: correct one of them"))


def _last_where_none(instant_or_none: datetime | None) -> float:
    return float("inf") if instant_or_none is None else instant_or_none.timestamp()


KIND = Kind(
    "completions",
    "What was bought from training balances and how far it came: one row for each purchase, completed or not.",
    FIELDS,
    MAX_ROWS,
    load,
)
