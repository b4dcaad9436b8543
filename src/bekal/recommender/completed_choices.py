"""What the model learns from: every completed purchase, and the completed choices of imported earlier learners."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from django.db import connection, transaction
from numpy.typing import NDArray

from bekal.recommender.profile import SEX_SQL

ROWS_AT_ONCE = 50_000

# One row for each choice; a person's rows stand together, in the order of completion, because the first ones of
# held-out people are what the model may know of them. Of one moment, or of none that is known, they stand in an order
# that has nothing to do with how trainings are numbered: what was listed first must not look like what is chosen first.
# Person 2n is participation n, 2n + 1 earlier learner n.
CHOICES_SQL = f"""
SELECT person, training_id, sex, birth_year, education, employment, province FROM (
    SELECT purchase.participation_id * 2 AS person, extract(epoch FROM purchase.completed_at)::bigint AS completed,
           purchase.training_id, {SEX_SQL.format(sex="person.sex")} AS sex,
           extract(year FROM person.born_on)::int AS birth_year, person.education, person.employment, person.province
    FROM purchases_purchase purchase
    JOIN participants_participation participation ON participation.id = purchase.participation_id
    JOIN participants_participant person ON person.id = participation.participant_id
    WHERE purchase.completed_at <= %(until)s
    UNION ALL
    SELECT learner.id * 2 + 1, coalesce(extract(epoch FROM choice.completed_on)::bigint, -1), choice.training_id,
           {SEX_SQL.format(sex="learner.sex")}, learner.birth_year, learner.education, learner.employment,
           learner.province
    FROM recommender_earlierchoice choice
    JOIN recommender_earlierlearner learner ON learner.id = choice.learner_id
    WHERE choice.completed_on IS NULL OR choice.completed_on <= (%(until)s AT TIME ZONE 'Asia/Jakarta')::date
) choice
ORDER BY person, completed, (training_id * 2654435761 + person * 40503) %% 4294967291, training_id
"""
COLUMNS_READ = 7


@dataclass(frozen=True, slots=True)
class ChoiceBlock:
    """Trainings of person u of some whole people: `items[ptr[u]:ptr[u+1]]`, positions in `training_ids`; `facts`
    (people, 5) for `profile.coded`, -1 unknown."""

    ptr: NDArray[np.int64]
    items: NDArray[np.int64]
    facts: NDArray[np.int64]


class CompletedChoices:
    """Everything completed by one instant, as one snapshot that can be read again and again, over all trainings there
    are: `training_ids` (ascending), `institution_ids` and `price_rupiah`, one each."""

    def __init__(self, cursor: Any, rows_at_once: int) -> None:
        self._cursor = cursor
        self._rows_at_once = rows_at_once
        with connection.cursor() as plain:  # after the choices, so that every training chosen is among them
            plain.execute("SELECT id, institution_id, price_rupiah FROM catalogue_training ORDER BY id")
            trainings = np.array(plain.fetchall(), dtype=np.int64).reshape(-1, 3)
        self.training_ids, self.institution_ids, self.price_rupiah = trainings.T.copy()

    def blocks(self) -> Iterator[ChoiceBlock]:
        """All of it from the start, whole people at a time, by their numbers; memory holds one block (56 bytes a
        choice)."""
        self._cursor.scroll(0, mode="absolute")
        begun = np.empty((0, COLUMNS_READ), np.int64)
        while read := self._cursor.fetchmany(self._rows_at_once):
            known = [tuple(-1 if value is None else value for value in row) for row in read]
            rows = np.concatenate([begun, np.array(known, dtype=np.int64)])
            last = int(np.searchsorted(rows[:, 0], rows[-1, 0]))  # the last person may go on in the next rows
            if last:
                yield self._block(rows[:last])
            begun = rows[last:]
        if len(begun):
            yield self._block(begun)

    def _block(self, rows: NDArray[np.int64]) -> ChoiceBlock:
        first = np.flatnonzero(np.diff(rows[:, 0], prepend=-1))
        items = np.searchsorted(self.training_ids, rows[:, 1])
        return ChoiceBlock(np.append(first, len(rows)), items, rows[first, 2:])


@contextmanager
def completed_choices(*, until: datetime, rows_at_once: int = ROWS_AT_ONCE) -> Iterator[CompletedChoices]:
    """Everything completed by `until`, `rows_at_once` choices at a time, through one cursor on the server: however
    often it is read, it is the database of the moment it was opened."""
    with transaction.atomic():
        connection.ensure_connection()
        with connection.connection.cursor(name="bekal_completed_choices", scrollable=True) as cursor:
            cursor.execute(CHOICES_SQL, {"until": until})
            yield CompletedChoices(cursor, rows_at_once)
