"""`roll_back_model`: return to a version of the model that served before, at once."""

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction

from bekal.accounts.models import User
from bekal.recommender.model_store import promotions_to_decide_on, readable_version
from bekal.recommender.models import ModelPromotion
from bekal.recommender.refusals import ModelRefusal, ModelRefusedError


@transaction.atomic
def roll_back_model(*, at: datetime, by: User | None = None, to_version_id: int | None = None) -> ModelPromotion:
    """From now on the version before serves again, or `to_version_id`, which has to have served once.

    One officer is enough, or none (the command line): two have agreed on that version before. A version that was rolled
    back is not one to return to by itself, so that two roll-backs in a row go back two versions.
    Raises ModelRefusedError: NOTHING_SERVES, NOTHING_BEFORE; for a named version VERSION_NOT_FOUND, NOT_READABLE,
    NEVER_SERVED, ALREADY_SERVES.
    """
    history = list(promotions_to_decide_on().order_by("id").values_list("kind", "model_version_id"))
    if not history:
        raise ModelRefusedError(ModelRefusal.NOTHING_SERVES)
    if to_version_id is None:
        standing = standing_versions(history)
        if len(standing) < 2:
            raise ModelRefusedError(ModelRefusal.NOTHING_BEFORE)
        to_version_id = standing[-2]
    else:
        readable_version(to_version_id)
        if to_version_id not in {version_id for _, version_id in history}:
            raise ModelRefusedError(ModelRefusal.NEVER_SERVED, to_version_id)
        if to_version_id == history[-1][1]:
            raise ModelRefusedError(ModelRefusal.ALREADY_SERVES, to_version_id)
    return ModelPromotion.objects.create(
        kind=ModelPromotion.Kind.ROLLED_BACK, model_version_id=to_version_id, promoted_at=at, promoted_by=by
    )


def standing_versions(history: Iterable[tuple[str, int]]) -> list[int]:
    """Versions by when they came to serve, without those that were rolled back; the last one serves."""
    standing: list[int] = []
    for kind, version_id in history:
        if kind == ModelPromotion.Kind.ROLLED_BACK and version_id in standing:
            del standing[standing.index(version_id) + 1 :]
        else:
            standing = [one for one in standing if one != version_id]
            standing.append(version_id)
    return standing
