"""The file of accreditations: every decision about who may teach and who may sell, in their order."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from django.contrib.auth.hashers import make_password

from bekal.accounts.models import Role, User
from bekal.catalogue.accredit import NUMBER_LIMIT_COUNT, NewAccreditation, accredit
from bekal.catalogue.models import REASON_LIMIT_COUNT, Accreditation, Accredited, Institution, Platform
from bekal.catalogue.on_sale import refresh_sales
from bekal.exchange.history import refuse_future
from bekal.exchange.kind import Kind, Loaded
from bekal.exchange.progress import Progress
from bekal.exchange.row_by_row import Taken, load_row_by_row
from bekal.exchange.table_fields import ColumnMap, Field, instant, iso_date, one_of, text_field

MAX_ROWS = 100_000
HOLDERS: dict[str, type[Institution] | type[Platform]] = {"institution": Institution, "platform": Platform}
FIELDS: tuple[Field, ...] = (
    Field("holder", one_of({name: name for name in HOLDERS}), required=True, about="Whom the decision is about."),
    Field("name", text_field, required=True, max_characters=200, about="Its name, as in `trainings`."),
    Field("state", one_of({each.value: each.value for each in Accredited.State}), required=True, about="What it says."),
    Field("number", text_field, max_characters=NUMBER_LIMIT_COUNT, about="The number of the letter."),
    Field("from_on", iso_date, about="The first day; blank: always."),
    Field("until_on", iso_date, about="The last day; blank: no end is known."),
    Field("reason", text_field, required=True, max_characters=REASON_LIMIT_COUNT, about="Why."),
    Field("decided_by", text_field, max_characters=150, about="The officer's login name; one nobody knows is added."),
    Field("decided_at", instant, required=True, about="When."),
)


def load(path: Path, column_map: ColumnMap, *, at: datetime, dry_run: bool, progress: Progress) -> Loaded:
    """Repeat decisions about institutions and platforms of the catalogue (`catalogue.accredit`), all or none."""
    known = {
        (kind, row.name.casefold()): row for kind, model in HOLDERS.items() for row in model.objects.order_by("-pk")
    }

    def take(values: Mapping[str, Any]) -> Taken:
        return _take(known.get((values["holder"], values["name"].casefold())), values, at)

    return load_row_by_row(
        path,
        FIELDS,
        column_map,
        max_rows=MAX_ROWS,
        take=take,
        dry_run=dry_run,
        progress=progress,
        finish=lambda: refresh_sales(at=at),
    )


def _take(holder: Institution | Platform | None, values: Mapping[str, Any], at: datetime) -> Taken:
    wrong: list[tuple[str, str]] = []
    if holder is None:
        return [("name", "nobody in the catalogue has this name: import the trainings first, or correct it")], False
    refuse_future(values, ("decided_at",), at, wrong)
    if wrong:
        return wrong, False
    column = f"{values['holder']}_id"
    rows = Accreditation.objects.filter(**{column: holder.pk})
    same = {name: values.get(name) for name in ("state", "from_on", "until_on", "decided_at", "reason")}
    if rows.filter(**same, number=values.get("number") or "").exists():
        return [], False
    if rows.filter(decided_at__gte=values["decided_at"]).exists():
        return [("decided_at", "a later decision, or another one of this instant, is known already")], False
    named: dict[str, Any] = {column: holder.pk, "state": values["state"], "number": values.get("number") or ""}
    days: dict[str, Any] = {"from_on": values.get("from_on"), "until_on": values.get("until_on")}
    by_id = officer_id(values["decided_by"]) if values.get("decided_by") else None
    new = NewAccreditation(**named, **days, reason=values["reason"], by_id=by_id)
    [outcome] = accredit(accreditations=[new], at=values["decided_at"])
    if outcome.refusal is not None:
        return [("state", f"this decision cannot be taken ({outcome.refusal.code}): correct the row")], False
    return [], True


def officer_id(login_name: str) -> int:
    """The number of this officer; somebody nobody knows is added so that nobody can sign in as them."""
    known = User.objects.filter(login_name=login_name).first()
    if known is None:
        fields = {"display_name": login_name, "role": Role.OFFICER, "is_active": False}
        known = User.objects.create(login_name=login_name, password=make_password(None), **fields)
    return known.pk


KIND = Kind(
    "accreditations",
    "Who may teach and who may sell: one row for each decision about an institution or a platform.",
    FIELDS,
    MAX_ROWS,
    load,
)
