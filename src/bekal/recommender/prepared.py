"""Lists made in the night: how they are kept, and which of them still hold."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any

import numpy as np

from bekal.ledger.clock import programme_day
from bekal.recommender.buyers import Buyer
from bekal.recommender.made import MadeList, ShownPlan
from bekal.recommender.model_store import ServingModel
from bekal.recommender.models import PreparedList
from bekal.recommender.shelf import Shelf

LIST_LENGTH = 10
KEPT = ("model_version_id", "prepared_at", "shelf_hash", "balance_rupiah", "bought_count", "content")


def prepared_lists(model: ServingModel, shelf: Shelf, people: Sequence[Buyer], on: date) -> dict[int, MadeList]:
    """The lists of LIST_LENGTH that still hold, by participation: made on that day by this model from this catalogue at
    these prices, for this balance and these purchases, of trainings that can still be bought. One query."""
    by_id = {person.participation_id: person for person in people}
    rows = PreparedList.objects.filter(pk__in=list(by_id), model_version_id=model.version_id)
    return {
        row.participation_id: _read(row)
        for row in rows.order_by("pk")
        if bytes(row.shelf_hash) == shelf.sha256
        and programme_day(row.prepared_at) == on
        and row.balance_rupiah == by_id[row.participation_id].balance_rupiah
        and row.bought_count == len(by_id[row.participation_id].bought_ids)
        and _still_offered(row.content, shelf)
    }


def _still_offered(content: dict[str, Any], shelf: Shelf) -> bool:
    """Whether everything of the list and its plans can be bought now, and what is listed is as scarce as it was."""
    listed = np.searchsorted(shelf.ids, np.array(content["trainings"], dtype=np.int64))
    planned = {number for _, ids, _, _ in content["plans"] for number in ids}
    places = np.concatenate([listed, np.searchsorted(shelf.ids, np.array(sorted(planned), dtype=np.int64))])
    return bool(shelf.on_sale[places].all()) and shelf.seat_price[listed].tolist() == content["scarcity"]


def keep_lists(
    *, made: Iterable[MadeList], people: Sequence[Buyer], model: ServingModel, shelf: Shelf, at: datetime
) -> None:
    """Keep each list in the place of the person's older one."""
    by_id = {person.participation_id: person for person in people}
    PreparedList.objects.bulk_create(
        (
            PreparedList(
                participation_id=one.participation_id,
                model_version_id=model.version_id,
                prepared_at=at,
                shelf_hash=shelf.sha256,
                balance_rupiah=by_id[one.participation_id].balance_rupiah,
                bought_count=len(by_id[one.participation_id].bought_ids),
                content=_written(one, shelf),
            )
            for one in made
        ),
        update_conflicts=True,
        unique_fields=["participation_id"],
        update_fields=KEPT,
    )


def _written(one: MadeList, shelf: Shelf) -> dict[str, Any]:
    return {
        "trainings": one.training_ids,
        "scores": one.scores,
        "propensities": one.propensities,
        "explored": one.explored,
        "scarcity": shelf.seat_price[np.searchsorted(shelf.ids, np.array(one.training_ids, dtype=np.int64))].tolist(),
        "plans": [(p.kind, p.training_ids, p.spent_rupiah, p.left_rupiah) for p in one.plans],
    }


def _read(row: PreparedList) -> MadeList:
    content = row.content
    return MadeList(
        participation_id=row.participation_id,
        training_ids=tuple(content["trainings"]),
        scores=tuple(content["scores"]),
        propensities=tuple(content["propensities"]),
        explored=content["explored"],
        plans=tuple(ShownPlan(kind, tuple(ids), spent, left) for kind, ids, spent, left in content["plans"]),
    )
