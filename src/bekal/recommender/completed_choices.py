"""What the model learns from: every completed purchase, and the completed choices of imported earlier learners."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
from django.db import connection, transaction
from numpy.typing import NDArray

from bekal.recommender.profile import SEX_SQL

ROWS_AT_ONCE = 50_000

# One row for each choice; a person's rows stand together. Person 2n is participation n, 2n + 1 earlier learner n.
CHOICES_SQL = f"""
SELECT purchase.participation_id * 2, purchase.training_id, {SEX_SQL.format(sex="person.sex")},
       extract(year FROM person.born_on)::int, person.education, person.employment, person.province
FROM purchases_purchase purchase
JOIN participants_participation participation ON participation.id = purchase.participation_id
JOIN participants_participant person ON person.id = participation.participant_id
WHERE purchase.completed_at <= %(until)s
UNION ALL
SELECT learner.id * 2 + 1, choice.training_id, {SEX_SQL.format(sex="learner.sex")},
       learner.birth_year, learner.education, learner.employment, learner.province
FROM recommender_earlierchoice choice
JOIN recommender_earlierlearner learner ON learner.id = choice.learner_id
WHERE choice.completed_on IS NULL OR choice.completed_on <= (%(until)s AT TIME ZONE 'Asia/Jakarta')::date
ORDER BY 1, 2
"""


@dataclass(frozen=True, slots=True)
class CompletedChoices:
    """Trainings of person u: `items[ptr[u]:ptr[u+1]]`, positions in `training_ids` (ascending)."""

    ptr: NDArray[np.int64]
    items: NDArray[np.int64]
    facts: NDArray[np.int64]  # (people, 5) for `profile.coded`, -1 unknown
    training_ids: NDArray[np.int64]
    institution_ids: NDArray[np.int64]
    price_rupiah: NDArray[np.int64]


def completed_choices(*, until: datetime) -> CompletedChoices:
    """Everything completed by `until`, over all trainings there are. Read through a cursor on the server, block by
    block, so that memory holds numbers only (56 bytes a choice)."""
    rows = _rows(until)
    with connection.cursor() as cursor:  # after the choices, so that every training chosen is among them
        cursor.execute("SELECT id, institution_id, price_rupiah FROM catalogue_training ORDER BY id")
        trainings = np.array(cursor.fetchall(), dtype=np.int64).reshape(-1, 3)
    first = np.flatnonzero(np.diff(rows[:, 0], prepend=-1))
    return CompletedChoices(
        ptr=np.append(first, len(rows)),
        items=np.searchsorted(trainings[:, 0], rows[:, 1]),
        facts=rows[first, 2:],
        training_ids=trainings[:, 0],
        institution_ids=trainings[:, 1],
        price_rupiah=trainings[:, 2],
    )


def _rows(until: datetime) -> NDArray[np.int64]:
    parts = [np.empty((0, 7), np.int64)]
    with transaction.atomic(), connection.chunked_cursor() as cursor:
        cursor.execute(CHOICES_SQL, {"until": until})
        while block := cursor.fetchmany(ROWS_AT_ONCE):
            known = [tuple(-1 if value is None else value for value in row) for row in block]
            parts.append(np.array(known, dtype=np.int64))
    return np.concatenate(parts)
