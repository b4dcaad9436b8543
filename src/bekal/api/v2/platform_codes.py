"""`POST /platform/one-time-codes`: have the participant sent the digits that confirm the purchase."""

from datetime import datetime

from django.utils.translation import gettext_lazy as _
from pydantic import Field

from bekal.api.v2.answers import Output
from bekal.api.v2.endpoint import PLATFORM, Declared, PartnerRequest, endpoint
from bekal.api.v2.platform_answers import SELLING_PROBLEMS, own_intent, selling_problem
from bekal.api.v2.platform_checks import StartCodeBody
from bekal.core.refusal import Refusal
from bekal.partners.scopes import Scope
from bekal.partners.sell_by_intent import ask_code


class CodeSentAnswer(Output):
    """The code is on its way to the participant; where to is not told."""

    expires_at: datetime = Field(description="The six digits are good until then.")


@endpoint(
    "POST",
    "/platform/one-time-codes",
    Declared(
        tag="platform",
        summary=_("Send the participant a one-time code"),
        answer=CodeSentAnswer,
        status=202,
        scope=Scope.PURCHASES,
        kind=PLATFORM,
        keeps=False,
        problems=SELLING_PROBLEMS,
    ),
)
def send_one_time_code(request: PartnerRequest, body: StartCodeBody) -> CodeSentAnswer:
    """Six digits go to the participant's phone, else by e-mail, with the training and its price. The same limits hold
    as on the programme's own page; a new code makes the one before worthless."""
    intent = own_intent(request.call, body.start_code)
    outcome = ask_code(intent=intent, at=request.call.at)
    if isinstance(outcome, Refusal):
        raise selling_problem(request.call, body.start_code, outcome)
    return CodeSentAnswer(expires_at=outcome.expires_at)
