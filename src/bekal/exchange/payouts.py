"""The file of payouts: every instalment that was earned, and every attempt to pay it."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from bekal.exchange import payouts_check, payouts_write
from bekal.exchange.history import MAX_ROWS, history_file, refuse_disorder, refuse_future
from bekal.exchange.kind import Kind, Loaded
from bekal.exchange.payout_runs import run
from bekal.exchange.people import NIK, hash_of_nik
from bekal.exchange.progress import Progress
from bekal.exchange.staging import RowError
from bekal.exchange.table_fields import (
    ColumnMap,
    Field,
    FieldError,
    Value,
    instant,
    iso_date,
    one_of,
    rupiah,
    text_field,
    whole_number,
)
from bekal.incentives.models import Entitlement, PayoutStatus
from bekal.participants.models import PaymentPartner

PLANNED, CANCELLED, SENT, SETTLED, REJECTED, *BACK = STATES = (
    "planned",
    "cancelled",
    "sent",
    "settled",
    "rejected",
    "returned",
    "reversed",
)


def _code_of(text: str) -> str:
    if not (text.isascii() and text.isalnum() and text == text.upper()):
        raise FieldError("write capital letters and digits only, without blanks")
    return text


FIELDS: tuple[Field, ...] = (
    NIK,
    Field("kind", one_of({k.value: k.value for k in Entitlement.Kind}), required=True, about="What is paid."),
    Field("instalment", whole_number(1, 100), required=True, about="Its number; of a survey the survey's number."),
    Field("amount_rupiah", rupiah, required=True, about="The same in every row of an instalment."),
    Field("payment_on", iso_date, required=True, about="The day on which it was to be paid."),
    Field("scheduled_on", iso_date, about="The day of the calendar behind it (the 25th); blank: payment_on."),
    Field(
        "entitled_at",
        instant,
        about="When it was earned; blank: at the first moment of scheduled_on, with the proof of the first training if "
        "that is later, or with sent_at.",
    ),
    Field("run", run, about="The run of this attempt, as in `payout_runs`; blank: nothing was planned yet."),
    Field("attempt", whole_number(1, 1000), about="The how-manieth attempt; blank: the first."),
    Field("partner", one_of({p.value: p.value for p in PaymentPartner}), about="Blank: that of the payout account."),
    Field("account", text_field, max_characters=40, about="Masked, as shown to its owner; blank: that of the account."),
    Field(
        "reference",
        Value(_code_of, "capital letters and digits, at most 35"),
        max_characters=35,
        about="What the partner knows the payment by; blank: as Bekal makes them.",
    ),
    Field(
        "state",
        one_of({state: state for state in STATES}),
        about="How far the attempt came (cancelled: never sent, with its run or because it was kept back); blank "
        "without a run.",
    ),
    Field("sent_at", instant, about="When the money left; blank: with its run."),
    Field(
        "reason_code",
        Value(_code_of, "capital letters and digits, at most 8"),
        max_characters=8,
        about="Why it was rejected, returned by the bank or reversed by the programme; of a cancelled one CHANGED "
        "where it was kept back because its account was changed.",
    ),
    Field(
        "answered_at",
        instant,
        about="When the partner's answer was recorded: settled or rejected. What came back was settled before.",
    ),
    Field("came_back_at", instant, about="When the bank's return or the programme's reversal was recorded."),
)
COLUMNS: Mapping[str, str] = {
    "nik_hash": "bytea NOT NULL",
    "kind": "text NOT NULL",
    "instalment": "smallint NOT NULL",
    "amount_rupiah": "bigint NOT NULL",
    "scheduled_on": "date NOT NULL",
    "payment_on": "date NOT NULL",
    "entitled_at": "timestamptz",
    "planned_at": "timestamptz",
    "place": "integer",
    "attempt": "smallint",
    "partner": "text",
    "masked": "text",
    "reference": "text",
    "state": "text",
    "sent_at": "timestamptz",
    "reason_code": "text NOT NULL",
    "answered_at": "timestamptz",
    "came_back_at": "timestamptz",
}


def load(path: Path, column_map: ColumnMap, *, at: datetime, dry_run: bool, progress: Progress) -> Loaded:
    """Add the instalments and attempts that are new, with what partners answered, and the money that moved."""

    def row_of(values: Mapping[str, Any]) -> tuple[object, ...]:
        return _row(values, at)

    with history_file(
        path, FIELDS, column_map, columns=COLUMNS, row_of=row_of, dry_run=dry_run, progress=progress
    ) as staged:
        payouts_check.prepare(staged)
        payouts_check.check(staged)
        if staged.is_sound:
            staged.counts = payouts_write.write(staged, at, progress)
        staged.write("DROP TABLE payout_row")
    return Loaded(staged.counts, staged.findings)


def _row(values: Mapping[str, Any], at: datetime) -> tuple[object, ...]:
    """The row in the order of COLUMNS. Raises RowError with all that is wrong."""
    wrong: list[tuple[str, str]] = []
    state = values.get("state")
    answered = state in (SETTLED, REJECTED, *BACK)
    is_changed = state == CANCELLED and values.get("reason_code") == PayoutStatus.KeptBack.ACCOUNT_CHANGED
    refuse_disorder(values, ("sent_at", "answered_at") if values.get("sent_at") else (), wrong)
    refuse_disorder(values, ("answered_at", "came_back_at") if values.get("answered_at") else (), wrong)
    refuse_future(values, ("entitled_at", "sent_at", "answered_at", "came_back_at"), at, wrong)
    if (state is None) != (values.get("run") is None):
        wrong.append(("state", "run and state stand together: write both, or neither where nothing was planned"))
    if values["amount_rupiah"] <= 0:
        wrong.append(("amount_rupiah", "an instalment pays something: correct it"))
    for name, belongs, words in (
        ("answered_at", answered, "settled, rejected, returned or reversed"),
        ("reason_code", state in (REJECTED, *BACK) or is_changed, "rejected, returned or reversed"),
        ("came_back_at", state in BACK, "returned or reversed"),
    ):
        if belongs != (values.get(name) is not None):
            wrong.append((name, f"this stands exactly where the state is {words}: correct one of them"))
    if values.get("sent_at") is not None and not (answered or state == SENT):
        wrong.append(("sent_at", "this stands only where the state says that it was sent: correct one of them"))
    if state is None and (names := [name for name in ("attempt", "reference") if values.get(name) is not None]):
        wrong.append((names[0], "an attempt has a run and a state: write them, or leave this blank"))
    if wrong:
        raise RowError(wrong)
    planned_at, place = values.get("run") or (None, None)
    return (
        hash_of_nik(values["nik"]),
        *(values[name] for name in ("kind", "instalment", "amount_rupiah")),
        values.get("scheduled_on") or values["payment_on"],
        values["payment_on"],
        values.get("entitled_at"),
        planned_at,
        place,
        (values.get("attempt") or 1) if state else None,
        *(values.get(name) for name in ("partner", "account", "reference", "state", "sent_at")),
        values.get("reason_code") or "",
        values.get("answered_at"),
        values.get("came_back_at"),
    )


KIND = Kind(
    "payouts",
    "What was earned in cash and how it was paid: one row for each attempt, or for an instalment without any.",
    FIELDS,
    MAX_ROWS,
    load,
)
