"""`GET /trainings/{training}`: one training of the institution with its sessions."""

from django.utils.translation import gettext_lazy as _

from bekal.api.v2.endpoint import Declared, PartnerRequest, endpoint
from bekal.api.v2.training_answer import TrainingAnswer, own_training_or_problem, training_answers
from bekal.partners.scopes import Scope


@endpoint(
    "GET",
    "/trainings/{training}",
    Declared(
        tag="sessions",
        summary=_("One training with its sessions"),
        answer=TrainingAnswer,
        scope=Scope.SESSIONS,
        problems=("training_not_found",),
    ),
)
def training(request: PartnerRequest, training: str) -> TrainingAnswer:
    """By its code. Another institution's training is not found, as if there were none."""
    (answer,) = training_answers([own_training_or_problem(request.call, training)])
    return answer
