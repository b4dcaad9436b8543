"""The file of reviews: what participants said of trainings they completed; each is evidence, too."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from bekal.exchange.export_columns import instant_sql
from bekal.exchange.history import (
    EVIDENCE,
    LIMIT,
    MAX_ROWS,
    TRAINING,
    history_file,
    refuse_future,
    refuse_other,
    refuse_unbought,
)
from bekal.exchange.kind import Kind, Loaded
from bekal.exchange.people import NIK, hash_of_nik
from bekal.exchange.progress import Progress
from bekal.exchange.staging import RowError, Staged
from bekal.exchange.table_fields import ColumnMap, Field, instant, text_field, whole_number
from bekal.purchases.review_text import masked
from bekal.purchases.training_summary import Increase, increase
from bekal.purchases.write_review import TEXT_LIMIT_COUNT

FIELDS: tuple[Field, ...] = (
    NIK,
    TRAINING,
    Field("rating", whole_number(1, 5), required=True, about="5 is best."),
    Field(
        "text",
        text_field,
        max_characters=TEXT_LIMIT_COUNT,
        exact=True,
        about="The review, line breaks included, as first written; addresses and numbers of people are masked. "
        "Blank: rated without a word, so the review is still owed as evidence.",
    ),
    Field("written_at", instant, required=True, about="When it was written."),
    EVIDENCE,
)
COLUMNS: Mapping[str, str] = {
    "nik_hash": "bytea NOT NULL",
    "training": "text NOT NULL",
    "rating": "smallint NOT NULL",
    "text": "text NOT NULL",
    "written_at": "timestamptz NOT NULL",
    "masks": "boolean NOT NULL",
    "is_told": "boolean NOT NULL",
}
_KNOWN = "EXISTS (SELECT 1 FROM purchases_review review WHERE review.purchase_id = row.purchase_id)"


def load(path: Path, column_map: ColumnMap, *, at: datetime, dry_run: bool, progress: Progress) -> Loaded:
    """Add the reviews that are new, with their evidence and the ratings of the training."""

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
    refuse_future(values, ("written_at",), at, wrong)
    if wrong:
        raise RowError(wrong)
    words = values.get("text") or ""
    text = masked(words)
    said = (
        values["training"],
        values["rating"],
        text,
        values["written_at"],
        text != words,
        values.get("evidence") is True,
    )
    return (hash_of_nik(values["nik"]), *said)


def _check(staged: Staged) -> None:
    staged.refuse_repeated("nik_hash, training", "training", "this person's review of this training")
    refuse_unbought(staged)
    purchases = "history_row row JOIN purchases_purchase purchase ON purchase.id = row.purchase_id"
    staged.refuse(
        "training",
        "only who completed a training can review it, and this purchase is not completed: take the row out",
        f"SELECT line FROM {purchases} WHERE purchase.completed_at IS NULL {LIMIT}",
    )
    staged.refuse(
        "written_at",
        "this is before the training was completed ({}): correct it",
        f"""
        SELECT line, {instant_sql("purchase.completed_at")} FROM {purchases}
        WHERE row.written_at < purchase.completed_at {LIMIT}
        """,
    )
    staged.refuse(
        "written_at",
        "the purchase had ended by then without its evidence ({}): take the row out",
        f"""
        SELECT line, {instant_sql("purchase.ended_at")} FROM {purchases}
        WHERE row.written_at > purchase.ended_at {LIMIT}
        """,
    )
    refuse_other(
        staged,
        "rating",
        "this person's review of this training",
        """
        history_row row JOIN purchases_reviewversion review ON review.review_id = row.purchase_id AND review.number = 1
        WHERE (review.rating, review.text, review.written_at) <> (row.rating, row.text, row.written_at)
        """,
    )


def _write(staged: Staged) -> dict[str, int]:
    counted = staged.fetch(f"""
        SELECT training_id, count(*), sum(rating) FROM history_row row WHERE NOT {_KNOWN} GROUP BY training_id
    """)
    # Evidence first: afterwards no row is new any more.
    evidence_count = staged.write(f"""
        INSERT INTO purchases_evidence (purchase_id, piece, source, sequence, recorded_at, door)
        SELECT purchase_id, piece, 'participant', 1, written_at, 'import' FROM history_row row
        CROSS JOIN (VALUES ('rating'), ('review')) pieces (piece)
        WHERE NOT {_KNOWN} AND NOT row.is_told AND (piece = 'rating' OR text <> '') ORDER BY line, piece
    """)
    added_count = staged.write(f"""
        WITH added AS (
            INSERT INTO purchases_review
                (purchase_id, training_id, rating, text, written_at, flag_count, waiting_since_at)
            SELECT purchase_id, training_id, rating, text, written_at, masks::int, CASE WHEN masks THEN written_at END
            FROM history_row row WHERE NOT {_KNOWN} ORDER BY line
            RETURNING purchase_id, rating, text, written_at, flag_count
        ), flagged AS (
            INSERT INTO purchases_reviewflag
                (review_id, number, version_number, source, reason, note, other_count, raised_at)
            SELECT purchase_id, 1, 1, 'automatic', 'personal_data', '', 0, written_at FROM added WHERE flag_count = 1
        )
        INSERT INTO purchases_reviewversion (review_id, number, rating, text, written_at)
        SELECT purchase_id, 1, rating, text, written_at FROM added ORDER BY purchase_id
    """)
    increase({training: Increase(rating_count=count, rating_sum=total) for training, count, total in counted})
    return {
        "added": added_count,
        "unchanged": staged.row_count - added_count,
        "pieces of evidence added": evidence_count,
    }


KIND = Kind(
    "reviews",
    "What participants rated and wrote about trainings they completed: one row for each review.",
    FIELDS,
    MAX_ROWS,
    load,
)
