"""`GET /me`: whose key this is, what it may, and which keys there are."""

from datetime import datetime

from django.utils.translation import gettext_lazy as _
from pydantic import Field

from bekal.api.v2.answers import Output
from bekal.api.v2.endpoint import ANYBODY, Declared, PartnerRequest, endpoint
from bekal.partners.call_budget import BURST_COUNT, CALLS_A_SECOND
from bekal.partners.models import PartnerKey


class KeyLine(Output):
    """One key of this partner in this world, never its secret."""

    key_id: str = Field(examples=["lembaga-7-k3v9q2mw"])
    scopes: list[str] = Field(examples=[["redeem", "evidence"]])
    issued_at: datetime
    expires_at: datetime | None = Field(description="Always null: a key is valid until it is revoked.")
    suspended_at: datetime | None
    miss_count: int = Field(description="Codes asked for that are nobody's or another's; twenty suspend the key.")
    is_this_key: bool


class MeAnswer(Output):
    """The partner, the world its key opens, and its live keys there."""

    partner: str
    name: str
    kind: str = Field(json_schema_extra={"enum": ["institution", "platform"]})
    world: str = Field(json_schema_extra={"enum": ["live", "sandbox"]})
    keys: list[KeyLine]
    burst_count: int = Field(description="So many calls may come at once.")
    calls_a_second: int
    at: datetime = Field(description="The programme's instant in this world.")


@endpoint(
    "GET",
    "/me",
    Declared(tag="keys", summary=_("Whose key this is"), answer=MeAnswer, kind=ANYBODY, about_keys=True),
)
def me(request: PartnerRequest) -> MeAnswer:
    """The partner of this key, the key's scopes, and the other live key while keys are being rotated."""
    call = request.call
    keys = PartnerKey.objects.filter(
        partner=call.partner_id, is_sandbox=call.is_sandbox, generation=PartnerKey.Generation.V2, revoked_at=None
    )
    return MeAnswer(
        partner=call.partner_code,
        name=call.partner_name,
        kind=call.kind,
        world="sandbox" if call.is_sandbox else "live",
        keys=[
            KeyLine(
                key_id=key.client_code,
                scopes=sorted(key.scopes),
                issued_at=key.issued_at,
                expires_at=None,
                suspended_at=key.suspended_at,
                miss_count=key.miss_count,
                is_this_key=key.pk == call.key_id,
            )
            for key in keys.order_by("issued_at", "pk")
        ],
        burst_count=BURST_COUNT,
        calls_a_second=CALLS_A_SECOND,
        at=call.at,
    )
