"""`log_exposure`: keep what was shown to whom, so that what lists do can be measured."""

from collections.abc import Sequence
from datetime import datetime

from bekal.recommender.models import Exposure
from bekal.recommender.serve import ListState, RecommendedList


def log_exposure(*, lists: Sequence[RecommendedList], at: datetime) -> int:
    """Keep one row for each list that a model made, an empty one too; returns how many. Rows are never changed."""
    shown = [one for one in lists if one.state is ListState.READY]
    Exposure.objects.bulk_create(
        Exposure(
            participation_id=one.participation_id,
            model_version_id=one.model_version_id,
            shown_at=at,
            balance_rupiah=one.balance_rupiah,
            trainings=[item.training_id for item in one.items],
            scores=[item.score for item in one.items],
        )
        for one in shown
    )
    return len(shown)
