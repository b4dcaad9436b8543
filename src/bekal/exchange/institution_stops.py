"""The file of institution stops: whose settlement is stopped, since when and why."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from bekal.catalogue.models import Institution
from bekal.catalogue.stop_settlement import REASON_LIMIT_COUNT, stop_settlement
from bekal.exchange.history import refuse_future
from bekal.exchange.kind import Kind, Loaded
from bekal.exchange.progress import Progress
from bekal.exchange.row_by_row import Taken, load_row_by_row
from bekal.exchange.table_fields import ColumnMap, Field, instant, text_field

MAX_ROWS = 100_000
FIELDS: tuple[Field, ...] = (
    Field("institution", text_field, required=True, max_characters=200, about="Its name, as in `trainings`."),
    Field("stopped_at", instant, required=True, about="Since when nothing is settled to it."),
    Field("reason", text_field, required=True, max_characters=REASON_LIMIT_COUNT, about="Why."),
)


def load(path: Path, column_map: ColumnMap, *, at: datetime, dry_run: bool, progress: Progress) -> Loaded:
    """Stop the settlement to institutions of the catalogue (`catalogue.stop_settlement`), all of them or none."""
    institutions = {row.name.casefold(): row for row in Institution.objects.order_by("-pk")}
    return load_row_by_row(
        path,
        FIELDS,
        column_map,
        max_rows=MAX_ROWS,
        take=lambda values: _take(institutions.get(values["institution"].casefold()), values, at),
        dry_run=dry_run,
        progress=progress,
    )


def _take(institution: Institution | None, values: Mapping[str, Any], at: datetime) -> Taken:
    wrong: list[tuple[str, str]] = []
    if institution is None:
        return [("institution", "no institution has this name: import the trainings first, or correct it")], False
    refuse_future(values, ("stopped_at",), at, wrong)
    if wrong:
        return wrong, False
    outcome = stop_settlement(institution_id=institution.pk, reason=values["reason"], at=values["stopped_at"])
    known_at = Institution.objects.get(pk=institution.pk).settlement_stopped_at
    if outcome.refusal is not None or known_at != values["stopped_at"]:
        wrong.append(("institution", "it is stopped already, at another instant or for another reason: keep one"))
    return wrong, not wrong and not outcome.repeated


KIND = Kind(
    "institution_stops",
    "Institutions to which nothing is settled: one row for each whose settlement is stopped.",
    FIELDS,
    MAX_ROWS,
    load,
)
