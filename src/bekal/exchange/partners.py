"""The file of partners: the systems of institutions and platforms, without keys and secrets."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from bekal.catalogue.models import Institution, Platform
from bekal.exchange.export_columns import Extract, text
from bekal.exchange.export_columns import instant as instant_column
from bekal.exchange.history import refuse_future
from bekal.exchange.kind import Kind, Loaded
from bekal.exchange.people import NOBODY
from bekal.exchange.progress import Progress
from bekal.exchange.row_by_row import Taken, load_row_by_row
from bekal.exchange.table_fields import ColumnMap, Field, instant, one_of, text_field
from bekal.partners.models import Partner
from bekal.partners.register import (
    NAME_LIMIT_COUNT,
    REASON_LIMIT_COUNT,
    NewPartner,
    register_partners,
    suspend_partner,
    tie_partner,
)

MAX_ROWS = 100_000
FIELDS: tuple[Field, ...] = (
    Field("code", text_field, required=True, max_characters=40, about="Names the system for ever."),
    Field("name", text_field, required=True, max_characters=NAME_LIMIT_COUNT, exact=True, about="What it is called."),
    Field("kind", one_of({each: each for each in Partner.Kind.values}), required=True, about="Whose system it is."),
    Field(
        "belongs_to", text_field, about="The institution or platform, as in `trainings`; blank: not tied to one yet."
    ),
    Field("registered_at", instant, required=True, about="When it was registered."),
    Field("suspended_at", instant, about="Since when nothing it signs is answered; blank: it is."),
    Field("reason", text_field, max_characters=REASON_LIMIT_COUNT, exact=True, about="Why it is suspended."),
)


def extract() -> Extract:
    """What an export writes, in the order in which they were registered."""
    return Extract(
        columns=(
            text("code", "partner.code"),
            text("name", "partner.name"),
            text("kind", "partner.kind"),
            text("belongs_to", "coalesce(institution.name, platform.name)"),
            instant_column("registered_at", "partner.registered_at"),
            instant_column("suspended_at", "partner.suspended_at"),
            text("reason", "nullif(partner.suspension_reason, '')"),
        ),
        source="""partners_partner partner
            LEFT JOIN catalogue_institution institution ON institution.id = partner.institution_id
            LEFT JOIN catalogue_platform platform ON platform.id = partner.platform_id""",
        order="partner.id",
        of_person=NOBODY,
    )


def load(path: Path, column_map: ColumnMap, *, at: datetime, dry_run: bool, progress: Progress) -> Loaded:
    """Register the partners that are new (`partners.register`). None has a key here: an officer issues new ones."""
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
    refuse_future(values, ("registered_at", "suspended_at"), at, wrong)
    if (values.get("suspended_at") is None) != (values.get("reason") is None):
        wrong.append(("reason", "this stands exactly where suspended_at does: write both, or none"))
    models: dict[str, type[Institution] | type[Platform]] = {"institution": Institution, "platform": Platform}
    owners = models[values["kind"]].objects.filter(name__iexact=values.get("belongs_to") or "").order_by("pk")
    owner = owners.first() if values.get("belongs_to") else None
    if values.get("belongs_to") and owner is None:
        wrong.append(
            ("belongs_to", f"no {values['kind']} has this name: import the catalogue_names first, or correct it")
        )
    if wrong:
        return wrong, False
    known = Partner.objects.filter(code=values["code"]).first()
    if known is not None:
        return _compared(known, owner, values), False
    new = NewPartner(values["code"], values["name"], values["kind"])
    [outcome] = register_partners(partners=[new], at=values["registered_at"])
    if outcome.refusal is None and outcome.partner_id is not None and owner is not None:
        outcome = tie_partner(partner_id=outcome.partner_id, owner_id=owner.pk)
    if outcome.refusal is None and outcome.partner_id is not None and values.get("suspended_at"):
        outcome = suspend_partner(partner_id=outcome.partner_id, reason=values["reason"], at=values["suspended_at"])
    if outcome.refusal is not None:
        return [("code", f"this partner cannot be registered ({outcome.refusal.code}): correct the row")], False
    return [], True


def _compared(known: Partner, owner: Institution | Platform | None, values: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What a file leaves blank agrees with whatever has happened since."""
    tied_id = known.institution_id or known.platform_id
    is_same = (known.name, known.kind) == (values["name"], values["kind"]) and (owner is None or owner.pk == tied_id)
    if values.get("suspended_at"):
        suspended = (values["suspended_at"], values["reason"])
        is_same = is_same and (known.suspended_at, known.suspension_reason) == suspended
    return [] if is_same else [("code", "this partner is known already with other values: take the row out")]


KIND = Kind(
    "partners",
    "Systems of institutions and platforms, without keys: one row for each, imported after the trainings.",
    FIELDS,
    MAX_ROWS,
    load,
)
