"""The file of hold steps: every payment that waited for a decision, from its alarm to its end, step by step."""

import json
import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from bekal.accounts.privacy import encrypt
from bekal.core.text import is_readable
from bekal.exchange import hold_steps_sql as sql
from bekal.exchange.export_columns import Extract, day, nik, number, sealed, text
from bekal.exchange.export_columns import instant as instant_column
from bekal.exchange.history import MAX_ROWS, refuse_future
from bekal.exchange.kind import Kind, Loaded
from bekal.exchange.payout_runs import sha256
from bekal.exchange.people import IS_PERSON, PLACES, hash_of_nik
from bekal.exchange.people import nik as nik_value
from bekal.exchange.progress import Progress
from bekal.exchange.staging import RowError, staged_file
from bekal.exchange.table_fields import (
    ColumnMap,
    Field,
    FieldError,
    Value,
    instant,
    iso_date,
    one_of,
    text_field,
    whole_number,
)
from bekal.holds.models import Hold, HoldEvent
from bekal.holds.steps import TEXT_LENGTH

OPENED, TAKEN, APPEALED, PROPOSED, CONFIRMED, LIFTED = (kind.value for kind in HoldEvent.Kind)
MAX_FIGURE = 2**53


def _case_of(value: str) -> str:
    if not re.fullmatch(r"[0-9a-f]{1,40}", value, re.ASCII):
        raise FieldError("a case has up to 40 hexadecimal digits: correct it")
    return value


def _figures_of(value: str) -> str:
    """A flat object of counts and texts, as JSON that the database can hold."""
    try:
        figures = json.loads(value)
    except (ValueError, RecursionError):
        figures = None
    sound = isinstance(figures, dict) and all(
        is_readable(name) and (_is_count(each) or (isinstance(each, str) and is_readable(each)))
        for name, each in figures.items()
    )
    if not sound:
        raise FieldError('write counts and texts as one JSON object, as {"people_count": 200}')
    return json.dumps(figures, sort_keys=True)


def _is_count(value: object) -> bool:
    return type(value) is int and abs(value) <= MAX_FIGURE


FIELDS: tuple[Field, ...] = (
    Field("nik", nik_value, about="Whose incentives wait, or who bought; blank of a settlement."),
    Field("training", text_field, max_characters=60, about="Of a purchase the code of the training."),
    Field("institution", text_field, about="Of a purchase and of a settlement its name, as in `trainings`."),
    Field("subject", one_of({each: each for each in Hold.Subject.values}), required=True, about="What waits."),
    Field("reason", one_of({each: each for each in Hold.Reason.values}), required=True, about="Which alarm rang."),
    Field("finding_sha256", sha256, required=True, about="What was found, as a hash: the same is never held twice."),
    Field("case_key", Value(_case_of, "up to 40 hexadecimal digits"), required=True, about="What one finding shares."),
    Field("step", whole_number(1, 10_000), required=True, about="The how-manieth of this hold; the first opens it."),
    Field("kind", one_of({each: each for each in HoldEvent.Kind.values}), required=True, about="What happened."),
    Field(
        "figures",
        Value(_figures_of, 'one JSON object of counts and texts, as `{"people_count": 200}`'),
        max_characters=20_000,
        exact=True,
        about="Of the first step what is behind the alarm.",
    ),
    Field("text", text_field, max_characters=TEXT_LENGTH, exact=True, about="What was said; kept encrypted."),
    Field("officer", text_field, max_characters=150, about="By login name; blank: the alarm, or who appealed."),
    Field("due_on", iso_date, required=True, about="By which day somebody decides, from this step on."),
    Field("recorded_at", instant, required=True, about="When."),
)
COLUMNS: Mapping[str, str] = {
    "nik_hash": "bytea",
    "training": "text",
    "institution": "text",
    "subject": "text NOT NULL",
    "reason": "text NOT NULL",
    "fingerprint": "bytea NOT NULL",
    "case_key": "text NOT NULL",
    "step": "int NOT NULL",
    "kind": "text NOT NULL",
    "figures": "jsonb",
    "text_encrypted": "bytea",
    "officer": "text",
    "due_on": "date NOT NULL",
    "recorded_at": "timestamptz NOT NULL",
}
# Which columns name what waits, by its subject.
_NAMED_BY = {
    Hold.Subject.INCENTIVE.value: ("nik",),
    Hold.Subject.PURCHASE.value: ("nik", "training", "institution"),
    Hold.Subject.SETTLEMENT.value: ("institution",),
}


def extract() -> Extract:
    """What an export writes: the holds in their order, of each its steps."""
    return Extract(
        columns=(
            nik("person.id"),
            text("training", "training.code"),
            text("institution", "institution.name"),
            text("subject", "hold.subject"),
            text("reason", "hold.reason"),
            text("finding_sha256", "encode(hold.fingerprint, 'hex')"),
            text("case_key", "hold.case_key"),
            number("step", "event.step"),
            text("kind", "event.kind"),
            text("figures", "CASE WHEN event.step = 1 THEN hold.figures::text END"),
            sealed("text", "event.text_encrypted"),
            text("officer", "officer.login_name"),
            day("due_on", "event.due_on"),
            instant_column("recorded_at", "event.recorded_at"),
        ),
        source=f"""{sql.NUMBERED} event JOIN holds_hold hold ON hold.id = event.hold_id
            LEFT JOIN ({PLACES}) ON place.id = hold.participation_id
            LEFT JOIN purchases_purchase purchase ON purchase.id = hold.purchase_id
            LEFT JOIN catalogue_training training ON training.id = purchase.training_id
            LEFT JOIN catalogue_institution institution ON institution.id = hold.institution_id
            LEFT JOIN accounts_user officer ON officer.id = event.by_id""",
        order="hold.id, event.step",
        of_person=IS_PERSON,
    )


def load(path: Path, column_map: ColumnMap, *, at: datetime, dry_run: bool, progress: Progress) -> Loaded:
    """Add the steps that are new; how each hold stands follows from them. One that waits is decided here."""

    def row_of(values: Mapping[str, Any]) -> tuple[object, ...]:
        return _row(values, at)

    with staged_file(
        path,
        FIELDS,
        column_map,
        columns=COLUMNS,
        row_of=row_of,
        max_rows=MAX_ROWS,
        dry_run=dry_run,
        progress=progress,
    ) as staged:
        sql.locate(staged)
        sql.check(staged)
        if staged.is_sound:
            staged.counts = sql.write(staged)
        staged.write("DROP TABLE hold_row")
    return Loaded(staged.counts, staged.findings)


def _row(values: Mapping[str, Any], at: datetime) -> tuple[object, ...]:
    wrong: list[tuple[str, str]] = []
    kind, subject, words = values["kind"], values["subject"], values.get("text")
    refuse_future(values, ("recorded_at",), at, wrong)
    for name in ("nik", "training", "institution"):
        if (values.get(name) is None) == (name in _NAMED_BY[subject]):
            needed = ", ".join(_NAMED_BY[subject])
            wrong.append((name, f"a hold on a {subject} is named by {needed} and by nothing else: correct it"))
    if (values["step"] == 1) != (kind == OPENED):
        wrong.append(("kind", "the first step opens a hold, and no other does: correct one of them"))
    if (values.get("figures") is None) == (kind == OPENED):
        wrong.append(("figures", "the first step has figures, and no other has: correct it"))
    if (values.get("officer") is None) == (kind in (TAKEN, PROPOSED, CONFIRMED, LIFTED)):
        wrong.append(("officer", "an officer takes, proposes, confirms and lifts, and does nothing else: correct it"))
    if (words is None) == (kind in (APPEALED, PROPOSED, LIFTED)):
        wrong.append(("text", "an appeal, a proposal and a lift have words, no other step has: correct it"))
    if wrong:
        raise RowError(wrong)
    return (
        hash_of_nik(values["nik"]) if values.get("nik") else None,
        *(values.get(name) for name in ("training", "institution")),
        *(values[name] for name in ("subject", "reason", "finding_sha256", "case_key", "step", "kind")),
        values.get("figures"),
        encrypt(words) if words else None,
        values.get("officer"),
        values["due_on"],
        values["recorded_at"],
    )


KIND = Kind(
    "hold_steps",
    "Payments that waited for a decision: one row for each step of each hold, imported after purchases.",
    FIELDS,
    MAX_ROWS,
    load,
)
