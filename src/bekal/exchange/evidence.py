"""The file of evidence: every message about a purchase, whoever sent it, in the order in which they came."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from bekal.core.evidence import MAY_SAY, WHOLE_PERCENT, Piece, Source
from bekal.exchange.export_columns import Extract, flag, nik, number, text
from bekal.exchange.export_columns import instant as instant_column
from bekal.exchange.history import (
    LIMIT,
    MAX_ROWS,
    TRAINING,
    history_file,
    refuse_future,
    refuse_other,
    refuse_unbought,
)
from bekal.exchange.kind import Kind, Loaded
from bekal.exchange.people import IS_PERSON, NIK, PURCHASES, hash_of_nik
from bekal.exchange.progress import Progress
from bekal.exchange.staging import RowError, Staged
from bekal.exchange.table_fields import ColumnMap, Field, instant, one_of, text_field, whole_number
from bekal.exchange.trainings import YES_NO
from bekal.purchases.models import Evidence
from bekal.purchases.record_evidence import MAX_REVISION, REASON_LIMIT_COUNT

MAX_SESSIONS = 30
DOORS = {door: door for door in Evidence.Door.values}
FIELDS: tuple[Field, ...] = (
    NIK,
    TRAINING,
    Field("piece", one_of({each.value: each for each in Piece}), required=True, about="What is spoken of."),
    Field("source", one_of({each.value: each for each in Source}), required=True, about="Who says it."),
    Field("sequence", whole_number(1, MAX_SESSIONS), about="Of an attendance which session; blank: 1."),
    Field(
        "revision", whole_number(1, MAX_REVISION), about="Of each source the highest about a matter counts; blank: 1."
    ),
    Field("holds", one_of(YES_NO), about="`false`: it is denied, or taken back; blank: it is so."),
    Field("percent", whole_number(0, WHOLE_PERCENT), about="Of a progress, or a completion that is partial: how much."),
    Field("happened_at", instant, about="When that was of which it speaks; blank: not said."),
    Field(
        "reason",
        text_field,
        max_characters=REASON_LIMIT_COUNT,
        exact=True,
        about="Why it is partial, denied or taken back; one line, nothing personal.",
    ),
    Field("recorded_at", instant, required=True, about="When the message came."),
    Field("door", one_of(DOORS), about="Through which door; blank: `import`."),
)
COLUMNS: Mapping[str, str] = {
    "nik_hash": "bytea NOT NULL",
    "training": "text NOT NULL",
    "piece": "text NOT NULL",
    "source": "text NOT NULL",
    "sequence": "smallint NOT NULL",
    "revision": "smallint NOT NULL",
    "holds": "boolean NOT NULL",
    "percent": "smallint",
    "happened_at": "timestamptz",
    "reason": "text NOT NULL",
    "recorded_at": "timestamptz NOT NULL",
    "door": "text NOT NULL",
}
# What makes two messages of a purchase the same, as the table's own key has it.
_SAME = " AND ".join(
    f"known.{name} IS NOT DISTINCT FROM row.{name}"
    if name in ("percent", "happened_at")
    else f"known.{name} = row.{name}"
    for name in (
        "purchase_id",
        "piece",
        "source",
        "sequence",
        "revision",
        "holds",
        "reason",
        "percent",
        "happened_at",
    )
)


def extract() -> Extract:
    """What an export writes: by person and purchase, the messages in the order in which they came."""
    return Extract(
        columns=(
            nik("person.id"),
            text("training", "training.code"),
            text("piece", "message.piece"),
            text("source", "message.source"),
            number("sequence", "message.sequence"),
            number("revision", "message.revision"),
            flag("holds", "message.holds"),
            number("percent", "message.percent"),
            instant_column("happened_at", "message.happened_at"),
            text("reason", "nullif(message.reason, '')"),
            instant_column("recorded_at", "message.recorded_at"),
            text("door", "message.door"),
        ),
        source=f"purchases_evidence message JOIN ({PURCHASES}) ON purchase.id = message.purchase_id",
        order="person.id, purchase.ordinal, message.id",
        of_person=IS_PERSON,
    )


def load(path: Path, column_map: ColumnMap, *, at: datetime, dry_run: bool, progress: Progress) -> Loaded:
    """Add the messages that are new, in the order of their lines. Nothing is completed, opened or closed by them: that
    stands in the files of completions and cases, and the day's reconciliation looks at what waits."""

    def row_of(values: Mapping[str, Any]) -> tuple[object, ...]:
        return _row(values, at)

    with history_file(
        path, FIELDS, column_map, columns=COLUMNS, row_of=row_of, dry_run=dry_run, progress=progress
    ) as staged:
        _check(staged)
        if staged.is_sound:
            staged.counts = _write(staged)
    return Loaded(staged.counts, staged.findings)


def _row(values: Mapping[str, Any], at: datetime) -> tuple[object, ...]:
    wrong: list[tuple[str, str]] = []
    source, piece, sequence = values["source"], values["piece"], values.get("sequence") or 1
    holds = values.get("holds") is not False
    reason, happened_at, recorded_at = values.get("reason") or "", values.get("happened_at"), values["recorded_at"]
    refuse_future(values, ("recorded_at",), at, wrong)
    if piece not in MAY_SAY[source]:
        mend = f"the {source.value} cannot speak of this, only of {', '.join(sorted(MAY_SAY[source]))}: correct one"
        wrong.append(("piece", mend))
    if sequence != 1 and piece is not Piece.ATTENDANCE:
        wrong.append(("sequence", "only an attendance is of one session: write 1, or leave this blank"))
    wrong += _wrong_percent(values.get("percent"), piece, holds=holds)
    if "\n" in reason:
        wrong.append(("reason", "a reason is one line: take the line break out"))
    if happened_at is not None and happened_at > recorded_at:
        wrong.append(("happened_at", "this is after recorded_at: correct one of them"))
    if wrong:
        raise RowError(wrong)
    return (
        hash_of_nik(values["nik"]),
        values["training"],
        piece.value,
        source.value,
        sequence,
        values.get("revision") or 1,
        holds,
        values.get("percent"),
        happened_at,
        reason,
        recorded_at,
        values.get("door") or Evidence.Door.IMPORT.value,
    )


def _wrong_percent(percent: int | None, piece: Piece, *, holds: bool) -> list[tuple[str, str]]:
    if percent is None:
        is_missing = piece is Piece.PROGRESS and holds
        return [("percent", "a progress says how much: write 0 to 100")] if is_missing else []
    if piece in (Piece.PROGRESS, Piece.COMPLETION):
        return []
    return [("percent", "only a progress or a completion has a percentage: leave this blank")]


def _check(staged: Staged) -> None:
    key = "piece, source, sequence, revision, holds, percent, happened_at, reason"
    staged.refuse_repeated(f"nik_hash, training, {key}", "piece", "this message")
    refuse_unbought(staged)
    purchases = "history_row row JOIN purchases_purchase purchase ON purchase.id = row.purchase_id"
    staged.refuse(
        "training",
        "nothing can be said of a purchase before its code is redeemed, and this one's is not: take the row out",
        f"SELECT line FROM {purchases} WHERE purchase.redeemed_at IS NULL {LIMIT}",
    )
    staged.refuse(
        "recorded_at",
        "the purchase had ended by then without its evidence: take the row out",
        f"SELECT line FROM {purchases} WHERE row.recorded_at > purchase.ended_at {LIMIT}",
    )
    staged.refuse(
        "happened_at",
        "this is before the training was bought: correct it",
        f"SELECT line FROM {purchases} WHERE row.happened_at < date_trunc('second', purchase.bought_at) {LIMIT}",
    )
    staged.refuse(
        "piece",
        "this person has not reviewed this training: import the reviews first, or take the row out",
        f"""
        SELECT line FROM {purchases} WHERE row.source = 'participant' AND row.piece IN ('rating', 'review')
          AND row.holds AND NOT EXISTS (SELECT 1 FROM purchases_review review WHERE review.purchase_id = purchase.id)
        {LIMIT}
        """,
    )
    refuse_other(
        staged,
        "recorded_at",
        "this message",
        f"""
        history_row row JOIN purchases_evidence known ON {_SAME}
        WHERE (known.recorded_at, known.door) <> (row.recorded_at, row.door)
        """,
    )


def _write(staged: Staged) -> dict[str, int]:
    """What was said already stays one row: the rest is new."""
    added_count = staged.write("""
        INSERT INTO purchases_evidence (purchase_id, piece, source, sequence, revision, holds, percent, happened_at,
                                        reason, recorded_at, door)
        SELECT purchase_id, piece, source, sequence, revision, holds, percent, happened_at, reason, recorded_at, door
        FROM history_row ORDER BY line ON CONFLICT DO NOTHING
    """)
    return {"added": added_count, "unchanged": staged.row_count - added_count}


KIND = Kind(
    "evidence",
    "What was said of purchases: one row for each message of a participant, institution, platform or officer.",
    FIELDS,
    MAX_ROWS,
    load,
)
