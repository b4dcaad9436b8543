"""What the explored place of lists earns, and would earn if it were drawn otherwise: from what was shown and bought.

The place is drawn by chance among trainings that fit the person, so what was drawn can be weighed as if it had been
drawn in another way (`core.recommend.off_policy`). Lists do not say among how many it was drawn, nor the scores of the
others; so each candidate is a way to draw one of all the pairs of a list and a training that could have been drawn for
it: evenly, or in proportion to the score. A list from which much could be drawn then counts for more.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import numpy as np
from django.db import connection, transaction
from numpy.typing import NDArray

from bekal.core.recommend import PolicyValue, policy_value

ROWS_AT_ONCE = 50_000

DRAWN_SQL = """
SELECT exposure.participation_id, exposure.propensities[exposure.explored_place],
       exposure.scores[exposure.explored_place], EXISTS (
           SELECT FROM purchases_purchase purchase
           WHERE purchase.participation_id = exposure.participation_id
             AND purchase.training_id = exposure.trainings[exposure.explored_place]
             AND purchase.bought_at BETWEEN exposure.shown_at AND exposure.shown_at + make_interval(days => %(days)s)
       )
FROM recommender_exposure exposure
WHERE exposure.explored_place IS NOT NULL AND exposure.shown_at <= %(until)s
ORDER BY exposure.id
"""


class Candidate(StrEnum):
    """A way to fill the explored place."""

    AS_DRAWN = "as drawn"  # what the lists did
    EVEN = "even"
    BY_SCORE = "by score"


@dataclass(frozen=True, slots=True)
class Drawn:
    """One entry for each list with an explored place whose time to buy is over, in the order they were shown."""

    participation_ids: NDArray[np.int64]
    propensity: NDArray[np.float64]  # chance that this training was drawn for the place; NaN: was not kept
    score: NDArray[np.float64]  # chance that it is the person's next choice, as the model saw it
    is_bought: NDArray[np.bool_]


def drawn_exposures(*, at: datetime, within_days: int) -> Drawn:
    """What was drawn at least `within_days` before `at`, and whether the person bought it in that time."""
    parts = [np.empty((0, 4))]
    with transaction.atomic(), connection.chunked_cursor() as cursor:
        cursor.execute(DRAWN_SQL, {"days": within_days, "until": at - timedelta(days=within_days)})
        while block := cursor.fetchmany(ROWS_AT_ONCE):
            parts.append(np.array(block, dtype=np.float64))  # participations are far below 2**53
    owner, propensity, score, bought = np.concatenate(parts).T
    return Drawn(owner.astype(np.int64), propensity, score, bought.astype(np.bool_))


def explored_value(drawn: Drawn, candidate: Candidate) -> PolicyValue:
    """Share of exposures that lead to a purchase under the candidate; exposures of one participation count together.

    Raises NotEnoughLoggedError where too little was drawn for this candidate, ValueError for a propensity that is
    missing, 0 or above 1.
    """
    weight = {
        Candidate.AS_DRAWN: drawn.propensity,
        Candidate.EVEN: np.ones_like(drawn.propensity),
        Candidate.BY_SCORE: drawn.score,
    }[candidate]
    return policy_value(
        propensity=drawn.propensity,
        reward=drawn.is_bought,
        candidate=weight,
        up_to_a_factor=candidate is not Candidate.AS_DRAWN,
        person=drawn.participation_ids,
    )
