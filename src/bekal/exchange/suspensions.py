"""The file of suspensions: what was stopped from being sold and settled, why, and when another officer lifted it."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from bekal.catalogue.models import REASON_LIMIT_COUNT, Institution, Platform, Suspension, Training
from bekal.catalogue.on_sale import refresh_sales
from bekal.catalogue.suspend import NewLift, NewSuspension, lift_suspensions, suspend
from bekal.exchange.accreditations import officer_id
from bekal.exchange.export_columns import Extract, instant_sql, text
from bekal.exchange.export_columns import instant as instant_column
from bekal.exchange.history import refuse_disorder, refuse_future
from bekal.exchange.kind import Kind, Loaded
from bekal.exchange.people import NOBODY
from bekal.exchange.progress import Progress
from bekal.exchange.row_by_row import Taken, load_row_by_row
from bekal.exchange.table_fields import ColumnMap, Field, instant, one_of, text_field

MAX_ROWS = 100_000
HOLDERS: dict[str, type[Institution] | type[Platform] | type[Training]] = {
    "institution": Institution,
    "platform": Platform,
    "training": Training,
}
FIELDS: tuple[Field, ...] = (
    Field("holder", one_of({name: name for name in HOLDERS}), required=True, about="What is suspended."),
    Field("name", text_field, required=True, about="Its name, of a training its code, as in `trainings`."),
    Field("reason", text_field, required=True, max_characters=REASON_LIMIT_COUNT, exact=True, about="Why."),
    Field("suspended_by", text_field, required=True, max_characters=150, about="The officer's login name."),
    Field("suspended_at", instant, required=True, about="Since when."),
    Field("lifted_by", text_field, max_characters=150, about="The login name of another officer; blank: it stands."),
    Field("lifted_at", instant, about="Blank: it stands."),
    Field("lift_reason", text_field, max_characters=REASON_LIMIT_COUNT, exact=True, about="Why it was lifted."),
)
_LIFT = ("lifted_by", "lifted_at", "lift_reason")


def extract() -> Extract:
    """What an export writes, in the order in which it happened."""
    return Extract(
        columns=(
            text(
                "holder",
                "CASE WHEN institution.id IS NOT NULL THEN 'institution' WHEN platform.id IS NOT NULL THEN 'platform' "
                "ELSE 'training' END",
            ),
            text("name", "coalesce(institution.name, platform.name, training.code)"),
            text("reason", "stop.reason"),
            text("suspended_by", "officer.login_name"),
            instant_column("suspended_at", "stop.suspended_at"),
            text("lifted_by", "lifter.login_name"),
            text("lifted_at", instant_sql("stop.lifted_at")),
            text("lift_reason", "nullif(stop.lift_reason, '')"),
        ),
        source="""catalogue_suspension stop JOIN accounts_user officer ON officer.id = stop.suspended_by_id
            LEFT JOIN accounts_user lifter ON lifter.id = stop.lifted_by_id
            LEFT JOIN catalogue_institution institution ON institution.id = stop.institution_id
            LEFT JOIN catalogue_platform platform ON platform.id = stop.platform_id
            LEFT JOIN catalogue_training training ON training.id = stop.training_id""",
        order="stop.suspended_at, stop.id",
        of_person=NOBODY,
    )


def load(path: Path, column_map: ColumnMap, *, at: datetime, dry_run: bool, progress: Progress) -> Loaded:
    """Repeat suspensions and their ends (`catalogue.suspend`), all or none."""
    return load_row_by_row(
        path,
        FIELDS,
        column_map,
        max_rows=MAX_ROWS,
        take=lambda values: _take(values, at),
        dry_run=dry_run,
        progress=progress,
        finish=lambda: refresh_sales(at=at),
    )


def _take(values: Mapping[str, Any], at: datetime) -> Taken:
    wrong: list[tuple[str, str]] = []
    refuse_future(values, ("suspended_at", "lifted_at"), at, wrong)
    refuse_disorder(values, ("suspended_at", "lifted_at"), wrong)
    if len({values.get(name) is None for name in _LIFT}) > 1:
        wrong.append(("lifted_at", "lifted_by, lifted_at and lift_reason stand together: write all three, or none"))
    elif values.get("lifted_by") == values["suspended_by"]:
        wrong.append(("lifted_by", "whoever suspends does not lift it: another officer does"))
    model = HOLDERS[values["holder"]]
    named = "code" if model is Training else "name__iexact"
    holder = model.objects.filter(**{named: values["name"]}).order_by("pk").first()
    if holder is None:
        wrong.append(("name", "the catalogue has nothing of this name: import the trainings first, or correct it"))
    if wrong or holder is None:
        return wrong, False
    subject = {f"{values['holder']}_id": holder.pk}
    known = Suspension.objects.filter(suspended_at=values["suspended_at"], **subject).first()
    if known is not None:
        return _lift(known, values) if _is_same(known, values) else ([("suspended_at", _OTHERWISE)], False)
    by_id = officer_id(values["suspended_by"])
    new = NewSuspension(reason=values["reason"], by_id=by_id, **subject)
    [outcome] = suspend(suspensions=[new], at=values["suspended_at"])
    if outcome.refusal is not None:
        return [("name", f"this cannot be suspended ({outcome.refusal.code}): correct the row")], False
    if outcome.repeated or outcome.suspension_id is None:
        return [("suspended_at", "it is suspended since another instant already: keep one of them")], False
    wrong, _ = _lift(Suspension.objects.get(pk=outcome.suspension_id), values)
    return wrong, not wrong


_OTHERWISE = "this suspension is known already with other values: take the row out or correct it"


def _is_same(known: Suspension, values: Mapping[str, Any]) -> bool:
    """Whether what is known says the same; what the file leaves blank agrees with whatever has happened since."""
    says = (values["reason"], values["suspended_by"])
    if (known.reason, known.suspended_by.login_name) != says:
        return False
    if known.lifted_at is None or values.get("lifted_at") is None:
        return True
    lifted_by = known.lifted_by.login_name if known.lifted_by else ""
    return (known.lifted_at, lifted_by, known.lift_reason) == (
        values["lifted_at"],
        values["lifted_by"],
        values["lift_reason"],
    )


def _lift(known: Suspension, values: Mapping[str, Any]) -> Taken:
    """End it where the file says so and it stands here."""
    if values.get("lifted_at") is None or known.lifted_at is not None:
        return [], False
    lift = NewLift(known.pk, values["lift_reason"], officer_id(values["lifted_by"]))
    [outcome] = lift_suspensions(lifts=[lift], at=values["lifted_at"])
    if outcome.refusal is not None:
        return [("lifted_by", f"this cannot be lifted ({outcome.refusal.code}): correct the row")], False
    return [], True


KIND = Kind(
    "suspensions",
    "What was stopped from being sold and settled: one row for each suspension, with its end.",
    FIELDS,
    MAX_ROWS,
    load,
)
