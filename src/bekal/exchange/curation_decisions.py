"""The file of curation decisions: what curators decided of submissions, by which criteria, and why."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from bekal.accounts.models import Role, User
from bekal.catalogue.curate import REASON_LIMIT_COUNT, Criterion
from bekal.catalogue.models import CurationDecision, Submission
from bekal.exchange.accreditations import officer_id
from bekal.exchange.export_columns import Extract, number, text
from bekal.exchange.export_columns import instant as instant_column
from bekal.exchange.history import refuse_future
from bekal.exchange.kind import Kind, Loaded
from bekal.exchange.payout_runs import sha256
from bekal.exchange.people import NOBODY
from bekal.exchange.progress import Progress
from bekal.exchange.row_by_row import Taken, load_row_by_row
from bekal.exchange.submissions import NUMBERED, SUBMISSION, submission_of
from bekal.exchange.table_fields import ColumnMap, Field, FieldError, Value, instant, one_of, text_field, whole_number

MAX_ROWS = 1_000_000
APPROVED = CurationDecision.Verdict.APPROVED.value


def _criteria_of(value: str) -> list[str]:
    found = [part.strip() for part in value.split(";")]
    if not set(found) <= set(Criterion.values):
        raise FieldError(f"write criteria with `;` between them: {', '.join(Criterion.values)}")
    return [each for each in Criterion.values if each in found]


FIELDS: tuple[Field, ...] = (
    *SUBMISSION,
    Field("decision", whole_number(1, 10_000), required=True, about="The how-manieth decision about it."),
    Field("verdict", one_of({each: each for each in CurationDecision.Verdict.values}), required=True, about="What."),
    Field("reason", text_field, max_characters=REASON_LIMIT_COUNT, exact=True, about="Why; needed to return it."),
    Field(
        "met",
        Value(_criteria_of, f"criteria with `;` between them: {', '.join(Criterion.values)}"),
        about="Which criteria are met; all of them where it was approved.",
    ),
    Field("content_sha256", sha256, required=True, about="The hash of what the curator saw."),
    Field("curator", text_field, required=True, max_characters=150, about="The officer's login name."),
    Field("decided_at", instant, required=True, about="When."),
)


def extract() -> Extract:
    """What an export writes, in the order in which it was decided."""
    return Extract(
        columns=(
            text("code", "submission.code"),
            number("number", "submission.number"),
            number("decision", "decision.place"),
            text("verdict", "decision.verdict"),
            text("reason", "nullif(decision.reason, '')"),
            text("met", "nullif(array_to_string(ARRAY(SELECT jsonb_array_elements_text(decision.met)), ';'), '')"),
            text("content_sha256", "encode(decision.content_sha256, 'hex')"),
            text("curator", "curator.login_name"),
            instant_column("decided_at", "decision.decided_at"),
        ),
        source=f"""(SELECT known.*, row_number() OVER (PARTITION BY submission_id ORDER BY id) AS place
                    FROM catalogue_curationdecision known) decision
            JOIN {NUMBERED} submission ON submission.id = decision.submission_id
            JOIN accounts_user curator ON curator.id = decision.curator_id""",
        order="decision.id",
        of_person=NOBODY,
    )


def load(path: Path, column_map: ColumnMap, *, at: datetime, dry_run: bool, progress: Progress) -> Loaded:
    """Add the decisions that are new, after the submissions. Nothing is approved by them: that stands there."""
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
    refuse_future(values, ("decided_at",), at, wrong)
    submission, met, verdict = submission_of(values), values.get("met") or [], values["verdict"]
    if submission is None:
        wrong.append(("number", "there is no such submission: import the submissions first, or correct the number"))
    if verdict == APPROVED and len(met) < len(Criterion):
        wrong.append(("met", "what was approved meets every criterion: write all of them"))
    if verdict != APPROVED and not values.get("reason"):
        wrong.append(("reason", "whoever returns a submission says why: write it"))
    if User.objects.filter(login_name=values["curator"]).exclude(role=Role.OFFICER).exists():
        wrong.append(("curator", "this login name belongs to somebody who is no programme officer: write another"))
    if wrong or submission is None:
        return wrong, False
    known = list(submission.decisions.order_by("pk").select_related("curator"))
    if len(known) >= values["decision"]:
        if _stated(known[values["decision"] - 1]) != (
            *(verdict, values.get("reason") or "", met, values["content_sha256"]),
            *(values["curator"], values["decided_at"]),
        ):
            return [("decision", "this decision is known already with other values: take the row out")], False
        return [], False
    return _add(submission, len(known), values)


def _add(submission: Submission, known_count: int, values: Mapping[str, Any]) -> Taken:
    if known_count != values["decision"] - 1:
        return [("decision", "the one before this is missing: number them one after another")], False
    CurationDecision.objects.create(
        submission=submission,
        verdict=values["verdict"],
        reason=values.get("reason") or "",
        met=values.get("met") or [],
        content_sha256=values["content_sha256"],
        curator_id=officer_id(values["curator"]),
        decided_at=values["decided_at"],
    )
    return [], True


def _stated(known: CurationDecision) -> tuple[object, ...]:
    said = (known.verdict, known.reason, known.met, bytes(known.content_sha256))
    return (*said, known.curator.login_name, known.decided_at)


KIND = Kind(
    "curation_decisions",
    "What curators decided of submissions: one row for each decision, imported after the submissions.",
    FIELDS,
    MAX_ROWS,
    load,
)
