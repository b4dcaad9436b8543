"""The file of what happened to reviews after they were written: rewordings, replies, flags and decisions."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from bekal.exchange.export_columns import Extract, nik, number, text
from bekal.exchange.export_columns import instant as instant_column
from bekal.exchange.history import LIMIT, MAX_ROWS, TRAINING, history_file, refuse_future, refuse_other
from bekal.exchange.kind import Kind, Loaded
from bekal.exchange.officers import add_officers, refuse_no_officers
from bekal.exchange.people import IS_PERSON, NIK, PLACES, hash_of_nik
from bekal.exchange.progress import Progress
from bekal.exchange.staging import RowError, Staged
from bekal.exchange.table_fields import ColumnMap, Field, instant, one_of, text_field, whole_number
from bekal.purchases.models import ReviewDecision, ReviewFlag
from bekal.purchases.review_text import masked
from bekal.purchases.training_summary import Increase, increase
from bekal.purchases.write_review import TEXT_LIMIT_COUNT

_WHATS = ("version", "reply", "flag", "decision")
_REASONS = [*ReviewFlag.Reason.values, *ReviewDecision.Decision.values]
FIELDS: tuple[Field, ...] = (
    NIK,
    TRAINING,
    Field("what", one_of({each: each for each in _WHATS}), required=True, about="What the row tells."),
    Field(
        "number",
        whole_number(1, 30_000),
        required=True,
        about="The how-manieth of its kind for this review; versions begin at 2, the first is in `reviews`.",
    ),
    Field("happened_at", instant, required=True, about="When."),
    Field("rating", whole_number(1, 5), about="Of a version; 5 is best."),
    Field("text", text_field, max_characters=TEXT_LIMIT_COUNT, exact=True, about="The words; of a decision, its why."),
    Field("reason", one_of({each: each for each in _REASONS}), about="Of a flag why, of a decision which."),
    Field("source", one_of({each: each for each in ReviewFlag.Source.values}), about="Of a flag: who raised it."),
    Field("other_count", whole_number(0, 2**31 - 1), about="Of a flag: how many others are alike or came at once."),
    Field(
        "seen",
        whole_number(0, 30_000),
        about="Of a flag the number of the version, of a decision how many flags it answers.",
    ),
    Field("decided_by", text_field, max_characters=150, about="Of a decision: a login name of an officer."),
)
COLUMNS: Mapping[str, str] = {
    "nik_hash": "bytea NOT NULL",
    "training": "text NOT NULL",
    "what": "text NOT NULL",
    "number": "int NOT NULL",
    "happened_at": "timestamptz NOT NULL",
    "rating": "smallint",
    "text": "text NOT NULL",
    "reason": "text",
    "source": "text",
    "other_count": "int NOT NULL",
    "seen": "int NOT NULL",
    "decided_by": "text",
}
_NEEDED = {
    "version": ("rating", "text"),
    "reply": ("text",),
    "flag": ("reason", "source", "seen"),
    "decision": ("reason", "text", "decided_by"),
}
_LENGTHS = {"version": 2000, "reply": 1000, "flag": 500, "decision": 500}
# Everything that is known, in the shape of the file. Accounts of participants and institutions are in no file.
KNOWN_SQL = """(
    SELECT review_id AS purchase_id, 'version' AS what, number, written_at AS happened_at, rating, text,
           NULL AS reason, NULL AS source, 0 AS other_count, 0 AS seen, NULL AS decided_by
    FROM purchases_reviewversion WHERE number > 1
    UNION ALL SELECT review_id, 'reply', number, written_at, NULL, text, NULL, NULL, 0, 0, NULL
    FROM purchases_reviewreply
    UNION ALL SELECT review_id, 'flag', number, raised_at, NULL, note, reason, source, other_count, version_number, NULL
    FROM purchases_reviewflag
    UNION ALL SELECT review_id, 'decision', number, decided_at, NULL, reason, decision, NULL, 0, flag_count, login_name
    FROM purchases_reviewdecision JOIN accounts_user officer ON officer.id = decided_by_id
)"""
_SAME = "known.purchase_id = row.purchase_id AND known.what = row.what AND known.number = row.number"
_NEW = f"NOT EXISTS (SELECT 1 FROM {KNOWN_SQL} known WHERE {_SAME})"
_VALUES = ("happened_at", "rating", "text", "reason", "source", "other_count", "seen", "decided_by")


def extract() -> Extract:
    """What an export writes, by person, purchase, kind and number."""
    shown = {"rating": number, "other_count": number, "seen": number, "happened_at": instant_column}
    return Extract(
        columns=(
            nik("person.id"),
            text("training", "training.code"),
            text("what", "trail.what"),
            number("number", "trail.number"),
            *(shown.get(name, text)(name, f"trail.{name}") for name in _VALUES),
        ),
        source=f"""{KNOWN_SQL} trail JOIN purchases_purchase purchase ON purchase.id = trail.purchase_id
            JOIN catalogue_training training ON training.id = purchase.training_id
            JOIN ({PLACES}) ON place.id = purchase.participation_id""",
        order="person.id, purchase.ordinal, trail.what, trail.number",
        of_person=IS_PERSON,
    )


def load(path: Path, column_map: ColumnMap, *, at: datetime, dry_run: bool, progress: Progress) -> Loaded:
    """Add what is new of the trail, after the reviews; what each review shows, hides and counts follows from it."""

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
    what = values["what"]
    refuse_future(values, ("happened_at",), at, wrong)
    for name in _NEEDED[what]:
        if values.get(name) in (None, "") and not (what == "version" and name == "text"):
            wrong.append((name, f"a {what} needs this: write it"))
    decides = values.get("reason") in ReviewDecision.Decision.values
    if what in ("flag", "decision") and values.get("reason") and decides != (what == "decision"):
        wrong.append(("reason", f"this is no reason of a {what}: correct it"))
    if what == "version" and values["number"] < 2:
        wrong.append(("number", "the first version is in the file of reviews: take the row out"))
    words = masked(values.get("text") or "")
    if len(words) > _LENGTHS[what]:
        wrong.append(("text", f"a {what} has at most {_LENGTHS[what]} characters: shorten it"))
    if wrong:
        raise RowError(wrong)
    filled = {"text": words, "other_count": values.get("other_count") or 0, "seen": values.get("seen") or 0}
    return (
        hash_of_nik(values["nik"]),
        *(filled.get(name, values.get(name) or None) for name in list(COLUMNS)[1:]),
    )


def _check(staged: Staged) -> None:
    staged.refuse_repeated("nik_hash, training, what, number", "number", "this row of the trail")
    refuse_no_officers(staged, ("decided_by",))
    staged.refuse(
        "training",
        "this person has not reviewed this training: import the reviews first, or take the row out",
        f"""
        SELECT line FROM history_row row WHERE participation_id IS NOT NULL AND training_id IS NOT NULL
          AND NOT EXISTS (SELECT 1 FROM purchases_review review WHERE review.purchase_id = row.purchase_id) {LIMIT}
        """,
    )
    staged.refuse(
        "happened_at",
        "this is before the review was written: correct it",
        f"""
        SELECT line FROM history_row row JOIN purchases_review review ON review.purchase_id = row.purchase_id
        WHERE row.happened_at < review.written_at {LIMIT}
        """,
    )
    staged.refuse(
        "number",
        "the one before this is missing: number them one after another",
        f"""
        SELECT line FROM history_row row WHERE number > CASE what WHEN 'version' THEN 2 ELSE 1 END
          AND NOT EXISTS (SELECT 1 FROM history_row other WHERE other.purchase_id = row.purchase_id
                          AND other.what = row.what AND other.number = row.number - 1)
          AND NOT EXISTS (SELECT 1 FROM {KNOWN_SQL} known WHERE known.purchase_id = row.purchase_id
                          AND known.what = row.what AND known.number = row.number - 1) {LIMIT}
        """,
    )
    ours, theirs = (", ".join(f"{table}.{name}" for name in _VALUES) for table in ("known", "row"))
    refuse_other(
        staged,
        "number",
        "this row of the trail",
        f"history_row row JOIN {KNOWN_SQL} known ON {_SAME} WHERE ({ours}) IS DISTINCT FROM ({theirs})",
    )


_VISIBLE_SQL = """
SELECT training_id, count(*), sum(rating) FROM purchases_review review
WHERE hidden_at IS NULL AND purchase_id IN (SELECT purchase_id FROM new_trail) GROUP BY training_id
"""


def _write(staged: Staged) -> dict[str, int]:
    officer_count = add_officers(staged, ("decided_by",))
    staged.write(f"""
        CREATE TEMPORARY TABLE new_trail ON COMMIT DROP AS SELECT row.* FROM history_row row WHERE {_NEW};
        ANALYZE new_trail
    """)
    before = staged.fetch(_VISIBLE_SQL)
    added_count = 0
    for statement in _INSERTS_SQL:
        added_count += staged.write(statement)
    staged.write(_FOLLOW_SQL)
    changes: dict[int, list[int]] = {}
    for sign, rows in ((-1, before), (1, staged.fetch(_VISIBLE_SQL))):
        for training_id, count, total in rows:
            change = changes.setdefault(training_id, [0, 0])
            change[0] += sign * count
            change[1] += sign * total
    increase(
        {number: Increase(rating_count=count, rating_sum=total) for number, (count, total) in changes.items() if total}
    )
    staged.write("DROP TABLE new_trail")
    return {"added": added_count, "unchanged": staged.row_count - added_count, "officers added": officer_count}


_INSERTS_SQL = (
    """
    INSERT INTO purchases_reviewversion (review_id, number, rating, text, written_at)
    SELECT purchase_id, number, rating, text, happened_at FROM new_trail WHERE what = 'version' ORDER BY line
    """,
    """
    INSERT INTO purchases_reviewreply (review_id, number, text, written_at)
    SELECT purchase_id, number, text, happened_at FROM new_trail WHERE what = 'reply' ORDER BY line
    """,
    """
    INSERT INTO purchases_reviewflag
        (review_id, number, version_number, source, reason, note, other_count, raised_at)
    SELECT purchase_id, number, seen, source, reason, text, other_count, happened_at
    FROM new_trail WHERE what = 'flag' ORDER BY line
    """,
    """
    INSERT INTO purchases_reviewdecision (review_id, number, decision, reason, flag_count, decided_by_id, decided_at)
    SELECT purchase_id, number, row.reason, text, seen, officer.id, happened_at
    FROM new_trail row JOIN accounts_user officer ON officer.login_name = row.decided_by
    WHERE what = 'decision' ORDER BY line
    """,
)
# Hidden since the first of the decisions to hide after which none let it stand; waiting since the first flag that no
# decision answers.
_FOLLOW_SQL = """
UPDATE purchases_review AS review SET
    rating = version.rating, text = version.text, version_count = version.number,
    edited_at = CASE WHEN version.number > 1 THEN version.written_at END,
    screened_at = CASE WHEN version.number = review.version_count THEN review.screened_at END,
    flag_count = (SELECT count(*) FROM purchases_reviewflag flag WHERE flag.review_id = review.purchase_id),
    hidden_at = (
        SELECT min(decided_at) FROM purchases_reviewdecision hiding
        WHERE hiding.review_id = review.purchase_id AND hiding.number > coalesce((
            SELECT max(number) FROM purchases_reviewdecision stood
            WHERE stood.review_id = review.purchase_id AND stood.decision = 'stands'), 0)),
    waiting_since_at = (
        SELECT min(raised_at) FROM purchases_reviewflag flag
        WHERE flag.review_id = review.purchase_id AND flag.number > coalesce((
            SELECT flag_count FROM purchases_reviewdecision answer
            WHERE answer.review_id = review.purchase_id ORDER BY number DESC LIMIT 1), 0))
FROM purchases_reviewversion version
WHERE version.review_id = review.purchase_id
  AND version.number = (SELECT max(number) FROM purchases_reviewversion WHERE review_id = review.purchase_id)
  AND review.purchase_id IN (SELECT purchase_id FROM new_trail)
"""
KIND = Kind(
    "review_trail",
    "What happened to reviews after they were written: a row for each rewording, reply, flag and decision.",
    FIELDS,
    MAX_ROWS,
    load,
)
