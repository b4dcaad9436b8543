"""`propose_model`: an officer wants a version of the model to serve."""

from datetime import datetime

from django.db import transaction

from bekal.accounts.models import User
from bekal.recommender.model_store import promotions_to_decide_on, readable_version
from bekal.recommender.models import ModelProposal
from bekal.recommender.refusals import ModelRefusal, ModelRefusedError


@transaction.atomic
def propose_model(*, version_id: int, by: User, at: datetime) -> ModelProposal:
    """Propose a version; it serves when another officer promotes it.

    Raises ModelRefusedError: VERSION_NOT_FOUND, NOT_READABLE, ALREADY_SERVES, and ALREADY_PROPOSED where this officer
    has proposed it and nobody has answered.
    """
    version = readable_version(version_id)
    serves = promotions_to_decide_on().order_by("-id").values_list("model_version_id", flat=True).first()
    if serves == version_id:
        raise ModelRefusedError(ModelRefusal.ALREADY_SERVES, version_id)
    if version.proposals.filter(promotion=None, proposed_by=by).exists():
        raise ModelRefusedError(ModelRefusal.ALREADY_PROPOSED, version_id)
    return ModelProposal.objects.create(model_version=version, proposed_at=at, proposed_by=by)
