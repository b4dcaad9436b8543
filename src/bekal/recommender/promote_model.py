"""`promote_model`: a second officer lets a proposed version of the model serve."""

from datetime import datetime

from django.db import transaction
from django.db.utils import IntegrityError

from bekal.accounts.models import User
from bekal.recommender.model_store import promotions_to_decide_on, readable_version
from bekal.recommender.models import ModelPromotion, ModelProposal, ModelVersion
from bekal.recommender.refusals import ModelRefusal, ModelRefusedError

SECOND_PERSON = "recommender_modelpromotion_second_person"


@transaction.atomic
def promote_model(*, version_id: int, by: User, at: datetime) -> ModelPromotion:
    """From now on this version serves. Its newest examination has to pass.

    That proposer and promoter are two people is decided by the database's constraint and by nothing else. Raises
    ModelRefusedError: VERSION_NOT_FOUND, NOT_READABLE, ALREADY_SERVES, NOT_EXAMINED, NOT_PASSED, NOT_PROPOSED,
    SAME_PERSON; nothing has changed then.
    """
    version = readable_version(version_id)
    serves = promotions_to_decide_on().order_by("-id").values_list("model_version_id", flat=True).first()
    if serves == version_id:
        raise ModelRefusedError(ModelRefusal.ALREADY_SERVES, version_id)
    examination = version.examinations.order_by("-id").first()
    if examination is None:
        raise ModelRefusedError(ModelRefusal.NOT_EXAMINED, version_id)
    if not examination.passes:
        raise ModelRefusedError(ModelRefusal.NOT_PASSED, version_id)
    return _promotion(version, _proposal_for(version, by), by, at)


def _proposal_for(version: ModelVersion, by: User) -> ModelProposal:
    """The newest one that is open, of another officer where there is one."""
    proposals = list(version.proposals.filter(promotion=None).order_by("-id"))
    if not proposals:
        raise ModelRefusedError(ModelRefusal.NOT_PROPOSED, version.pk)
    return next((one for one in proposals if one.proposed_by_id != by.pk), proposals[0])


def _promotion(version: ModelVersion, proposal: ModelProposal, by: User, at: datetime) -> ModelPromotion:
    try:
        with transaction.atomic():
            return ModelPromotion.objects.create(
                kind=ModelPromotion.Kind.PROMOTED,
                model_version=version,
                promoted_at=at,
                promoted_by=by,
                proposal=proposal,
                proposed_by_id=proposal.proposed_by_id,
            )
    except IntegrityError as error:
        if SECOND_PERSON not in str(error):
            raise
        raise ModelRefusedError(ModelRefusal.SAME_PERSON, version.pk) from None
