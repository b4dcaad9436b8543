"""`log_exposure`: keep what was shown to whom, so that what lists do can be measured."""

from collections.abc import Sequence
from datetime import datetime, time

from bekal.ledger.clock import JAKARTA, programme_day
from bekal.recommender.models import Exposure
from bekal.recommender.serve import RecommendedList

Shown = tuple[int | None, int, tuple[int, ...]]


def log_exposure(*, lists: Sequence[RecommendedList], at: datetime) -> int:
    """Keep one row for each list that a model made, an empty one too; returns how many. Rows are never changed.

    A page that is loaded again the same day with the same list (model, balance, trainings in order) is no new showing:
    it leaves no second row, unless another list was shown in between.
    """
    made = [(one, one.model_version_id) for one in lists if one.model_version_id is not None]
    before = _last_shown([one.participation_id for one, _ in made], at)
    rows = Exposure.objects.bulk_create(
        Exposure(
            participation_id=one.participation_id,
            model_version_id=version_id,
            shown_at=at,
            balance_rupiah=one.balance_rupiah,
            trainings=[item.training_id for item in one.items],
            scores=[item.score for item in one.items],
            propensities=[item.propensity for item in one.items],
            explored_place=next((place for place, item in enumerate(one.items, 1) if item.is_explored), None),
        )
        for one, version_id in made
        if before.get(one.participation_id) != _shown(one)
    )
    return len(rows)


def _shown(one: RecommendedList) -> Shown:
    return one.model_version_id, one.balance_rupiah, tuple(item.training_id for item in one.items)


def _last_shown(participation_ids: Sequence[int], at: datetime) -> dict[int, Shown]:
    """The list that each was shown last on that day (one query)."""
    begun_at = datetime.combine(programme_day(at), time(), tzinfo=JAKARTA)
    newest = Exposure.objects.filter(participation_id__in=participation_ids, shown_at__gte=begun_at)
    rows = newest.order_by("participation_id", "-id").distinct("participation_id")
    return {
        owner: (version_id, balance_rupiah, tuple(trainings))
        for owner, version_id, balance_rupiah, trainings in rows.values_list(
            "participation_id", "model_version_id", "balance_rupiah", "trainings"
        )
    }
