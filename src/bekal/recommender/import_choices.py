"""`import_choices`: completed choices of earlier learners, for the model to learn from; all or nothing, repeatable."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from django.db import connection, transaction

from bekal.accounts.privacy import blind
from bekal.catalogue.import_trainings import PROVINCE_NAMES
from bekal.catalogue.models import Training
from bekal.catalogue.table_fields import (
    ColumnMap,
    Field,
    Findings,
    iso_date,
    one_of,
    parsed_rows,
    text_field,
    whole_number,
)
from bekal.catalogue.table_file import Problem, Table, TableError
from bekal.participants.models import Education, Employment, Sex

MAX_ROWS = 5_000_000
SEXES = {"F": Sex.FEMALE, "perempuan": Sex.FEMALE, "P": Sex.FEMALE, "M": Sex.MALE, "laki-laki": Sex.MALE, "L": Sex.MALE}
EDUCATIONS = {name: level.value for level in Education for name in (str(level.value), level.name.lower())}
EMPLOYMENTS = {name: kind.value for kind in Employment for name in (str(kind.value), kind.name.lower())}

# The documented columns (docs/import.md); a test compares the two.
FIELDS: tuple[Field, ...] = (
    Field("learner", text_field, required=True, max_characters=100),
    Field("training", text_field, required=True, max_characters=60),
    Field("completed_on", iso_date),
    Field("sex", one_of(SEXES)),
    Field("birth_year", whole_number(1900, 2100)),
    Field("education", one_of(EDUCATIONS)),
    Field("employment", one_of(EMPLOYMENTS)),
    Field("province", one_of(PROVINCE_NAMES)),
)
PROFILE = ("sex", "birth_year", "education", "employment", "province")


@dataclass(slots=True)
class EarlierChoices:
    """What a file says: `learners` by keyed hash -> profile facts in the order of PROFILE (None unknown); and
    `choices` (keyed hash, training id) -> day of completion, if known. Names never leave the file."""

    learners: dict[bytes, list[Any]] = field(default_factory=dict)
    choices: dict[tuple[bytes, int], date | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ImportedChoices:
    added_learner_count: int
    changed_learner_count: int
    added_choice_count: int
    unchanged_choice_count: int


def read_choices(path: Path, column_map: ColumnMap) -> tuple[EarlierChoices, Findings]:
    """Every choice of a CSV or Parquet file, or the problems that keep it out. Writes nothing."""
    findings = Findings()
    read = EarlierChoices()
    training_ids = dict(Training.objects.order_by("id").values_list("code", "id"))
    first_line: dict[tuple[bytes, int], int] = {}
    try:
        table = Table(path, max_rows=MAX_ROWS)
    except TableError as error:
        findings.add(error.problem)
        return read, findings
    for line, values in parsed_rows(table, FIELDS, column_map, findings):
        training_id = training_ids.get(values["training"])
        if training_id is None:
            mend = "no training has this code: import the trainings first, or correct the code"
            findings.add(Problem(line, "training", values["training"], mend))
            continue
        learner = blind("earlier learner", values["learner"])
        _join_profile(read.learners.setdefault(learner, [None] * len(PROFILE)), line, values, findings)
        choice = (learner, training_id)
        if choice in first_line:
            mend = f"line {first_line[choice]} has the same learner and training already: keep one of them"
            findings.add(Problem(line, "training", values["training"], mend))
            continue
        first_line[choice] = line
        read.choices[choice] = values.get("completed_on")
    if not (read.choices or findings.problem_count):
        findings.add(Problem(0, "", "", "the file has no rows below its heading: nothing to import"))
    return read, findings


def _join_profile(known: list[Any], line: int, values: Mapping[str, Any], findings: Findings) -> None:
    """A learner's rows must agree; a blank agrees with everything."""
    for place, name in enumerate(PROFILE):
        value = values.get(name)
        if value is None or value == known[place]:
            continue
        if known[place] is None:
            known[place] = value
        else:
            mend = f"an earlier row of this learner says {known[place]}: write the same in every row, or leave it blank"
            findings.add(Problem(line, name, str(value), mend))


def import_choices(*, choices: EarlierChoices, dry_run: bool = False) -> ImportedChoices:
    """Add learners and choices that are new, change profiles that differ (a blank keeps what is known), all or nothing.

    With `dry_run` everything is tried and nothing kept.
    """
    with transaction.atomic():
        _stage(choices)
        with connection.cursor() as cursor:
            added_learners = _changed(cursor, ADD_LEARNERS_SQL)
            changed_learners = _changed(cursor, CHANGE_LEARNERS_SQL)
            added_choices = _changed(cursor, ADD_CHOICES_SQL)
            cursor.execute("DROP TABLE staged_learner, staged_choice")
        transaction.set_rollback(dry_run)
    unchanged = len(choices.choices) - added_choices
    return ImportedChoices(added_learners, changed_learners, added_choices, unchanged)


STAGE_SQL = """
CREATE TEMPORARY TABLE staged_learner (
    key_hash bytea PRIMARY KEY, sex text, birth_year smallint,
    education smallint, employment smallint, province smallint
) ON COMMIT DROP;
CREATE TEMPORARY TABLE staged_choice (key_hash bytea, training_id bigint, completed_on date) ON COMMIT DROP
"""
ADD_LEARNERS_SQL = """
INSERT INTO recommender_earlierlearner (key_hash, sex, birth_year, education, employment, province)
SELECT key_hash, coalesce(sex, ''), birth_year, education, employment, province FROM staged_learner ORDER BY key_hash
ON CONFLICT (key_hash) DO NOTHING
"""
CHANGE_LEARNERS_SQL = """
UPDATE recommender_earlierlearner AS learner
SET sex = coalesce(staged.sex, learner.sex), birth_year = coalesce(staged.birth_year, learner.birth_year),
    education = coalesce(staged.education, learner.education),
    employment = coalesce(staged.employment, learner.employment), province = coalesce(staged.province, learner.province)
FROM staged_learner staged
WHERE learner.key_hash = staged.key_hash AND (
    staged.sex <> learner.sex
    OR staged.birth_year IS NOT NULL AND staged.birth_year IS DISTINCT FROM learner.birth_year
    OR staged.education IS NOT NULL AND staged.education IS DISTINCT FROM learner.education
    OR staged.employment IS NOT NULL AND staged.employment IS DISTINCT FROM learner.employment
    OR staged.province IS NOT NULL AND staged.province IS DISTINCT FROM learner.province)
"""
ADD_CHOICES_SQL = """
INSERT INTO recommender_earlierchoice (learner_id, training_id, completed_on)
SELECT learner.id, staged.training_id, staged.completed_on
FROM staged_choice staged JOIN recommender_earlierlearner learner USING (key_hash)
ORDER BY learner.id, staged.training_id
ON CONFLICT (learner_id, training_id) DO NOTHING
"""


def _stage(choices: EarlierChoices) -> None:
    with connection.cursor() as cursor:
        cursor.execute(STAGE_SQL)
        _copy(cursor, "staged_learner", ((key, *facts) for key, facts in choices.learners.items()))
        _copy(cursor, "staged_choice", ((key, training, on) for (key, training), on in choices.choices.items()))


def _copy(cursor: Any, table: str, rows: Iterable[tuple[Any, ...]]) -> None:
    with cursor.copy(f"COPY {table} FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)


def _changed(cursor: Any, sql: str) -> int:
    cursor.execute(sql)
    return int(cursor.rowcount)


def described(imported: ImportedChoices) -> Mapping[str, int]:
    """The counts by the word a report uses for them, in order."""
    return {
        "choices added": imported.added_choice_count,
        "choices unchanged": imported.unchanged_choice_count,
        "learners added": imported.added_learner_count,
        "learners changed": imported.changed_learner_count,
    }
