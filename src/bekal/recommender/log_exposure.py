"""`log_exposure`: keep what was shown to whom, so that what lists do can be measured."""

from collections.abc import Sequence
from datetime import datetime

from bekal.recommender.models import Exposure
from bekal.recommender.serve import RecommendedList


def log_exposure(*, lists: Sequence[RecommendedList], at: datetime) -> int:
    """Keep one row for each list that a model made, an empty one too; returns how many. Rows are never changed."""
    shown = [(one, one.model_version_id) for one in lists if one.model_version_id is not None]
    Exposure.objects.bulk_create(
        Exposure(
            participation_id=one.participation_id,
            model_version_id=version_id,
            shown_at=at,
            balance_rupiah=one.balance_rupiah,
            trainings=[item.training_id for item in one.items],
            scores=[item.score for item in one.items],
        )
        for one, version_id in shown
    )
    return len(shown)
