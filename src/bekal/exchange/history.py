"""What the files of history share: whose row it is, which training it means, and the past posted to the ledger.

History has no verb: what happened is taken over as it stands, each thing at its own instant, with the same idempotency
keys, counts and constraints as if the verbs had done it on that day. So a verb that meets it later finds what it would
have written itself.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from bekal.exchange.progress import Progress
from bekal.exchange.staging import RowOf, Staged, staged_file
from bekal.exchange.table_fields import MAX_PROBLEMS, ColumnMap, Field, one_of, text_field
from bekal.ledger.clock import JAKARTA
from bekal.ledger.movements import Movement
from bekal.ledger.post import PastPosting, post_history

# 1,000,000 people with their whole history, and then some.
MAX_ROWS = 20_000_000
# From so many rows on sets are joined as sets.
MANY_ROWS = 1_000
LIMIT = f"ORDER BY line LIMIT {MAX_PROBLEMS + 1}"


TRAINING = Field(
    "training", text_field, required=True, max_characters=60, about="The code of a training in the catalogue."
)

# Whether a file tells its own evidence, or another does, message by message.
EVIDENCE = Field(
    "evidence",
    one_of({"here": False, "file": True}),
    about="`file`: what was said of it stands, message by message, in `evidence`; blank or `here`: it is made of these "
    "columns.",
)


def refuse_future(values: Mapping[str, Any], names: Sequence[str], at: datetime, wrong: list[tuple[str, str]]) -> None:
    """History has happened: an instant that is still to come is wrong."""
    for name in names:
        if values.get(name) is not None and values[name] > at:
            wrong.append((name, f"this has not come yet (it is {at.astimezone(JAKARTA):%Y-%m-%d %H:%M}): correct it"))


def refuse_disorder(values: Mapping[str, Any], names: Sequence[str], wrong: list[tuple[str, str]]) -> None:
    """Each of these instants needs the one before it and may not lie before it."""
    for earlier, later in pairwise(names):
        if values.get(later) is None:
            continue
        if values.get(earlier) is None:
            wrong.append((later, f"{earlier} is blank: write it, or leave this blank too"))
        elif values[later] < values[earlier]:
            wrong.append((later, f"this is before {earlier}: correct one of them"))


@contextmanager
def history_file(
    source: Path,
    fields: Sequence[Field],
    column_map: ColumnMap,
    *,
    columns: Mapping[str, str],
    row_of: RowOf,
    dry_run: bool,
    progress: Progress,
) -> Iterator[Staged]:
    """`staged_file` for rows with a `nik_hash`, and perhaps a `training`: the block finds them in the temporary table
    `history_row` with participation, training and purchase (NULL where there is none), the places locked in the order
    of their numbers. A NIK without a place and a training without a code have been refused."""
    with staged_file(
        source,
        fields,
        column_map,
        columns=columns,
        row_of=row_of,
        max_rows=MAX_ROWS,
        dry_run=dry_run,
        progress=progress,
    ) as staged:
        if staged.row_count > MANY_ROWS:
            staged.write(IN_SETS_SQL)
        staged.write(LOCK_SQL)
        staged.write(LOCATED_SQL if "training" in columns else PERSONS_SQL)
        staged.write("ALTER TABLE history_row ADD PRIMARY KEY (line); ANALYZE history_row")
        _refuse_unknown(staged, with_training="training" in columns)
        yield staged
        staged.write("DROP TABLE history_row")
        staged.write(ONE_BY_ONE_SQL)
        staged.write(ONE_BY_ONE_SQL)


# What PostgreSQL knows of tables that this very transaction fills is that they are empty (an import that was tried and
# not kept leaves that behind, too), and it would look up each of a million rows one by one, in the worst order.
IN_SETS_SQL, ONE_BY_ONE_SQL = "SET LOCAL enable_nestloop = off", "SET LOCAL enable_nestloop = on"


@contextmanager
def one_by_one(staged: Staged) -> Iterator[None]:
    """For what goes through the rows in chunks and looks up a few at a time."""
    staged.write(ONE_BY_ONE_SQL)
    yield
    if staged.row_count > MANY_ROWS:
        staged.write(IN_SETS_SQL)


LOCK_SQL = """
SELECT count(*) FROM (
    SELECT place.id FROM participants_participation place
    WHERE participant_id IN (SELECT directory.participant_id FROM participants_nikdirectory directory
                             JOIN staged_row USING (nik_hash))
    ORDER BY place.id FOR NO KEY UPDATE
) locked
"""
_PERSON_COLUMNS = """directory.participant_id, place.id AS participation_id, place.accepted_at, place.opened_at,
    place.revoked_at, place.balance_ended_at"""
_PERSON_JOINS = """LEFT JOIN participants_nikdirectory directory ON directory.nik_hash = row.nik_hash
LEFT JOIN participants_participation place ON place.participant_id = directory.participant_id"""
PERSONS_SQL = f"""
CREATE TEMPORARY TABLE history_row ON COMMIT DROP AS
SELECT row.*, {_PERSON_COLUMNS} FROM staged_row row {_PERSON_JOINS}
"""
LOCATED_SQL = f"""
CREATE TEMPORARY TABLE history_row ON COMMIT DROP AS
SELECT row.*, {_PERSON_COLUMNS}, training.id AS training_id, training.session_count, purchase.id AS purchase_id
FROM staged_row row {_PERSON_JOINS}
LEFT JOIN catalogue_training training ON training.code = row.training
LEFT JOIN purchases_purchase purchase ON purchase.participation_id = place.id AND purchase.training_id = training.id
"""


def _refuse_unknown(staged: Staged, *, with_training: bool) -> None:
    staged.refuse(
        "nik",
        "nobody here has this NIK: import the participants first, or correct it",
        f"SELECT line FROM history_row WHERE participant_id IS NULL {LIMIT}",
    )
    staged.refuse(
        "nik",
        "this person has no place in a wave: import them with wave and accepted_at first",
        f"SELECT line FROM history_row WHERE participant_id IS NOT NULL AND participation_id IS NULL {LIMIT}",
    )
    if with_training:
        staged.refuse(
            "training",
            "no training has this code: import the trainings first, or correct the code",
            f"SELECT line FROM history_row WHERE training_id IS NULL {LIMIT}",
        )


def refuse_unbought(staged: Staged) -> None:
    """Rows about a purchase that there is not."""
    staged.refuse(
        "training",
        "this person has not bought this training: import the completions first, or take the row out",
        f"""
        SELECT line FROM history_row
        WHERE participation_id IS NOT NULL AND training_id IS NOT NULL AND purchase_id IS NULL {LIMIT}
        """,
    )


def refuse_other(staged: Staged, column: str, what: str, rows: str) -> None:
    """Rows (FROM and WHERE) about something that is known already and that they say otherwise."""
    mend = f"{what} is known already with other values: history is not changed, take the row out or correct it"
    staged.refuse(column, mend, f"SELECT line FROM {rows} {LIMIT}")


# (line, owner, movement, whole rupiah, key, instant)
Line = tuple[int, int, Movement, int, str, datetime]


def post_lines(staged: Staged, lines: Sequence[Line], column: str, mend: str) -> int:
    """Post these; whoever's training balance is too small is refused line by line. How many were posted."""
    posted = post_history(
        postings=[PastPosting(owner, what, rupiah, key, at) for _, owner, what, rupiah, key, at in lines]
    )
    refused = {owner_id for owner_id, _ in posted.refused}
    if refused:
        for line, owner_id, movement, *_ in lines:
            if owner_id in refused and movement is Movement.PURCHASE:
                staged.refuse_line(line, column, mend)
    return len(posted.posted)
