"""`fit`: learn a new model from what people have completed, and keep it as a version that can be examined."""

from collections.abc import Iterator
from datetime import datetime

from numpy.typing import ArrayLike

from bekal.core.recommend import ReasonTables, Recommender
from bekal.ledger.clock import programme_day
from bekal.recommender.completed_choices import ROWS_AT_ONCE, completed_choices
from bekal.recommender.model_store import store_model
from bekal.recommender.models import ModelVersion
from bekal.recommender.profile import COLUMNS, NEVER_A_REASON, coded


class NothingToLearnError(Exception):
    """Nobody has completed a training yet."""


def fit(*, at: datetime, seed: int = 0, rows_at_once: int = ROWS_AT_ONCE, processes: int = 1) -> ModelVersion:
    """Fit the recommender and the tables of reasons to everything completed by `at`; returns the stored version.

    It serves nobody before it was examined, proposed and promoted. The same completed choices and seed give the same
    arrays, hence the same hash, however many choices are read `rows_at_once` and however many `processes` count them;
    memory does not grow with the number of people. Raises NothingToLearnError where there is no completed choice at
    all; then nothing is stored.
    """
    reference_year = programme_day(at).year
    with completed_choices(until=at, rows_at_once=rows_at_once) as choices:

        def blocks() -> Iterator[tuple[ArrayLike, ArrayLike, ArrayLike]]:
            for block in choices.blocks():
                yield block.ptr, block.items, coded(block.facts, reference_year)

        reasons = ReasonTables.fit_stream(
            blocks=blocks, institution=choices.institution_ids, excluded_columns=NEVER_A_REASON
        )
        if reasons.people_count == 0:
            raise NothingToLearnError(
                "Nobody has completed a training yet, so there is nothing to learn from: "
                "simulate some people, import choices, or wait for the first completions."
            )
        recommender = Recommender(seed=seed).fit_stream(
            blocks=blocks, price_rupiah=choices.price_rupiah, processes=processes
        )
    facts = {
        "trained_until": at.isoformat(),
        "reference_year": reference_year,
        "profile_columns": list(COLUMNS),
        "never_a_reason": [COLUMNS[column] for column in NEVER_A_REASON],
    }
    return store_model(
        recommender=recommender,
        reasons=reasons,
        training_ids=choices.training_ids,
        facts=facts,
        choice_count=int(reasons.training_count.sum()),
        at=at,
    )
