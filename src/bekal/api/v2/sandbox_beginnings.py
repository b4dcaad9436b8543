"""`POST /sandbox/beginnings`: the sandbox begins anew, with fresh people, at the programme's clock."""

from datetime import datetime

from django.utils.translation import gettext_lazy as _

from bekal.api.v2.answers import Output
from bekal.api.v2.endpoint import ANYBODY, Declared, PartnerRequest, endpoint
from bekal.api.v2.problems import refused
from bekal.api.v2.sandbox_world import sandbox_world
from bekal.partners.move_clock import begin_anew_inside


class BeginningAnswer(Output):
    """What your clock shows now: what the programme's does."""

    at: datetime


@endpoint(
    "POST",
    "/sandbox/beginnings",
    Declared(
        tag="sandbox",
        summary=_("Begin the sandbox anew"),
        answer=BeginningAnswer,
        status=201,
        kind=ANYBODY,
        problems=("sandbox_only", "sandbox_nothing_sold"),
    ),
)
def begin_sandbox_anew(request: PartnerRequest) -> BeginningAnswer:
    """Fresh people, and an institution or platform of yours that has no past; the clock goes back to the programme's.
    Keys, webhooks and what the conformance page shows stay."""
    outcome = begin_anew_inside(partner_id=request.call.partner_id, world=sandbox_world(request.call))
    if outcome.refusal is not None:
        raise refused(outcome.refusal)
    assert outcome.at is not None, "what was not refused has begun"
    return BeginningAnswer(at=outcome.at)
