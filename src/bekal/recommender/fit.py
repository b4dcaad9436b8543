"""`fit`: learn a new model from what people have completed, and keep it as the newest version."""

from datetime import datetime

from bekal.core.recommend import ReasonTables, Recommender
from bekal.ledger.clock import programme_day
from bekal.recommender.completed_choices import completed_choices
from bekal.recommender.model_store import store_model
from bekal.recommender.models import ModelVersion
from bekal.recommender.profile import COLUMNS, NEVER_A_REASON, coded


class NothingToLearnError(Exception):
    """Nobody has completed a training yet."""


def fit(*, at: datetime, seed: int = 0) -> ModelVersion:
    """Fit the recommender and the tables of reasons to everything completed by `at`; returns the stored version.

    The same completed choices and seed give the same arrays, hence the same hash. Raises NothingToLearnError where
    there is no completed choice at all; then nothing is stored.
    """
    choices = completed_choices(until=at)
    if len(choices.items) == 0:
        raise NothingToLearnError(
            "Nobody has completed a training yet, so there is nothing to learn from: "
            "simulate some people, import choices, or wait for the first completions."
        )
    reference_year = programme_day(at).year
    profile = coded(choices.facts, reference_year)
    recommender = Recommender(seed=seed).fit(
        ptr=choices.ptr, items=choices.items, profile=profile, price_rupiah=choices.price_rupiah
    )
    reasons = ReasonTables.fit(
        ptr=choices.ptr,
        items=choices.items,
        profile=profile,
        institution=choices.institution_ids,
        excluded_columns=NEVER_A_REASON,
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
        choice_count=len(choices.items),
        at=at,
    )
