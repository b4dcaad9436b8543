"""`GET /sandbox/one-time-codes`: what a test participant was sent, who has no phone to read it on."""

from datetime import datetime
from typing import Annotated

from django.utils.translation import gettext_lazy as _
from pydantic import Field

from bekal.api.v2.answers import Output
from bekal.api.v2.endpoint import PLATFORM, Declared, PartnerRequest, endpoint
from bekal.api.v2.platform_answers import own_intent
from bekal.api.v2.problems import refused
from bekal.api.v2.sandbox_world import sandbox_world
from bekal.core.refusal import Refusal
from bekal.partners.sandbox_starts import received_code


class ReceivedAnswer(Output):
    """The newest code of this purchase; an older one is worth nothing any more."""

    one_time_code: str = Field(description="The six digits.", examples=["482913"])
    channel: str = Field(json_schema_extra={"enum": ["sms", "email", "whatsapp"]})
    message: str = Field(description="As the participant reads it.")
    expires_at: datetime


@endpoint(
    "GET",
    "/sandbox/one-time-codes",
    Declared(
        tag="sandbox",
        summary=_("Read what a test participant was sent"),
        answer=ReceivedAnswer,
        kind=PLATFORM,
        problems=("sandbox_only", "start_code_not_found", "sandbox_no_code_sent"),
    ),
)
def read_one_time_code(
    request: PartnerRequest,
    start_code: Annotated[str, Field(min_length=1, max_length=40, description="The purchase that it is sent for.")],
) -> ReceivedAnswer:
    """After `POST /platform/one-time-codes`: the digits that a participant reads on their phone and types at the
    platform. In the programme nobody but the participant is told them."""
    sandbox_world(request.call)
    outcome = received_code(intent=own_intent(request.call, start_code), partner_id=request.call.partner_id)
    if isinstance(outcome, Refusal):
        raise refused(outcome)
    return ReceivedAnswer(
        one_time_code=outcome.one_time_code,
        channel=outcome.channel.value,
        message=outcome.message,
        expires_at=outcome.expires_at,
    )
