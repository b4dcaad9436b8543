"""The file of submissions: what institutions offered, as written, and how far curation came."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from bekal.catalogue.content import DESCRIPTION_LIMIT_COUNT, TITLE_LIMIT_COUNT, Content, columns_of
from bekal.catalogue.models import Category, Institution, Platform, Submission, Training
from bekal.catalogue.submit_trainings import OPEN, lock_submissions
from bekal.core.refusal import Refusal
from bekal.exchange.districts import province
from bekal.exchange.export_columns import Extract, flag, number, text
from bekal.exchange.export_columns import instant as instant_column
from bekal.exchange.history import refuse_disorder, refuse_future
from bekal.exchange.kind import Kind, Loaded
from bekal.exchange.people import NOBODY
from bekal.exchange.progress import Progress
from bekal.exchange.row_by_row import Taken, load_row_by_row
from bekal.exchange.table_fields import ColumnMap, Field, instant, one_of, rupiah, text_field, whole_number
from bekal.exchange.trainings import MODES, YES_NO, code

MAX_ROWS = 1_000_000
SUBMISSION = (
    Field("code", code, required=True, max_characters=60, about="The code of the training that it would be."),
    Field("number", whole_number(1, 10_000), required=True, about="The how-manieth submission of this code."),
)
FIELDS: tuple[Field, ...] = (
    *SUBMISSION,
    Field("institution", text_field, required=True, about="Who would teach it, as in `trainings`."),
    Field("state", one_of({each: each for each in Submission.State.values}), required=True, about="How far it came."),
    Field("title", text_field, required=True, max_characters=TITLE_LIMIT_COUNT, exact=True, about="As written."),
    Field("description", text_field, max_characters=DESCRIPTION_LIMIT_COUNT, exact=True, about="As written."),
    Field("category", text_field, required=True, max_characters=80, about="Its Indonesian name, as in `trainings`."),
    Field("platform", text_field, about="Where it would be sold, as in `trainings`; blank: without one."),
    Field("price_rupiah", rupiah, required=True, about="What it would cost."),
    Field("mode", one_of(MODES), required=True, about="How it would be held."),
    Field("province", province, about="Where, if on site."),
    Field("hours", whole_number(1, 1000), about="How long it would take; blank: not said."),
    Field("session_count", whole_number(1, 30), required=True, about="How many sessions."),
    Field("seat_count", whole_number(1, 2**31 - 1), about="How many could be sold; blank: no limit."),
    Field("names_training", one_of(YES_NO), required=True, about="Whether that training was there by then."),
    Field("created_at", instant, required=True, about="When it was first written."),
    Field("submitted_at", instant, about="When it was last sent; blank: never."),
    Field("ended_at", instant, about="When it was approved or withdrawn; blank: neither."),
)


def extract() -> Extract:
    """What an export writes, by code in the order in which they were written. Who wrote it is in no file."""
    return Extract(
        columns=(
            text("code", "submission.code"),
            number("number", "submission.number"),
            text("institution", "institution.name"),
            text("state", "submission.state"),
            text("title", "submission.title"),
            text("description", "nullif(submission.description, '')"),
            text("category", "category.name_id"),
            text("platform", "platform.name"),
            number("price_rupiah", "submission.price_rupiah"),
            text("mode", "submission.mode"),
            number("province", "submission.province"),
            number("hours", "submission.hours"),
            number("session_count", "submission.session_count"),
            number("seat_count", "submission.seat_count"),
            flag("names_training", "submission.training_id IS NOT NULL"),
            instant_column("created_at", "submission.created_at"),
            instant_column("submitted_at", "submission.submitted_at"),
            instant_column("ended_at", "submission.ended_at"),
        ),
        source=f"""{NUMBERED} submission JOIN catalogue_institution institution ON institution.id = institution_id
            JOIN catalogue_category category ON category.id = category_id
            LEFT JOIN catalogue_platform platform ON platform.id = platform_id""",
        order="submission.id",
        of_person=NOBODY,
    )


# Submissions as the files name them: by their code and a number.
NUMBERED = """(SELECT known.*, row_number() OVER (PARTITION BY code ORDER BY id) AS number
    FROM catalogue_submission known)"""


def load(path: Path, column_map: ColumnMap, *, at: datetime, dry_run: bool, progress: Progress) -> Loaded:
    """Add the submissions that are new, as they stood. One that waits can be decided here."""
    return load_row_by_row(
        path,
        FIELDS,
        column_map,
        max_rows=MAX_ROWS,
        take=lambda values: _take(values, at),
        dry_run=dry_run,
        progress=progress,
    )


def submission_of(values: Mapping[str, Any]) -> Submission | None:
    """The one that a row names by code and number."""
    rows = Submission.objects.filter(code=values["code"]).order_by("pk")
    found: Submission | None = rows[values["number"] - 1 : values["number"]].first()
    return found


def _take(values: Mapping[str, Any], at: datetime) -> Taken:
    wrong: list[tuple[str, str]] = []
    refuse_future(values, ("created_at", "submitted_at", "ended_at"), at, wrong)
    refuse_disorder(values, ("created_at", "ended_at"), wrong)
    if values["state"] not in ("draft", "withdrawn") and values.get("submitted_at") is None:
        wrong.append(("submitted_at", f"what is {values['state']} was sent: write when"))
    if (values.get("ended_at") is None) != (values["state"] in OPEN):
        wrong.append(("ended_at", "this stands exactly where it was approved or withdrawn: correct one of them"))
    lock_submissions()
    row = _row(values, wrong)
    if wrong:
        return wrong, False
    known = submission_of(values)
    if known is not None:
        if _stated(known) != _stated(row):
            return [("number", "this submission is known already with other values: take the row out")], False
        return [], False
    before = Submission.objects.filter(code=row.code)
    if before.count() != values["number"] - 1:
        return [("number", "the one before this is missing: number them one after another")], False
    if row.state in OPEN and before.filter(state__in=OPEN).exists():
        return [("state", "another submission of this code is open already: only one can be")], False
    row.save()
    return [], True


def _row(values: Mapping[str, Any], wrong: list[tuple[str, str]]) -> Submission:
    """The row as it would stand; what is wrong with it goes to `wrong`."""
    institution = Institution.objects.filter(name__iexact=values["institution"]).order_by("pk").first()
    if institution is None:
        wrong.append(("institution", "no institution has this name: import the names first, or correct it"))
    category = Category.objects.filter(name_id__iexact=values["category"]).order_by("pk").first()
    if category is None:
        wrong.append(("category", "no category has this name: import the names first, or correct it"))
    platform = Platform.objects.filter(name__iexact=values.get("platform") or "").order_by("pk").first()
    if platform is None and values.get("platform"):
        wrong.append(("platform", "no platform has this name: import the names first, or correct it"))
    training = Training.objects.filter(code=values["code"]).first() if values["names_training"] else None
    if training is None and values["names_training"]:
        wrong.append(("names_training", "no training has this code: import the trainings first, or write false"))
    if wrong or institution is None or category is None:
        return Submission()
    content = Content(
        title=values["title"],
        category=category.slug,
        price_rupiah=values["price_rupiah"],
        description=values.get("description") or "",
        platform=platform.code if platform else None,
        mode=values["mode"],
        province=values.get("province"),
        hours=values.get("hours"),
        session_count=values["session_count"],
        seat_count=values.get("seat_count"),
    )
    columns = columns_of(content)
    if isinstance(columns, Refusal):
        wrong.append(("title", f"nobody could have sent this ({columns.code}): correct the row"))
        return Submission()
    return Submission(
        code=values["code"],
        institution=institution,
        training=training,
        state=values["state"],
        created_at=values["created_at"],
        submitted_at=values.get("submitted_at"),
        ended_at=values.get("ended_at"),
        **columns,
    )


def _stated(row: Submission) -> tuple[object, ...]:
    names = [field.attname for field in Submission._meta.concrete_fields]
    return tuple(getattr(row, name) for name in names if name not in ("id", "written_by_id"))


KIND = Kind(
    "submissions",
    "Trainings, and changes of them, that institutions offered: one row for each submission, imported after trainings.",
    FIELDS,
    MAX_ROWS,
    load,
)
