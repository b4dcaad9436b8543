"""The file of what institutions changed of their trainings: put on sale or taken off, sessions moved or called off."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from bekal.catalogue.models import REASON_LIMIT_COUNT, OfferChange, SessionChange, Training
from bekal.exchange.export_columns import Extract, number, text
from bekal.exchange.export_columns import instant as instant_column
from bekal.exchange.history import TRAINING, refuse_future
from bekal.exchange.kind import Kind, Loaded
from bekal.exchange.people import BOUGHT
from bekal.exchange.progress import Progress
from bekal.exchange.row_by_row import Taken, load_row_by_row
from bekal.exchange.table_fields import ColumnMap, Field, instant, one_of, text_field, whole_number
from bekal.exchange.trainings import YES_NO

MAX_ROWS = 1_000_000
FIELDS: tuple[Field, ...] = (
    TRAINING,
    Field("what", one_of({each: each for each in ("offer", "session")}), required=True, about="What was changed."),
    Field("number", whole_number(1, 32_000), required=True, about="The how-manieth change of this training and kind."),
    Field("changed_at", instant, required=True, about="When."),
    Field("is_offered", one_of(YES_NO), about="Of an offer: put on sale, or taken off."),
    Field("sequence", whole_number(1, 30), about="Of a session which."),
    Field("from_at", instant, about="Of a session when it would have started; blank: it had no date."),
    Field("to_at", instant, about="Of a session when it starts now; blank: it was called off."),
    Field("reason", text_field, max_characters=REASON_LIMIT_COUNT, exact=True, about="Of a session why."),
    Field("told_count", whole_number(0, 2**31 - 1), about="Of a session how many buyers were told; blank: none."),
)
_OF_SESSIONS = ("from_at", "to_at", "reason", "told_count")


def extract() -> Extract:
    """What an export writes, by training in the order in which it was changed. Who changed it is in no file."""
    return Extract(
        columns=(
            text("training", "training.code"),
            text("what", "change.what"),
            number("number", "change.number"),
            instant_column("changed_at", "change.changed_at"),
            text("is_offered", "change.is_offered::text"),
            number("sequence", "change.sequence"),
            instant_column("from_at", "change.from_at"),
            instant_column("to_at", "change.to_at"),
            text("reason", "nullif(change.reason, '')"),
            number("told_count", "change.told_count"),
        ),
        source="""(
            SELECT training_id, 'offer' AS what, row_number() OVER (PARTITION BY training_id ORDER BY id) AS number,
                   changed_at, is_offered, NULL::int AS sequence, NULL::timestamptz AS from_at,
                   NULL::timestamptz AS to_at, '' AS reason, NULL::int AS told_count
            FROM catalogue_offerchange
            UNION ALL
            SELECT training_id, 'session', row_number() OVER (PARTITION BY training_id ORDER BY id), changed_at, NULL,
                   sequence, from_at, to_at, reason, told_count
            FROM catalogue_sessionchange
        ) change JOIN catalogue_training training ON training.id = change.training_id""",
        order="training.id, change.what, change.number",
        of_person=f"training.id IN {BOUGHT}",
    )


def load(path: Path, column_map: ColumnMap, *, at: datetime, dry_run: bool, progress: Progress) -> Loaded:
    """Add the changes that are new. Nothing is moved by them: how it stands is in `trainings` and `sessions`."""
    trainings = dict(Training.objects.order_by("pk").values_list("code", "pk"))
    return load_row_by_row(
        path,
        FIELDS,
        column_map,
        max_rows=MAX_ROWS,
        take=lambda values: _take(trainings.get(values["training"]), values, at),
        dry_run=dry_run,
        progress=progress,
    )


def _take(training_id: int | None, values: Mapping[str, Any], at: datetime) -> Taken:
    wrong: list[tuple[str, str]] = []
    refuse_future(values, ("changed_at",), at, wrong)
    is_offer = values["what"] == "offer"
    if training_id is None:
        wrong.append(("training", "no training has this code: import the trainings first, or correct the code"))
    for name in ("is_offered", "sequence"):
        if (values.get(name) is None) != (is_offer == (name == "sequence")):
            wrong.append((name, "an offer says is_offered, a session its sequence, neither the other: correct it"))
    if is_offer and any(values.get(name) is not None for name in _OF_SESSIONS):
        wrong.append(("what", "only a session has from_at, to_at, reason and told_count: leave them blank"))
    if not is_offer and values.get("from_at") is None and values.get("to_at") is None:
        wrong.append(("to_at", "a session got a date, was moved or called off: write from_at, to_at or both"))
    if wrong or training_id is None:
        return wrong, False
    row = _row(training_id, values)
    known = list(type(row).objects.filter(training_id=training_id).order_by("pk"))
    if len(known) >= values["number"]:
        if _stated(known[values["number"] - 1]) != _stated(row):
            return [("number", "this change is known already with other values: take the row out")], False
        return [], False
    if len(known) != values["number"] - 1:
        return [("number", "the one before this is missing: number them one after another")], False
    row.save()
    return [], True


def _row(training_id: int, values: Mapping[str, Any]) -> OfferChange | SessionChange:
    if values["what"] == "offer":
        return OfferChange(training_id=training_id, is_offered=values["is_offered"], changed_at=values["changed_at"])
    return SessionChange(
        training_id=training_id,
        sequence=values["sequence"],
        from_at=values.get("from_at"),
        to_at=values.get("to_at"),
        reason=values.get("reason") or "",
        told_count=values.get("told_count") or 0,
        changed_at=values["changed_at"],
    )


def _stated(row: OfferChange | SessionChange) -> tuple[object, ...]:
    names = [field.attname for field in row._meta.concrete_fields]
    return tuple(getattr(row, name) for name in names if name not in ("id", "changed_by_id"))


KIND = Kind(
    "training_changes",
    "Trainings put on sale or taken off, sessions moved or called off: one row for each change.",
    FIELDS,
    MAX_ROWS,
    load,
)
