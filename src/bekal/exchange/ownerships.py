"""The file of ownerships: who holds which share of an institution, a platform or another owner, and since when."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from bekal.catalogue.models import Institution, Owner, Platform
from bekal.catalogue.own import NAME_LIMIT_COUNT, NewOwnership, record_ownerships
from bekal.exchange.accreditations import officer_id
from bekal.exchange.history import refuse_future
from bekal.exchange.kind import Kind, Loaded
from bekal.exchange.progress import Progress
from bekal.exchange.row_by_row import Taken, load_row_by_row
from bekal.exchange.table_fields import (
    ColumnMap,
    Field,
    FieldError,
    Value,
    birth_date,
    instant,
    one_of,
    text_field,
)

MAX_ROWS = 100_000
KINDS = {each.value: each.value for each in Owner.Kind}


def _percent_of(text: str) -> Decimal:
    try:
        share = Decimal(text) if text.isascii() and len(text) <= 6 and text.replace(".", "", 1).isdigit() else None
    except InvalidOperation:
        share = None
    if share is None or not Decimal("0.01") <= share <= 100:
        raise FieldError("write a percentage above 0 and up to 100 with at most two decimals, as 51 or 33.5")
    return share


FIELDS: tuple[Field, ...] = (
    Field("shareholder", text_field, required=True, max_characters=NAME_LIMIT_COUNT, about="The owner's name."),
    Field("shareholder_kind", one_of(KINDS), required=True, about="What the owner is."),
    Field("held", text_field, required=True, max_characters=NAME_LIMIT_COUNT, about="The name of what is owned."),
    Field("held_kind", one_of(KINDS), required=True, about="What that is; an owner of others is named by its kind."),
    Field(
        "share_percent",
        Value(_percent_of, "a percentage above 0 and up to 100, as `51` or `33.5`"),
        required=True,
        about="How much.",
    ),
    Field("since_on", birth_date, required=True, about="The first day."),
    Field("until_on", birth_date, about="The last day; blank: it stands."),
    Field("recorded_by", text_field, max_characters=150, about="The officer's login name; one nobody knows is added."),
    Field("recorded_at", instant, required=True, about="When it was recorded."),
)


def load(path: Path, column_map: ColumnMap, *, at: datetime, dry_run: bool, progress: Progress) -> Loaded:
    """Record shares (`catalogue.record_ownerships`), all or none."""
    return load_row_by_row(
        path,
        FIELDS,
        column_map,
        max_rows=MAX_ROWS,
        take=lambda values: _take(values, at),
        dry_run=dry_run,
        progress=progress,
    )


def _take(values: Mapping[str, Any], at: datetime) -> Taken:
    wrong: list[tuple[str, str]] = []
    refuse_future(values, ("recorded_at",), at, wrong)
    subject = _subject(values)
    if subject is None:
        wrong.append(("held", "nobody in the catalogue has this name: import the trainings first, or correct it"))
    if wrong or subject is None:
        return wrong, False
    new = NewOwnership(
        owner_name=values["shareholder"],
        owner_kind=values["shareholder_kind"],
        share_percent=values["share_percent"],
        since_on=values["since_on"],
        until_on=values.get("until_on"),
        by_id=officer_id(values["recorded_by"]) if values.get("recorded_by") else None,
        **subject,
    )
    [outcome] = record_ownerships(ownerships=[new], at=values["recorded_at"])
    if outcome.refusal is not None:
        return [("shareholder", f"this share cannot be recorded ({outcome.refusal.code}): correct the row")], False
    return [], not outcome.repeated


def _subject(values: Mapping[str, Any]) -> dict[str, Any] | None:
    kind, name = values["held_kind"], values["held"]
    models: dict[str, type[Institution] | type[Platform]] = {"institution": Institution, "platform": Platform}
    if kind in models:
        row = models[kind].objects.filter(name__iexact=name).order_by("pk").first()
        return {f"{kind}_id": row.pk} if row else None
    held, _ = Owner.objects.get_or_create(name=name, kind=kind)
    return {"held_owner_id": held.pk}


KIND = Kind(
    "ownerships",
    "Who owns institutions and platforms: one row for each share.",
    FIELDS,
    MAX_ROWS,
    load,
)
