"""Why a training is on a list, in counts that anybody with the purchases can recompute (see README.md, Reasons).

The counts are for whoever checks them. A participant is shown the rounded share alone, and it changes only when another
model version comes into service.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from bekal.core.recommend import Reason
from bekal.recommender.model_store import ServingModel
from bekal.recommender.profile import NEVER_A_REASON, UNKNOWN, Trait, trait
from bekal.recommender.shelf import Shelf


class ReasonKind(StrEnum):
    AFTER = "after"  # of those who completed `training_id`, which this person has bought, so many completed this one
    PROFILE = "profile"  # of those with this `trait`, so many completed this one
    POPULAR = "popular"  # of all who completed anything, so many completed this one
    FRESH = "fresh"  # listed within 90 days, completed by fewer than ten; its category fits this person


@dataclass(frozen=True, slots=True)
class ShownReason:
    """The counts are of people, and never shown. `share_percent` is cell of group rounded to 5, None where no number
    may be shown.
    """

    kind: ReasonKind
    cell_count: int
    group_count: int
    training_count: int
    people_count: int
    share_percent: int | None
    training_id: int | None = None
    trait: Trait | None = None
    category_id: int | None = None


class Limit(StrEnum):
    """What every list keeps to, whatever the model thinks."""

    BALANCE = "balance"  # costs no more than is left
    SEATS_LEFT = "seats_left"  # is on sale and not full; where seats are few, some people are led to freer courses
    NOT_BOUGHT = "not_bought"  # was not bought before
    IN_TIME = "in_time"  # begins while the balance can be used


@dataclass(frozen=True, slots=True)
class UsedFact:
    """Something about this person that the model computes with. `may_be_reason`: False for sex, which may move a score
    but never makes a reason."""

    trait: Trait
    may_be_reason: bool


@dataclass(frozen=True, slots=True)
class WhyThis:
    """All that made one training stand on one person's list: the reason shown, the person's own facts and purchases
    that the model used, the limits, and whether the place is the one that a draw gives to something fresh."""

    reason: ShownReason
    facts: tuple[UsedFact, ...]
    bought_ids: tuple[int, ...]
    limits: tuple[Limit, ...]
    is_explored: bool


def why_these(
    model: ServingModel,
    shelf: Shelf,
    profile_row: NDArray[np.int64],
    known: NDArray[np.int64],
    chosen: NDArray[np.int32],
    explored: int | None,
) -> list[WhyThis]:
    """Why each training stands on one list, in its order; arguments as of `shown_reasons`, `explored` is the drawn
    place, from 0."""
    facts = tuple(
        UsedFact(trait(column, value), column not in NEVER_A_REASON)
        for column, value in enumerate(profile_row.tolist())
        if value != UNKNOWN
    )
    bought_ids = tuple(model.training_ids[known].tolist())
    reasons = shown_reasons(model, shelf, profile_row, known, chosen)
    return [WhyThis(reason, facts, bought_ids, tuple(Limit), rank == explored) for rank, reason in enumerate(reasons)]


def shown_reasons(
    model: ServingModel,
    shelf: Shelf,
    profile_row: NDArray[np.int64],
    known: NDArray[np.int64],
    chosen: NDArray[np.int32],
) -> list[ShownReason]:
    """The reason for each training of one list; `known` are model positions, `chosen` positions on the shelf."""
    return [_shown_reason(model, shelf, profile_row, known, int(place)) for place in chosen]


def _shown_reason(
    model: ServingModel, shelf: Shelf, profile_row: NDArray[np.int64], known: NDArray[np.int64], place: int
) -> ShownReason:
    model_place = int(shelf.model_place[place])
    category_id = int(shelf.category_ids[shelf.category[place]])
    if shelf.is_fresh[place] or model_place < 0:
        kind = ReasonKind.FRESH if shelf.is_fresh[place] else ReasonKind.POPULAR
        count = int(shelf.completed_count[place])
        people = model.reasons.people_count
        return ShownReason(kind, count, people, count, people, None, category_id=category_id)
    reason = model.reasons.reason(profile_row, known, model_place)
    return ShownReason(
        kind=ReasonKind(reason.kind),
        cell_count=reason.cell_count,
        group_count=reason.group_count,
        training_count=reason.training_count,
        people_count=reason.people_count,
        share_percent=reason.share_percent if reason.publishable else None,
        training_id=int(model.training_ids[reason.training]) if reason.kind == ReasonKind.AFTER else None,
        trait=_trait(reason),
        category_id=category_id,
    )


def _trait(reason: Reason) -> Trait | None:
    return trait(reason.attribute, reason.value) if reason.kind == ReasonKind.PROFILE else None
