"""The file of choices: what earlier learners completed, as rows for `recommender.import_choices`."""

import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from bekal.accounts.privacy import blind
from bekal.exchange.districts import province
from bekal.exchange.kind import Kind, Loaded
from bekal.exchange.progress import Progress
from bekal.exchange.staging import Staged, staged_file
from bekal.exchange.table_fields import MAX_PROBLEMS, ColumnMap, Field, iso_date, one_of, text_field, whole_number
from bekal.participants.models import Education, Employment, Sex
from bekal.recommender.import_choices import PROFILE, described, import_choices

MAX_ROWS = 20_000_000
_EXPORTED = re.compile(r"key:([0-9a-f]{64})", re.ASCII)
SEXES = {"F": Sex.FEMALE, "perempuan": Sex.FEMALE, "P": Sex.FEMALE, "M": Sex.MALE, "laki-laki": Sex.MALE, "L": Sex.MALE}
EDUCATIONS = {name: level.value for level in Education for name in (str(level.value), level.name.lower())}
EMPLOYMENTS = {name: kind.value for kind in Employment for name in (str(kind.value), kind.name.lower())}


FIELDS: tuple[Field, ...] = (
    Field(
        "learner",
        text_field,
        required=True,
        max_characters=100,
        about="Any text that is the same in all rows of one person; only a keyed hash of it is kept (an export writes "
        "`key:` and that hash).",
    ),
    Field("training", text_field, required=True, max_characters=60, about="The code of a training in the catalogue."),
    Field("completed_on", iso_date, about="The day of completion."),
    Field("sex", one_of(SEXES), about="As known at the time."),
    Field("birth_year", whole_number(1900, 2100), about="For the age."),
    Field("education", one_of(EDUCATIONS), about="The highest school finished."),
    Field("employment", one_of(EMPLOYMENTS), about="As known at the time."),
    Field("province", province, about="Where the learner lives."),
)


COLUMNS: Mapping[str, str] = {
    "key_hash": "bytea NOT NULL",
    "training": "text",
    "completed_on": "date",
    "sex": "text",
    "birth_year": "smallint",
    "education": "smallint",
    "employment": "smallint",
    "province": "smallint",
    "training_id": "bigint",
}
FIND_TRAININGS_SQL = """
UPDATE staged_row staged SET training_id = training.id FROM catalogue_training training
WHERE training.code = staged.training
"""
UNKNOWN_SQL = f"SELECT line FROM staged_row WHERE training_id IS NULL ORDER BY line LIMIT {MAX_PROBLEMS + 1}"
# A learner's rows must agree with the first that says something; a blank agrees with everything.
DISAGREEING_SQL = """
SELECT staged.line, agreed.value FROM staged_row staged
JOIN (SELECT key_hash, (array_agg({column} ORDER BY line) FILTER (WHERE {column} IS NOT NULL))[1] AS value
      FROM staged_row GROUP BY key_hash HAVING min({column}) <> max({column})) agreed USING (key_hash)
WHERE staged.{column} <> agreed.value ORDER BY staged.line LIMIT {limit}
"""


def load(path: Path, column_map: ColumnMap, *, at: datetime, dry_run: bool, progress: Progress) -> Loaded:
    """Add the learners and choices that are new (`recommender.import_choices`)."""
    with staged_file(
        path,
        FIELDS,
        column_map,
        columns=COLUMNS,
        row_of=_staged,
        max_rows=MAX_ROWS,
        dry_run=dry_run,
        progress=progress,
    ) as staged:
        _check(staged)
        if staged.is_sound:
            for _ in progress.over(("choices",), "writing"):
                staged.counts = dict(described(import_choices(table=staged.table)))
    return Loaded(staged.counts, staged.findings)


def _staged(values: Mapping[str, Any]) -> tuple[object, ...]:
    facts = (values.get(name) for name in PROFILE)
    return _learner_hash(values["learner"]), values["training"], values.get("completed_on"), *facts, None


def _check(staged: Staged) -> None:
    staged.write(FIND_TRAININGS_SQL)
    staged.refuse("training", "no training has this code: import the trainings first, or correct the code", UNKNOWN_SQL)
    staged.refuse_repeated("key_hash, training", "training", "the same learner and training")
    disagreeing = "an earlier row of this learner says {}: write the same in every row, or leave it blank"
    for column in PROFILE:
        staged.refuse(column, disagreeing, DISAGREEING_SQL.format(column=column, limit=MAX_PROBLEMS + 1))


def _learner_hash(text: str) -> bytes:
    """The keyed hash of a name; an export, which has no name any more, writes the hash itself."""
    exported = _EXPORTED.fullmatch(text)
    return bytes.fromhex(exported[1]) if exported else blind("earlier learner", text)


KIND = Kind(
    "choices",
    "What earlier learners completed, for the recommender to learn from; they are no participants and have no money.",
    FIELDS,
    MAX_ROWS,
    load,
)
