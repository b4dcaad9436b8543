"""`POST /platform/checks`: whether a purchase that a participant has started is covered."""

from datetime import datetime

from django.utils.translation import gettext_lazy as _
from pydantic import Field

from bekal.api.v2.answers import Output, TrainingName
from bekal.api.v2.endpoint import PLATFORM, Declared, PartnerRequest, endpoint
from bekal.api.v2.inputs import Input
from bekal.api.v2.platform_answers import StartCodeText, own_intent
from bekal.partners.scopes import Scope
from bekal.partners.sell_by_intent import cover_of
from bekal.ui.refusals import sentence


class StartCodeBody(Input):
    """What the participant handed over."""

    start_code: StartCodeText


class CheckAnswer(Output):
    """Enough or not, for this one purchase. The balance itself is not told."""

    training: TrainingName
    price_rupiah: int = Field(examples=[300000])
    is_covered: bool
    missing_rupiah: int = Field(description="What the balance lacks; 0 where it is enough.", examples=[0])
    reason: str | None = Field(description="Why it cannot be bought now, for machines.", examples=["above_balance"])
    says: str | None = Field(description="The same as a sentence, for the participant.")
    expires_at: datetime = Field(description="The start code opens nothing after this instant.")


@endpoint(
    "POST",
    "/platform/checks",
    Declared(
        tag="platform",
        summary=_("Check a purchase that was started"),
        answer=CheckAnswer,
        scope=Scope.PURCHASES,
        kind=PLATFORM,
        keeps=False,
        problems=("start_code_not_found",),
    ),
)
def check_purchase(request: PartnerRequest, body: StartCodeBody) -> CheckAnswer:
    """Nobody is looked up: only a start code that its participant has handed over is answered for, and only this
    platform's. A code that was never handed to this platform costs the key's budget of misses; twenty suspend the key.
    Nothing is reserved: the purchase decides again."""
    intent = own_intent(request.call, body.start_code)
    cover = cover_of(intent=intent, at=request.call.at)
    return CheckAnswer(
        training=TrainingName(code=intent.training_code, title=intent.title, session_count=intent.session_count),
        price_rupiah=intent.price_rupiah,
        is_covered=cover.refusal is None,
        missing_rupiah=cover.missing_rupiah,
        reason=None if cover.refusal is None else str(cover.refusal.code),
        says=None if cover.refusal is None else sentence(cover.refusal),
        expires_at=intent.expires_at,
    )
