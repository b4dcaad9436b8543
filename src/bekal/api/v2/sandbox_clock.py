"""`POST /sandbox/clock`: the partner moves the programme clock of its own sandbox."""

from datetime import datetime
from typing import Annotated, Literal

from django.utils.translation import gettext_lazy as _
from pydantic import Field

from bekal.api.v2.answers import Output
from bekal.api.v2.endpoint import ANYBODY, Declared, PartnerRequest, endpoint
from bekal.api.v2.inputs import Input
from bekal.api.v2.problems import refused
from bekal.api.v2.sandbox_world import sandbox_world
from bekal.partners.move_clock import LIMIT_DAYS_COUNT, Destination, move_clock_inside


class ClockBody(Input):
    """Where to: past the next 25th at nine, past 31 December, or so many days on."""

    to: Literal["25th", "year_end", "days"]
    days: Annotated[int, Field(ge=1, le=LIMIT_DAYS_COUNT)] = 1


class ClockAnswer(Output):
    """From when to when, and what that did to the partner's own test people and purchases."""

    was_at: datetime
    at: datetime
    reviewed_count: int = Field(description="Test people who reviewed what they had completed.")
    proven_count: int = Field(description="Purchases whose evidence is complete now.")
    entitled_count: int = Field(description="Test people who earned their incentives.")
    settled_count: int
    settled_rupiah: int = Field(description="Paid to the institution.")
    revoked_count: int = Field(description="Places without a purchase, taken back whole.")
    revoked_rupiah: int
    ended_count: int = Field(description="Training balances whose last day has passed.")
    ended_rupiah: int
    returned_rupiah: int = Field(description="Back at the treasury: revoked_rupiah and ended_rupiah.")


@endpoint(
    "POST",
    "/sandbox/clock",
    Declared(
        tag="sandbox",
        summary=_("Move the sandbox's clock"),
        answer=ClockAnswer,
        kind=ANYBODY,
        problems=("sandbox_only", "sandbox_not_open", "sandbox_clock_back", "sandbox_clock_too_far"),
    ),
)
def move_sandbox_clock(request: PartnerRequest, body: ClockBody) -> ClockAnswer:
    """Forward only, for this partner alone. What falls due on the way is done by the programme's own rules: test
    people review what they completed, evidence is reconciled, institutions are settled after the hold, places without
    a purchase are revoked, balances end."""
    moved = move_clock_inside(
        partner_id=request.call.partner_id,
        world=sandbox_world(request.call),
        destination=None if body.to == "days" else Destination(body.to),
        days=body.days,
    )
    if moved.refusal is not None:
        raise refused(moved.refusal)
    assert moved.was_at is not None and moved.at is not None, "what was not refused has moved"
    return ClockAnswer(
        was_at=moved.was_at,
        at=moved.at,
        reviewed_count=moved.reviewed_count,
        proven_count=moved.proven_count,
        entitled_count=moved.entitled_count,
        settled_count=moved.settled_count,
        settled_rupiah=moved.settled_rupiah,
        revoked_count=moved.revoked_count,
        revoked_rupiah=moved.revoked_rupiah,
        ended_count=moved.ended_count,
        ended_rupiah=moved.ended_rupiah,
        returned_rupiah=moved.returned_rupiah,
    )
