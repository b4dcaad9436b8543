"""`POST /sandbox/start-codes`: test participants start purchases at the platform."""

from datetime import datetime
from typing import Annotated, Literal

from django.utils.translation import gettext_lazy as _
from pydantic import Field

from bekal.api.v2.answers import Output
from bekal.api.v2.endpoint import PLATFORM, Declared, PartnerRequest, endpoint
from bekal.api.v2.inputs import Input
from bekal.api.v2.problems import refused
from bekal.api.v2.sandbox_world import sandbox_world
from bekal.core.refusal import Refusal
from bekal.partners.open_sandbox import CODES_AT_ONCE
from bekal.partners.sandbox_starts import StartPurpose, start_purchases_inside


class StartsBody(Input):
    """How many; of people who can pay (`covered`), who have spent their balance elsewhere since (`not_covered`), who
    have changed their mind (`withdrawn`), or who have started it at another platform (`elsewhere`)."""

    purpose: Literal["covered", "not_covered", "withdrawn", "elsewhere"] = "covered"
    count: Annotated[int, Field(ge=1, le=CODES_AT_ONCE)] = 1


class StartLine(Output):
    """One start code, the test participant who would hand it over, and what they want to buy."""

    start_code: str = Field(examples=["7K3QW9XM2VTR4HNC"])
    email: str = Field(examples=["uji-12345678@peserta.example"])
    training: str = Field(examples=["uji-platform-1M1"])
    institution: str = Field(description="Whose training it is: offers for it are taken.", examples=["uji-platform.1"])
    category: str = Field(description="Of the training, as an offer names it.", examples=["uji-coba"])
    price_rupiah: int = Field(examples=[200000])
    expires_at: datetime


class StartsAnswer(Output):
    start_codes: list[StartLine]


@endpoint(
    "POST",
    "/sandbox/start-codes",
    Declared(
        tag="sandbox",
        summary=_("Have test participants start purchases"),
        answer=StartsAnswer,
        status=201,
        kind=PLATFORM,
        problems=("sandbox_only", "sandbox_people_spent", "sandbox_nothing_sold"),
    ),
)
def take_start_codes(request: PartnerRequest, body: StartsBody) -> StartsAnswer:
    """Each by a new test person with a test balance, as the programme's own page does it, for a training of your
    platform. A start code is good for 30 minutes. A sandbox that was not open yet is opened."""
    made = start_purchases_inside(
        partner_id=request.call.partner_id,
        purposes=[StartPurpose(body.purpose)] * body.count,
        world=sandbox_world(request.call),
    )
    if isinstance(made, Refusal):
        raise refused(made)
    return StartsAnswer(
        start_codes=[
            StartLine(
                start_code=start.start_code,
                email=start.email,
                training=start.training_code,
                institution=start.institution_code,
                category=start.category_slug,
                price_rupiah=start.price_rupiah,
                expires_at=start.expires_at,
            )
            for start in made
        ]
    )
