"""`import_choices`: completed choices of earlier learners, for the model to learn from; repeatable."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.db import connection

PROFILE = ("sex", "birth_year", "education", "employment", "province")


@dataclass(frozen=True, slots=True)
class ImportedChoices:
    added_learner_count: int
    changed_learner_count: int
    added_choice_count: int
    unchanged_choice_count: int


# A learner's rows agree, and a blank agrees with everything: the greatest of each column is the one value there is.
_LEARNERS_SQL = f"""
SELECT key_hash, {", ".join(f"max({name}) AS {name}" for name in PROFILE)} FROM {{table}} GROUP BY key_hash
"""
ADD_LEARNERS_SQL = f"""
INSERT INTO recommender_earlierlearner (key_hash, sex, birth_year, education, employment, province)
SELECT key_hash, coalesce(sex, ''), birth_year, education, employment, province
FROM ({_LEARNERS_SQL}) staged ORDER BY key_hash
ON CONFLICT (key_hash) DO NOTHING
"""
CHANGE_LEARNERS_SQL = f"""
UPDATE recommender_earlierlearner AS learner
SET sex = coalesce(staged.sex, learner.sex), birth_year = coalesce(staged.birth_year, learner.birth_year),
    education = coalesce(staged.education, learner.education),
    employment = coalesce(staged.employment, learner.employment), province = coalesce(staged.province, learner.province)
FROM ({_LEARNERS_SQL}) staged
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
FROM {table} staged JOIN recommender_earlierlearner learner USING (key_hash)
ORDER BY learner.id, staged.training_id
ON CONFLICT (learner_id, training_id) DO NOTHING
"""


def import_choices(*, table: str) -> ImportedChoices:
    """Add learners and choices that are new, change profiles that differ (a blank keeps what is known).

    `table` names a temporary table of the caller's transaction with a row for each choice: key_hash, training_id,
    completed_on and the columns of PROFILE, NULL where unknown; each choice once, the rows of one learner agreeing.
    Millions of rows cost no memory here: sets are compared with sets.
    """
    added_learner_count = _written(ADD_LEARNERS_SQL, table)
    changed_learner_count = _written(CHANGE_LEARNERS_SQL, table)
    added_choice_count = _written(ADD_CHOICES_SQL, table)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {table}")
        (choice_count,) = cursor.fetchone()
    unchanged_choice_count = choice_count - added_choice_count
    return ImportedChoices(added_learner_count, changed_learner_count, added_choice_count, unchanged_choice_count)


def _written(sql: str, table: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(sql.format(table=table))
        return int(cursor.rowcount)


def described(imported: ImportedChoices) -> Mapping[str, int]:
    """The counts by the word a report uses for them, in order."""
    return {
        "choices added": imported.added_choice_count,
        "choices unchanged": imported.unchanged_choice_count,
        "learners added": imported.added_learner_count,
        "learners changed": imported.changed_learner_count,
    }
