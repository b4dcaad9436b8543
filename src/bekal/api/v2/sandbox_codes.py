"""`POST /sandbox/codes`: further redeem codes of test people."""

from typing import Annotated, Literal

from django.utils.translation import gettext_lazy as _
from pydantic import Field

from bekal.api.v2.answers import Output
from bekal.api.v2.endpoint import Declared, PartnerRequest, endpoint
from bekal.api.v2.inputs import Input
from bekal.api.v2.problems import refused
from bekal.api.v2.sandbox_world import sandbox_world
from bekal.core.refusal import Refusal
from bekal.partners.models import SandboxCode
from bekal.partners.open_sandbox import CODES_AT_ONCE, more_codes_inside


class CodesBody(Input):
    """How many, of a training at one's own pace, one that begins now, or one that begins in three days."""

    purpose: Literal["self_paced", "webinar", "on_site", "later"]
    count: Annotated[int, Field(ge=1, le=CODES_AT_ONCE)] = 1


class CodeLine(Output):
    """One unused code, and the test participant who bought it."""

    redeem_code: str = Field(examples=["7K3QW9XM2VTR4HNC"])
    training: str = Field(examples=["uji-lembaga-1M1"])
    email: str = Field(examples=["uji-12345678@peserta.example"])
    price_rupiah: int


class CodesAnswer(Output):
    codes: list[CodeLine]


@endpoint(
    "POST",
    "/sandbox/codes",
    Declared(
        tag="sandbox",
        summary=_("Take further test codes"),
        answer=CodesAnswer,
        status=201,
        problems=("sandbox_only", "sandbox_not_open", "sandbox_people_spent", "sandbox_nothing_sold"),
    ),
)
def take_test_codes(request: PartnerRequest, body: CodesBody) -> CodesAnswer:
    """Each code is bought by a new test person from a test balance, at the sandbox's own instant."""
    made = more_codes_inside(
        partner_id=request.call.partner_id,
        purposes=[SandboxCode.Purpose(body.purpose)] * body.count,
        world=sandbox_world(request.call),
    )
    if isinstance(made, Refusal):
        raise refused(made)
    return CodesAnswer(
        codes=[
            CodeLine(
                redeem_code=code.redeem_code,
                training=code.training_code,
                email=code.email,
                price_rupiah=code.price_rupiah,
            )
            for code in made
        ]
    )
